// Answers cases with a client's own code: `node adapter.mjs PRESET < cases > answers`.
//
// `clients.json` says which module of `clients` knows the preset's client. Such a module exports
// `call(test, client)`, which makes one call through the client, and `gaveUp(error)`, which tells the
// errors by which the client hands a failure on from those that it should not throw, which then are the
// answer. What goes wrong in a module itself ends the program.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import * as stage from "./stage.mjs";

const [preset] = process.argv.slice(2);
const client = read("clients.json").find((client) => client.preset === preset);
if (client === undefined) throw new Error(`no preset \`${preset}\` in clients.json`);
const installed = read(`node_modules/${client.folder ?? client.package}/package.json`);
if (installed.version !== client.version) {
  throw new Error(`${client.package} ${installed.version} is installed, not ${client.version}`);
}
// Only now, for it may keep the clock and the timers that it finds.
const { call, gaveUp } = await import(`./clients/${client.module}.mjs`);

for await (const line of createInterface({ input: process.stdin })) {
  const test = JSON.parse(line);
  test.headers = test.headers.map(([name, value]) => [name, onTheWire(value)]);
  console.log(JSON.stringify(await stage.play(test, () => call(test, client), gaveUp)));
}

/** A header's value as a parser of HTTP gives it: the bytes as Latin-1, without the space around it. */
function onTheWire(value) {
  return Buffer.from(value)
    .toString("latin1")
    .replace(/^[ \t]+|[ \t]+$/g, "");
}

function read(path) {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
}
