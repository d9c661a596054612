// What a process does that shares an `Upstream` with others: it asks some 500 times a second, and
// tells at the end what each answer was, when, and how long it took.

import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Policy } from "holdoff";
import { SharedUpstream } from "holdoff/redis";
import { Redis } from "ioredis";

const port = Number(process.argv[2]);
const policy = new Policy({ ...Policy.tessera().toJSON(), upstream: { hold: {} } });
const client = new Redis(port);
client.on("error", () => {});
await once(client, "ready");
const words = [];
const upstream = new SharedUpstream(client, {
  key: "api",
  timeoutMs: 500,
  onUnreachable: () => words.push("lost"),
  onReachable: () => words.push("back"),
});
await upstream.admit(policy, {});
let stops = false;
process.on("message", () => {
  stops = true;
});
process.send("ready");
const answers = [];
while (!stops) {
  const begin = Date.now();
  const { action } = await upstream.admit(policy, {});
  answers.push([begin, action, Date.now() - begin]);
  if (action === "send") await upstream.succeed(policy, {});
  await sleep(2);
}
process.send({ answers, words }, () => process.exit());
