// Starts the misbehaving server of tests/faults for a test file.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);
const suffix = process.platform === "win32" ? ".exe" : "";
const binary =
  process.env.HOLDOFF_FAULTS ??
  fileURLToPath(new URL(`target/debug/holdoff-faults${suffix}`, root));
let runs = 0;

/** A script whose every answer is this step. */
// biome-ignore lint/suspicious/noThenProperty: it is a word of the scenario's, and no promise
export const always = (step) => ({ then: step });

/** A port on which nobody listens. */
export async function closedPort() {
  const listener = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const { port } = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

/** Starts it with a scenario, given as an object; by default with that of tests/faults. */
export async function startFaults(own) {
  assert.ok(
    existsSync(binary),
    `${binary} is missing; run \`cargo build --package holdoff-faults\``,
  );
  const folder = own && mkdtempSync(join(tmpdir(), "holdoff-"));
  const scenario = own
    ? join(folder, "scenario.json")
    : fileURLToPath(new URL("tests/faults/scenario.json", root));
  if (own) writeFileSync(scenario, JSON.stringify(own));
  const server = spawn(binary, ["--scenario", scenario, "--until-stdin-closes"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [line] = await new Promise((resolve, reject) => {
    createInterface(server.stdout).once("line", (line) => resolve([line]));
    server.once("exit", (code) => reject(new Error(`${binary} ended with ${code}`)));
  });
  const base = line.replace("listening on ", "");
  if (own) rmSync(folder, { recursive: true });
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
    /** How many connections are open, once no more than `most` are or a second has passed. */
    async open(most = 0) {
      for (let tries = 0; ; tries++) {
        const { open } = await (await fetch(`${base}/__connections`)).json();
        if (open <= most || tries === 20) return open;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    stop: () => server.stdin.end(),
  };
}
