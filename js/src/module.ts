import { wasm } from "./generated/wasm.js";

/** Compiles the module that is inlined in this package. The `workerd` build imports it instead. */
export function compile(): WebAssembly.Module {
  try {
    return new WebAssembly.Module(unpack(wasm));
  } catch (cause) {
    throw new Error(
      `holdoff may not compile its WebAssembly here (${cause}); for a page whose ` +
        "Content-Security-Policy forbids it, add 'wasm-unsafe-eval' to script-src; for a runtime that " +
        "takes precompiled modules only, have the import condition `workerd` set, under which " +
        "holdoff imports its holdoff.wasm",
      { cause },
    );
  }
}

/** The inverse of `pack` in scripts/build.mjs. */
function unpack(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  let base = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    const digit = (code === 32 ? 92 : code === 33 ? 60 : code) - 35;
    if (digit < 90) {
      bytes[length++] = base + digit;
      base = 0;
    } else {
      base = digit === 90 ? 90 : 180;
    }
  }
  return bytes.slice(0, length);
}
