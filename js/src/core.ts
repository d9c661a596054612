import * as glue from "./generated/core_bg.js";
import { compile } from "./module.js";

let linked = false;

/**
 * The Rust core, instantiated when it is first asked for, so that importing the package costs
 * nothing and needs no `await`.
 */
export function core(): typeof glue {
  if (!linked) {
    // The name of the import is what `wasm-bindgen --target bundler --out-name core` gives it.
    const instance = new WebAssembly.Instance(compile(), { "./core_bg.js": { ...glue } });
    glue.__wbg_set_wasm(instance.exports);
    (instance.exports.__wbindgen_start as () => void)();
    linked = true;
  }
  return glue;
}
