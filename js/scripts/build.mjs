// Makes dist/ of src/ and of what wasm-bindgen wrote to src/generated.

import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
rmSync("dist", { recursive: true, force: true });

const small = "src/generated/holdoff.wasm";
run("binaryen/bin/wasm-opt", "src/generated/core_bg.wasm", "-o", small, "-Oz", "--converge");
const text = pack(readFileSync(small));
writeFileSync("src/generated/wasm.ts", `export const wasm =\n  "${text}";\n`);
run("typescript/bin/tsc");

copyFileSync(small, "dist/holdoff.wasm");
for (const licence of ["LICENSE-APACHE", "LICENSE-MIT"]) {
  copyFileSync(join("..", licence), join("dist", licence));
}
// The same package once more, for runtimes that take precompiled modules only: one file differs.
for (const file of readdirSync("dist", { recursive: true })) {
  const differs = ["module.js", "generated/wasm.js"].includes(file.replaceAll("\\", "/"));
  if (file.endsWith(".js") && !file.startsWith("workerd") && !differs) {
    cpSync(join("dist", file), join("dist/workerd", file));
  }
}

function run(tool, ...options) {
  const path = join("node_modules", tool);
  execFileSync(process.execPath, [path, ...options], { stdio: "inherit" });
}

/**
 * Bytes as printable ASCII, one character for most: zipped, it is a fifth smaller than base64, which
 * hides from gzip where bytes begin. A byte below 90 is the character at 35 plus it; `}` and `~`
 * before a character add 90 and 180. `\` and `<` have stand-ins, so that no quoting is needed.
 */
function pack(bytes) {
  const character = (digit) => String.fromCharCode(digit + 35);
  const digits = [...bytes].flatMap((byte) =>
    byte < 90 ? [byte] : byte < 180 ? [90, byte - 90] : [91, byte - 180],
  );
  return digits.map(character).join("").replaceAll("\\", " ").replaceAll("<", "!");
}
