// Starts the misbehaving server of tests/faults for a test file.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);
const suffix = process.platform === "win32" ? ".exe" : "";
const binary =
  process.env.HOLDOFF_FAULTS ??
  fileURLToPath(new URL(`target/debug/holdoff-faults${suffix}`, root));
let runs = 0;

export async function startFaults() {
  assert.ok(
    existsSync(binary),
    `${binary} is missing; run \`cargo build --package holdoff-faults\``,
  );
  const scenario = fileURLToPath(new URL("tests/faults/scenario.json", root));
  const server = spawn(binary, ["--scenario", scenario, "--until-stdin-closes"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [line] = await new Promise((resolve, reject) => {
    createInterface(server.stdout).once("line", (line) => resolve([line]));
    server.once("exit", (code) => reject(new Error(`${binary} ended with ${code}`)));
  });
  const base = line.replace("listening on ", "");
  return {
    base,
    /** The paths of the scenario from their first steps, and the requests that came. */
    run() {
      const key = `/~js-${process.pid}-${runs++}`;
      return {
        url: (path) => base + key + path,
        log: async (path) => (await fetch(`${base}/__log?path=${key}${path}`)).json(),
      };
    },
    stop: () => server.stdin.end(),
  };
}
