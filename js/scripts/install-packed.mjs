// Packs the package and installs the tarball into test/node_modules, so that the tests run what is
// shipped.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "holdoff-"));
npm("pack", "--silent", "--pack-destination", folder);
const tarball = join(folder, readdirSync(folder)[0]);
rmSync(join(root, "test/node_modules"), { recursive: true, force: true });
npm(
  "install",
  "--prefix",
  "test",
  "--no-save",
  "--no-package-lock",
  "--no-audit",
  "--silent",
  tarball,
);
rmSync(folder, { recursive: true });

function npm(...options) {
  // Under `npm run` this is npm's own file, which runs on every platform.
  execFileSync(process.execPath, [process.env.npm_execpath, ...options], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
}
