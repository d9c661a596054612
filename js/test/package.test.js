// The tarball: what is in it, what it exports and what its types let users write.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as holdoff from "holdoff";

const js = fileURLToPath(new URL("..", import.meta.url));
const installed = join(js, "test/node_modules/holdoff");
const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
const files = readdirSync(installed, { recursive: true })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => statSync(join(installed, file)).isFile());

test("holds what it needs and nothing else", () => {
  const odd = files.filter(
    (file) => !/^dist\/(workerd\/)?(generated\/)?\w+(\.d)?\.(js|ts)$/.test(file),
  );
  assert.deepEqual(odd.sort(), [
    "README.md",
    "dist/LICENSE-APACHE",
    "dist/LICENSE-MIT",
    "dist/holdoff.wasm",
    "package.json",
  ]);
  assert.equal(manifest.dependencies, undefined);
  for (const target of [manifest.types, ...Object.values(manifest.exports["."])]) {
    assert.ok(files.includes(target.replace("./", "")), target);
  }
});

/** The entries that are for a library import that library. */
const peers = { "axios.js": "axios", "opentelemetry.js": "@opentelemetry/api" };

test("imports nothing but its own files, and what an entry is for", () => {
  for (const peer of Object.values(peers)) {
    assert.equal(manifest.peerDependenciesMeta[peer].optional, true);
  }
  for (const file of files.filter((file) => file.endsWith(".js"))) {
    const source = readFileSync(join(installed, file), "utf8");
    const imports = [...source.matchAll(/^(?:import|export)[^;]*? from "([^"]+)"/gm)];
    const peer = peers[basename(file)];
    for (const [, from] of imports) {
      assert.ok(/^\.\.?\//.test(from) || from === peer, `${file} imports ${from}`);
    }
  }
});

test("carries one module, inlined and as a file, that asks only for its own glue", async () => {
  const file = fileURLToPath(import.meta.resolve("holdoff/holdoff.wasm"));
  const bytes = readFileSync(file);
  const module = new WebAssembly.Module(bytes);
  const from = new Set(WebAssembly.Module.imports(module).map(({ module }) => module));
  assert.deepEqual([...from], ["./core_bg.js"]);
  const compiled = [];
  const { Module } = WebAssembly;
  WebAssembly.Module = class extends Module {
    constructor(inlined) {
      super(inlined);
      compiled.push(Buffer.from(inlined));
    }
  };
  holdoff.Policy.tessera();
  holdoff.parseError("");
  WebAssembly.Module = Module;
  assert.equal(compiled.length, 1, "it is compiled at the first use, once");
  assert.ok(compiled[0].equals(bytes));
});

test("exports its surface, and its version", () => {
  assert.deepEqual(Object.keys(holdoff).sort(), [
    "Decision",
    "Explanation",
    "HeldBackError",
    "Policy",
    "PolicyError",
    "SupportReport",
    "Upstream",
    "decisionOf",
    "freshSeed",
    "parseError",
    "presetNames",
    "retry",
    "supportReport",
  ]);
  const require = createRequire(import.meta.url);
  assert.equal(require("holdoff/package.json").version, manifest.version);
});

test("the lock file names no registry", () => {
  const { packages } = JSON.parse(readFileSync(join(js, "package-lock.json"), "utf8"));
  const resolved = Object.values(packages).filter((entry) => "resolved" in entry);
  assert.deepEqual(resolved, []);
});

for (const [module, moduleResolution] of [
  ["nodenext", "nodenext"],
  ["esnext", "bundler"],
]) {
  test(`types: users may write what test/types has, with moduleResolution ${moduleResolution}`, () => {
    const options = ["--ignoreConfig", "--module", module, "--moduleResolution", moduleResolution];
    const strict = ["--noEmit", "--strict", "--target", "es2022", "--lib"];
    const tsc = join(js, "node_modules/typescript/bin/tsc");
    const compile = (file, ...more) =>
      execFileSync(
        process.execPath,
        [tsc, ...strict, ...more, ...options, join(js, "test/types", file)],
        { cwd: join(js, "test"), encoding: "utf8" },
      );
    const run = () => {
      compile("use.mts", "es2022,dom", "--types", "");
      // Other libraries' types need Node's, and do not all pass themselves.
      compile("adapters.mts", "es2023,dom,dom.iterable", "--types", "node", "--skipLibCheck");
    };
    try {
      run();
    } catch ({ stdout }) {
      assert.fail(stdout);
    }
  });
}
