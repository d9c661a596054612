import module from "../holdoff.wasm";

/** Takes the place of `../module.js` where modules may not be compiled, only imported. */
export function compile(): WebAssembly.Module {
  return module;
}
