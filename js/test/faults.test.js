// `retry` with Node's own fetch against a server that really misbehaves.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { decisionOf, HeldBackError, Policy, retry, supportReport, Upstream } from "holdoff";
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

/**
 * Twenty calls that share an upstream: one, and the others once it has failed. The statuses that came,
 * and when the requests did, in milliseconds from the first.
 */
async function share(path, policy) {
  const run = faults.run();
  const upstream = new Upstream();
  const call = (onDecision) => retry(() => fetch(run.url(path)), { policy, upstream, onDecision });
  let others = [];
  const first = await call(({ attempt }) => {
    if (attempt === 0) others = Array.from({ length: 19 }, () => call());
  });
  const responses = [first, ...(await Promise.all(others))];
  const log = await run.log(path);
  const sent = log.map(({ at_ms }) => at_ms - log[0].at_ms);
  return { statuses: responses.map(({ status }) => status), sent };
}

const all200 = Array(20).fill(200);

test("what the server tells one of 20 calls holds the others", async () => {
  const policy = new Policy({ ...quick.toJSON(), upstream: { hold: { spread_ms: 200 } } });
  const { statuses, sent } = await share("/rate-limited", policy);
  assert.deepEqual(statuses, all200);
  assert.equal(sent.length, 21);
  assert.ok(sent[1] >= 990 && sent[20] < 2500, `${sent}`);
  assert.ok(sent[20] - sent[1] >= 50, `not spread out: ${sent}`);
});

test("a breaker that 20 calls share opens, lets single probes through and closes", async () => {
  const probes = { probe_base_ms: 100, probe_factor: 2, probe_cap_ms: 1000 };
  const rise = { start_percent: 50, percent_per_second: 1000, least_per_minute: 60_000 };
  const breaker = { failures: 1, ...probes, ...rise };
  const policy = new Policy({ ...quick.toJSON(), upstream: { breaker } });
  // The server fails twice: the first call opens the breaker, and the first probe keeps it open.
  const { statuses, sent } = await share("/overloaded", policy);
  assert.deepEqual(statuses, all200);
  assert.equal(sent.length, 22);
  assert.ok(sent[1] - sent[0] >= 90 && sent[2] - sent[1] >= 190, `not single probes: ${sent}`);
  assert.ok(sent[21] - sent[2] < 2000, `the breaker stays open: ${sent}`);
});

test("a call that has no time to wait for the breaker is not sent", async () => {
  const breaker = { failures: 1, probe_base_ms: 60_000, probe_factor: 1, probe_cap_ms: 60_000 };
  const rise = { start_percent: 50, percent_per_second: 1000, least_per_minute: 60_000 };
  const policy = new Policy({ ...quick.toJSON(), upstream: { breaker: { ...breaker, ...rise } } });
  const options = { policy, upstream: new Upstream(), deadlineMs: 5000 };
  const first = await call("/always-failing", options);
  assert.equal(first.response.status, 500);
  assert.equal((await first.response.json()).error.type, "api_error");
  assert.equal(decisionOf(first.response).source, "breaker");
  assert.equal(first.log.length, 1);
  const { error, elapsed, log } = await call("/always-failing", options);
  assert.ok(error instanceof HeldBackError);
  assert.equal(error.decision.reason, "deadline");
  assert.equal(error.decision.class, "server_error");
  assert.ok(elapsed < 1000, `${elapsed} ms`);
  assert.deepEqual(log, []);
});

test("a stream is given back as it comes", async () => {
  const { response, decisions } = await call("/stream");
  let text = "";
  for await (const chunk of response.body) text += Buffer.from(chunk);
  assert.match(text, /\[DONE\]/);
  assert.deepEqual(decisions, []);
});
