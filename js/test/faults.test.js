// `retry` with Node's own fetch against a server that really misbehaves.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { decisionOf, Policy, retry, supportReport } from "holdoff";
import { startFaults } from "./faults-server.js";

// Tessera's rules with waits that a test can afford; the server's own hints stay as they are.
const tessera = Policy.tessera();
const document = tessera.toJSON();
const quick = new Policy({
  ...document,
  backoff: { ...document.backoff, base_ms: 5, jitter: { kind: "none" } },
});

let faults;
before(async () => {
  faults = await startFaults();
});
after(() => faults.stop());

/** Calls a path with `retry` and tells what came of it. */
async function call(path, { init, ...options } = {}) {
  const run = faults.run();
  const decisions = [];
  const begin = performance.now();
  const send = async () => {
    const response = await fetch(run.url(path), init);
    if (options.readInside && response.ok) await response.clone().text();
    return response;
  };
  const settled = await retry(send, {
    policy: quick,
    onDecision: ({ decision }) => decisions.push(decision),
    ...options,
  }).then(
    (response) => ({ response }),
    (error) => ({ error }),
  );
  const elapsed = performance.now() - begin;
  return { ...settled, decisions, elapsed, log: await run.log(path) };
}

test("Retry-After in seconds is waited for", async () => {
  const { response, decisions, elapsed, log } = await call("/rate-limited");
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { ok: true });
  assert.equal(String(decisions[0]), "retry after 1000 ms (rate_limited, error_type, retry-after)");
  assert.equal(log.length, 2);
  assert.ok(log[1].at_ms - log[0].at_ms >= 990, `${log[1].at_ms - log[0].at_ms} ms on the wire`);
  assert.ok(elapsed < 3000);
});

test("Retry-After as a date is waited for", async () => {
  const { response, decisions, log } = await call("/rate-limited-date");
  assert.equal(response.status, 200);
  assert.equal(decisions[0].source, "retry-after");
  assert.ok(decisions[0].afterMs <= 1000);
  assert.equal(log.length, 2);
});

test("an overloaded server is tried until it answers, with the same body each time", async () => {
  const init = { method: "POST", body: "the same", headers: { "content-type": "text/plain" } };
  const { response, decisions, log } = await call("/overloaded", { init });
  assert.equal(response.status, 200);
  assert.deepEqual(
    decisions.map((decision) => decision.class),
    ["overloaded", "overloaded"],
  );
  assert.deepEqual(
    log.map(({ body }) => body),
    ["the same", "the same", "the same"],
  );
});

test("a server that goes on failing is escalated after five retries", async () => {
  const { response, log } = await call("/always-failing");
  assert.equal(response.status, 500);
  assert.equal(decisionOf(response).action, "escalate");
  assert.equal(log.length, 6);
  const { status, headers, url } = response;
  const report = supportReport({ status, headers, body: await response.text(), endpoint: url });
  assert.equal(report.requestId, "req_always_failing");
  assert.match(report.body, /"type":"api_error"/);
});

test("what no retry will mend is not retried, and its body is there to read", async () => {
  for (const [path, status, kind] of [
    ["/bad-request", 400, "invalid_request"],
    ["/not-found", 404, "not_found"],
  ]) {
    const { response, log } = await call(path);
    assert.equal(response.status, status);
    assert.equal(decisionOf(response).class, kind);
    assert.equal((await response.json()).error.type, "invalid_request_error");
    assert.equal(log.length, 1);
  }
});

test("connections that are reset or closed are tried again", async () => {
  for (const [path, requests] of [
    ["/reset", 3],
    ["/closed", 2],
  ]) {
    const { response, decisions, log } = await call(path);
    assert.equal(response?.status, 200);
    assert.ok(
      decisions.every(({ class: kind, reason }) => kind === "transport" && reason === "transport"),
    );
    assert.equal(log.length, requests);
  }
});

test("a server that never answers runs into the attempt's own time limit", async () => {
  const run = faults.run();
  const decisions = [];
  const send = () => fetch(run.url("/hanging"), { signal: AbortSignal.timeout(100) });
  const onDecision = ({ decision }) => decisions.push(decision.class);
  const response = await retry(send, { policy: quick, onDecision });
  assert.equal(response.status, 200);
  assert.deepEqual(decisions, ["timeout"]);
});

test("a body that breaks off is tried again where the function reads it", async () => {
  for (const path of ["/truncated", "/reset-body"]) {
    const { response, decisions, log } = await call(path, { readInside: true });
    assert.equal(response?.status, 200);
    assert.deepEqual(await response.json(), { ok: true });
    assert.deepEqual(
      decisions.map(({ class: kind }) => kind),
      ["transport"],
    );
    assert.equal(log.length, 2);
  }
});

test("a stalled error body does not hold up the call", async () => {
  const { response, decisions, elapsed, log } = await call("/stalled-error-body");
  assert.equal(response.status, 200);
  assert.equal(decisions[0].class, "unavailable");
  assert.ok(elapsed < 3000, `${elapsed} ms`);
  assert.equal(log.length, 2);
});

test("an abort ends the wait at once", async () => {
  const controller = new AbortController();
  const { error, elapsed, log } = await call("/rate-limited", {
    signal: controller.signal,
    onDecision: () => setTimeout(() => controller.abort(), 50),
  });
  assert.equal(error, controller.signal.reason);
  assert.ok(elapsed < 900, `${elapsed} ms`);
  assert.equal(log.length, 1);
});

test("an abort while the server is silent throws what fetch throws", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 50);
  const { signal } = controller;
  const { error, decisions, log } = await call("/hanging", { signal, init: { signal } });
  assert.equal(error.name, "AbortError");
  assert.deepEqual(
    decisions.map(({ reason }) => reason),
    ["aborted"],
  );
  assert.equal(log.length, 1);
});

test("a host that is not there and a port that is closed fail before anything is sent", async () => {
  const listener = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const { port } = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  for (const url of [`http://127.0.0.1:${port}/`, "http://no-such-host.invalid/"]) {
    const options = { policy: quick, maxRetries: 1 };
    let attempts = 0;
    const send = () => {
      attempts += 1;
      return fetch(url);
    };
    await assert.rejects(retry(send, options), (error) => {
      assert.equal(error.message, "fetch failed");
      assert.equal(decisionOf(error).action, "escalate");
      return decisionOf(error).class === "transport";
    });
    assert.equal(attempts, 2);
  }
});

test("a stream is given back as it comes", async () => {
  const { response, decisions } = await call("/stream");
  let text = "";
  for await (const chunk of response.body) text += Buffer.from(chunk);
  assert.match(text, /\[DONE\]/);
  assert.deepEqual(decisions, []);
});
