// What the package adds to the core's decision: the shapes of its arguments and of its answer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { Decision, freshSeed, Policy, PolicyError, parseError, supportReport } from "holdoff";

const policy = Policy.tessera();
const recommended = Policy.recommended();
const date = "Thu, 15 Jan 2026 12:00:00 GMT";
const in30s = "Thu, 15 Jan 2026 12:00:30 GMT";

test("a decision is small, lazy and readable", () => {
  const decision = policy.decide({ status: 429, headers: { "Retry-After": "3" } });
  assert.equal(decision.action, "retry");
  assert.equal(decision.afterMs, 3000);
  assert.equal(decision.class, "rate_limited");
  assert.equal(decision.reason, "status");
  assert.equal(decision.source, "retry-after");
  assert.equal(decision.advice, "the quota of the current window is used up: back off");
  assert.equal(String(decision), "retry after 3000 ms (rate_limited, status, retry-after)");
  assert.deepEqual(JSON.parse(JSON.stringify(decision)), {
    action: "retry",
    afterMs: 3000,
    class: "rate_limited",
    reason: "status",
    source: "retry-after",
    advice: decision.advice,
    bits: decision.bits,
  });
  assert.match(inspect(decision), /^Decision \{\n {2}action: 'retry',\n {2}afterMs: 3000,/);
  const kept = new Decision(decision.bits, policy);
  assert.ok(kept.equals(decision));
  assert.equal(kept.advice, decision.advice);
});

test("headers in every shape give the same decision", () => {
  const shapes = [
    new Headers({ "Retry-After": in30s, Date: date, "content-type": "text/html" }),
    { "Retry-After": in30s, DATE: date, age: undefined, vary: null },
    { "retry-after": [in30s], date: [date] },
    [
      ["RETRY-AFTER", in30s],
      ["date", date],
    ],
    new Map([
      ["Retry-after", in30s],
      ["Date", date],
    ]),
    new Headers({ "retry-after": in30s, date }).entries(),
    Object.assign(Object.create(null), { "retry-after": in30s, date }),
    { get: (name) => ({ "retry-after": in30s, date })[name] },
  ];
  for (const headers of shapes) {
    const { afterMs, source } = policy.decide({ status: 503, headers });
    assert.deepEqual([afterMs, source], [30_000, "retry-after"], inspect(headers));
  }
});

test("a policy that reads many headers finds them in every shape", () => {
  const reset = "x-ratelimit-reset-tokens";
  const remaining = "x-ratelimit-remaining-tokens";
  const spent = { "Content-Type": "x", "X-RateLimit-Reset-Tokens": "30s", [remaining]: "0" };
  const shapes = [
    spent,
    new Headers(spent),
    new Headers(spent).entries(),
    Object.entries(spent),
    new Map(Object.entries(spent)),
    { get: (name) => ({ [reset]: "30s", [remaining]: "0" })[name] },
  ];
  for (const headers of shapes) {
    const { afterMs, source } = recommended.decide({ status: 429, headers, draw: 0 });
    assert.deepEqual([afterMs, source], [30_000, "x-ratelimit-reset"], inspect(headers));
  }
});

test("repeated header lines count all, apart or joined, and numbers are texts", () => {
  const lines = [
    ["retry-after", "5"],
    ["Retry-After", "9"],
  ];
  for (const [headers, afterMs] of [
    [{ "retry-after": ["5", "9"] }, 9000],
    [{ "retry-after": 7 }, 7000],
    [lines, 9000],
    [new Headers(lines), 9000],
  ]) {
    for (const reader of [policy, recommended]) {
      assert.equal(reader.decide({ status: 503, headers, draw: 0 }).afterMs, afterMs);
    }
  }
});

test("a header value cannot smuggle in another header", () => {
  const headers = { "retry-after": "soon\nretry-after: 5\n\0" };
  assert.equal(policy.decide({ status: 503, headers, draw: 0 }).source, "backoff");
});

test("bodies are read as text, as bytes and parsed", () => {
  const body = { error: { type: "overloaded_error", message: "ünïcödé" } };
  const text = JSON.stringify(body);
  const bytes = new TextEncoder().encode(text);
  const inside = new Uint8Array([0, ...bytes, 0]).subarray(1, -1);
  for (const shape of [body, text, bytes, bytes.buffer, inside, Buffer.from(text)]) {
    assert.equal(policy.decide({ status: 500, body: shape }).class, "overloaded");
    assert.deepEqual(parseError(shape), {
      message: "ünïcödé",
      type: "overloaded_error",
      code: null,
      param: null,
      class: "overloaded",
    });
  }
  assert.equal(parseError("<html>"), null);
  assert.equal(parseError(undefined), null);
});

test("only the first 64 KiB of a body are looked at, in every shape", () => {
  const short = '{"error":{"type":"overloaded_error"}}'.padEnd(2 ** 16);
  const long = `{"error":{"message":"${"é".repeat(40_000)}"}}`;
  for (const bodyOf of [String, Buffer.from]) {
    assert.equal(parseError(bodyOf(`${short}and more`)).type, "overloaded_error");
    assert.equal(parseError(bodyOf(long)), null);
  }
  const invalid = Buffer.from(`{"error":{"message":"${"\xff".repeat(40_000)}"}}`, "latin1");
  assert.equal(parseError(invalid).message, "\ufffd".repeat(40_000));
});

test("an error inside a success is decided on by whoever reads the body", () => {
  const stream =
    'data: {"delta":"Hel"}\n\nevent: error\ndata: {"error":{"type":"overloaded_error"}}\n\n';
  const decision = recommended.decide({ status: 200, body: stream, draw: 0 });
  assert.equal(String(decision), "retry after 1000 ms (overloaded, error_class, backoff)");
  assert.equal(
    recommended.decide({ status: 200, body: stream, delivered: true }).reason,
    "delivered",
  );
  assert.equal(recommended.decide({ status: 200, body: "data: fine\n\n" }).reason, "not_a_failure");
});

test("seeds of any width pin the jitter, and fresh ones differ", () => {
  const wait = (seed, attempt = 0) => policy.decide({ status: 500, seed, attempt }).afterMs;
  assert.equal(wait(7), wait(7n));
  assert.equal(wait(Number.MAX_SAFE_INTEGER), wait(BigInt(Number.MAX_SAFE_INTEGER)));
  // SplitMix64 of the seed 0 begins with 0xE220A8397B1DCDAF.
  assert.equal(wait(0), 1000 + Number((0xe220a8397b1dcdafn * 1000n) >> 64n));
  assert.equal(wait(2n ** 64n - 1n), 1000 + Number((splitMix(2n ** 64n - 1n, 0n) * 1000n) >> 64n));
  assert.equal(wait(2 ** 40 + 3, 2), 4000 + Number((splitMix(2n ** 40n + 3n, 2n) * 1000n) >> 64n));
  const seeds = new Set(Array.from({ length: 1000 }, freshSeed));
  assert.equal(seeds.size, 1000);
  assert.ok([...seeds].every((seed) => seed >= 0n && seed < 2n ** 64n));
  assert.ok([...seeds].some((seed) => seed >= 2n ** 53n));
  const waits = new Set(Array.from({ length: 100 }, () => wait(undefined)));
  assert.ok(waits.size > 50);
});

function splitMix(seed, attempt) {
  const u64 = (value) => BigInt.asUintN(64, value);
  let z = u64(seed + (attempt + 1n) * 0x9e3779b97f4a7c15n);
  z = u64((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = u64((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}

test("what is known of the call reaches the core", () => {
  const decide = (facts) => policy.decide({ status: 500, draw: 0, ...facts });
  assert.equal(decide({ attempt: 5 }).action, "escalate");
  assert.equal(decide({ attempt: 5, maxRetries: 6 }).action, "retry");
  assert.equal(decide({ deadlineMs: 999 }).reason, "deadline");
  assert.equal(decide({ deadlineMs: 5000, elapsedMs: 4500.5 }).reason, "deadline");
  assert.equal(decide({ deadlineMs: Number.POSITIVE_INFINITY }).action, "retry");
  assert.equal(decide({ delivered: true }).reason, "delivered");
  assert.equal(decide({ replayable: false }).reason, "not_replayable");
  for (const now of [new Date(date), Date.parse(date)]) {
    assert.equal(decide({ now, headers: { "retry-after": in30s } }).afterMs, 30_000);
  }
  const gets = new Policy({ ...policy.toJSON(), name: "gets", methods: ["GET"] });
  const repeat = (facts) => gets.decide({ status: 500, ...facts }).action;
  assert.deepEqual(
    [{ method: "GET" }, { method: "POST" }, { method: "POST", idempotent: true }].map(repeat),
    ["retry", "stop", "retry"],
  );
  const reason = (facts) => recommended.decide({ status: 502, ...facts }).reason;
  assert.deepEqual(
    [{}, { method: "PUT" }, { method: "POST" }, { method: "POST", idempotent: true }].map(reason),
    ["status", "status", "possibly_executed", "status"],
  );
  const reset = policy.decide({ transport: "reset", phase: "body" });
  assert.deepEqual([reset.action, reset.class], ["retry", "transport"]);
  assert.match(String(policy.explain({ transport: "dns" })), /dns in phase connect/);
});

test("wrong arguments are errors that say what would be right", () => {
  for (const [facts, error, message] of [
    [{}, TypeError, "status: missing; give the response's `status`, or `transport` if none came"],
    [{ status: "429" }, TypeError, "status: `429` is not a whole number from 0 to 999"],
    [{ status: 1000 }, RangeError, "status: 1000 is not a whole number from 0 to 999"],
    [{ attempt: -1 }, RangeError, "attempt: -1 is not a whole number from 0 to 4294967295"],
    [{ maxRetries: 1.5 }, RangeError, "maxRetries: 1.5 is not a whole number from 0 to 4294967295"],
    [{ elapsedMs: -1 }, RangeError, "elapsedMs: -1 is not a number of milliseconds, 0 or more"],
    [{ draw: 1 }, RangeError, "draw: 1 is not a number from 0 to less than 1"],
    [
      { now: "today" },
      TypeError,
      "now: `today` is not a Date or a number of milliseconds since 1970",
    ],
    [
      { now: new Date("x") },
      RangeError,
      "now: `[object Date]` is not a Date or a number of milliseconds since 1970",
    ],
    [
      { seed: 2n ** 64n },
      RangeError,
      "seed: 18446744073709551616 is not a bigint from 0 to 2^64 − 1 or a safe integer from 0",
    ],
    [
      { seed: 0.5 },
      RangeError,
      "seed: 0.5 is not a bigint from 0 to 2^64 − 1 or a safe integer from 0",
    ],
    [{ delivered: "no" }, TypeError, "delivered: `no` is not true or false"],
    [{ method: 1 }, TypeError, "method: 1 is not a text"],
    [
      { headers: 1 },
      TypeError,
      "headers: 1 is not a Headers, an object or pairs of name and value",
    ],
    [{ headers: ["a", "b"] }, TypeError, "headers: `a` is not a pair of name and value"],
    [
      { headers: { "retry-after": {} } },
      TypeError,
      "headers.retry-after: `[object Object]` is not a text or a list of texts",
    ],
    [
      { body: Promise.resolve("") },
      TypeError,
      "body: `[object Promise]` is not a text, bytes or an object parsed from JSON",
    ],
  ]) {
    const all =
      "status" in facts || Object.keys(facts).length === 0 ? facts : { status: 500, ...facts };
    assert.throws(
      () => policy.decide(all),
      (thrown) => {
        assert.equal(thrown.message, message);
        return thrown.constructor === error;
      },
    );
  }
  assert.throws(() => policy.decide({ transport: "constructor" }), {
    name: "RangeError",
    message: /^transport: `constructor` is not one of `dns`, `connect`,/,
  });
  assert.throws(() => supportReport({ status: 500, endpoint: 1 }), {
    name: "TypeError",
    message: "endpoint: 1 is not a text",
  });
});

test("a policy is loaded from text and from an object, and writes its document", () => {
  const document = policy.toJSON();
  assert.equal(document.name, "tessera");
  assert.equal(policy.name, "tessera");
  assert.match(policy.description, /^Tessera AI/);
  assert.deepEqual(policy.headers, ["date", "age", "retry-after"]);
  assert.equal(policy.readsBody, true);
  assert.deepEqual(new Policy(document).toJSON(), document);
  assert.deepEqual(new Policy(JSON.stringify(policy)).toJSON(), document);
  assert.equal(inspect(policy), "Policy(tessera)");
  assert.equal(Policy.tessera(), Policy.preset("tessera"));
  assert.equal(recommended.name, "recommended");
  assert.equal(recommended, Policy.preset("recommended"));
  const error = {
    name: "PolicyError",
    message: "backoff.cap_ms: 500 is less than backoff.base_ms, 1000",
  };
  assert.throws(
    () => new Policy({ ...document, backoff: { ...document.backoff, cap_ms: 500 } }),
    error,
  );
  assert.throws(
    () => Policy.preset("tesera"),
    (thrown) => {
      assert.equal(
        thrown.message,
        "policy: `tesera` is not a preset; known are `recommended`, `tessera`; " +
          "those of other clients are in `holdoff/clients`",
      );
      return thrown instanceof PolicyError && thrown instanceof Error;
    },
  );
  assert.throws(() => new Policy(null), {
    name: "TypeError",
    message: "policy: `null` is not a document: JSON text or an object",
  });
});

test("a support report has the facts by name, as text and as JSON", () => {
  const report = supportReport({
    status: 503,
    headers: new Headers({ "X-Request-Id": "req-1" }),
    body: { error: { message: "busy", code: "saturated" } },
    now: new Date(date),
    endpoint: new URL("https://me:secret@api.tessera.ai/v1/chat?key=k"),
  });
  const { timestamp, requestId, failure, errorCode, endpoint } = report;
  assert.deepEqual(
    { timestamp, requestId, failure, errorCode, endpoint },
    {
      timestamp: "2026-01-15T12:00:00Z",
      requestId: "req-1",
      failure: "HTTP status 503",
      errorCode: "saturated",
      endpoint: "https://api.tessera.ai/v1/chat",
    },
  );
  assert.match(String(report), /^time {8}2026-01-15T12:00:00Z\nrequest id {2}req-1\n/);
  assert.equal(inspect(report), String(report));
  assert.equal(JSON.parse(JSON.stringify(report)).request_id, "req-1");
});
