// What one decision costs through the packed package, beside the decisions of other clients on the
// same response. Prints a JSON object a line: who, what, and nanoseconds.

import { readFileSync } from "node:fs";
import { Policy } from "holdoff";
import OpenAI from "openai";
import {
  calculateRetryTimingDelay,
  getRetryTimingHeader,
} from "./node_modules/ky/distribution/core/retry-timing.js";

const read = (name) => readFileSync(new URL(`../../tests/bench/${name}`, import.meta.url), "utf8");
const plain = JSON.parse(read("headers.json"));
const body = read("error-body.json");
const headers = new Headers(plain);
const date = new Headers({ ...plain, "retry-after": "Thu, 15 Jan 2026 12:00:30 GMT" });
const none = new Headers({ ...plain });
none.delete("retry-after");

const decideBy =
  (policy) =>
  ({ headers, body }) =>
    policy.decide({ status: 429, headers, body, attempt: 1, seed: 7, now: 1768478400000 }).afterMs;
const decide = decideBy(Policy.tessera());
await measure("holdoff", "retry-after", () => decide({ headers }));
await measure("holdoff", "retry-after, plain object", () => decide({ headers: plain }));
await measure("holdoff", "no hint", () => decide({ headers: none }));
await measure("holdoff", "date", () => decide({ headers: date }));
await measure("holdoff", "body", () => decide({ headers, body }));

const recommended = decideBy(Policy.recommended());
await measure("holdoff", "recommended", () => recommended({ headers }));
await measure("holdoff", "recommended, plain object", () => recommended({ headers: plain }));
await measure("holdoff", "recommended, no hint", () => recommended({ headers: none }));
await measure("holdoff", "recommended, body", () => recommended({ headers, body }));

// openai's decision is a part of its sending; the sending and the timer are left out.
const openai = new OpenAI({ apiKey: "none", maxRetries: 5 });
openai.makeRequest = () => undefined;
const decideOpenai = async (given) => {
  const response = { status: 429, headers: given };
  if (await openai.shouldRetry(response)) await openai.retryRequest({}, 4, "log", given);
};
const { setTimeout } = globalThis;
globalThis.setTimeout = (resolve) => resolve();
await measure("openai 6.49.0", "retry-after", () => decideOpenai(headers));
await measure("openai 6.49.0", "no hint", () => decideOpenai(none));
await measure("openai 6.49.0", "date", () => decideOpenai(date));
globalThis.setTimeout = setTimeout;

const decideKy = (given) => {
  const value = getRetryTimingHeader(given);
  return value && calculateRetryTimingDelay(value);
};
await measure("ky 2.1.0", "retry-after", () => decideKy(headers));
await measure("ky 2.1.0", "date", () => decideKy(date));

/** The quickest of many slices: what else the machine does makes a slice slower, never quicker. */
async function measure(who, what, decide) {
  const calls = 2000;
  let best = Number.POSITIVE_INFINITY;
  for (let slice = 0; slice < 400; slice++) {
    const start = process.hrtime.bigint();
    for (let call = 0; call < calls; call++) {
      const answer = decide();
      if (answer instanceof Promise) await answer;
    }
    best = Math.min(best, Number(process.hrtime.bigint() - start) / calls);
  }
  console.log(JSON.stringify({ who, what, ns: Math.round(best) }));
}
