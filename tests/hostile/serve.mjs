// Runs a program against a server that answers `/CLIENT/N/…` with a 429 at first and with a 200 from
// then on. The 429 has the value N of values.json as its Retry-After.
//
//     node serve.mjs PROGRAM ARGUMENT…
//
// The program is given the server's URL as its last argument.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const values = JSON.parse(readFileSync(new URL("values.json", import.meta.url), "utf8"));
const met = new Set();

const server = createServer((request, response) => {
  request.resume();
  const [, client, number] = request.url.split("/");
  const first = !met.has(`${client}/${number}`);
  met.add(`${client}/${number}`);
  response.setHeader("date", values.now);
  response.setHeader("content-type", "application/json");
  // With no connection kept, whoever has one open is not waiting.
  response.setHeader("connection", "close");
  const { value } = values.retry_after[number];
  if (first && value !== null) response.setHeader("retry-after", value);
  response.writeHead(first ? 429 : 200);
  response.end(first ? '{"error":{"type":"rate_limit_error","message":"slow down"}}' : "{}");
});

server.listen(0, "127.0.0.1", () => {
  const [program, ...given] = process.argv.slice(2);
  const child = spawn(program, [...given, `http://127.0.0.1:${server.address().port}`], {
    stdio: "inherit",
    // Far from UTC, so that a date that is read as local time shows.
    env: { ...process.env, TZ: "America/Los_Angeles" },
  });
  child.on("error", (error) => {
    console.error(`\`${program}\` can't be run: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code) => process.exit(code ?? 1));
});
