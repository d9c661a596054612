// What the package weighs where it is used: the module, and all of it as a bundler ships it.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";

const wasm = readFileSync(new URL("./node_modules/holdoff/dist/holdoff.wasm", import.meta.url));
show("the WebAssembly module", wasm);

const { outputFiles } = buildSync({
  stdin: {
    contents: 'export * from "holdoff";',
    resolveDir: fileURLToPath(new URL(".", import.meta.url)),
  },
  bundle: true,
  minify: true,
  format: "esm",
  write: false,
});
show("the npm package, bundled and minified", outputFiles[0].contents);

function show(what, bytes) {
  const zipped = gzipSync(bytes, { level: 9 }).length;
  console.log(`${String(bytes.length).padStart(9)} bytes, ${zipped} gzipped: ${what}`);
}
