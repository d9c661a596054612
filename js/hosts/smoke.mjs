// Run in each host with the installed package. Every host must print the same line.

import { decisionOf, Policy, parseError, retry, supportReport, Upstream } from "holdoff";
import { withRetry } from "holdoff/fetch";

export async function smoke() {
  let digest = 0;
  for (const policy of [Policy.tessera(), Policy.recommended()]) {
    for (let attempt = 0; attempt < 1000; attempt++) {
      const status = 400 + (attempt % 140);
      const headers = new Headers({ "retry-after": String(attempt % 7) });
      const { bits } = policy.decide({ status, attempt: attempt % 8, seed: attempt, headers });
      digest = (digest * 31 + bits) % 2 ** 48;
    }
  }
  const headers = new Headers({ "x-request-id": "r" });
  const report = supportReport({ status: 503, headers, body: { error: { code: "c" } } });
  const held = new Policy({ ...Policy.tessera().toJSON(), upstream: { hold: {} } });
  const upstream = new Upstream();
  upstream.decide(held, { status: 429, headers: { "retry-after": "3" }, now: 1000 });
  const answers = [new Response("{}", { status: 503 }), new Response("", { status: 404 })];
  const response = await retry(() => answers.shift(), { sleep: async () => {} });
  const type = (type) => ({ headers: { "content-type": type } });
  const overloaded = 'data: {"type":"error","error":{"type":"overloaded_error"}}\n\n';
  const later = [
    new Response("", { status: 503 }),
    new Response(overloaded, type("text/event-stream")),
    new Response('{"attempts":3}', type("application/json")),
  ];
  const options = { sleep: async () => {}, upstream: false, idempotent: true };
  const send = withRetry(async () => later.shift(), options);
  const answer = await send("https://api.example.com/v1", { method: "POST", body: "{}" });
  return JSON.stringify([
    digest,
    parseError('{"error":{"type":"t"}}').type,
    report.requestId,
    decisionOf(response).class,
    (await answer.json()).attempts,
    Upstream.fromJSON(upstream.toJSON()).admit(held, { now: 1500, draw: 0 }).afterMs,
  ]);
}
