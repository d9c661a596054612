// A real redis-server of a test's own, which can be killed and started again.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** The server's name; none where it is not installed. */
export const program = ["redis-server", "valkey-server"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);

/** Why tests that need it are skipped, if they are. */
export const skip = program
  ? false
  : "redis-server isn't on the PATH; Debian: `apt install redis-server`";

/** It keeps nothing on disk, and its port stays the same. */
export class Store {
  #folder = mkdtempSync(join(tmpdir(), "holdoff-redis-"));
  #process;

  static async start() {
    const store = new Store();
    store.port = await freePort();
    await store.start();
    return store;
  }

  async start() {
    const options = { port: this.port, bind: "127.0.0.1", save: "", dir: this.#folder };
    const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
    this.#process = spawn(program, words, { stdio: "ignore" });
    for (let tries = 0; !(await answers(this.port)); tries++) {
      if (tries === 1000) throw new Error("redis-server doesn't answer");
      await sleep(10);
    }
  }

  /** As `kill -9` does. */
  async kill() {
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }
}

/** A port that nobody listens at. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

async function answers(port) {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
