// What holds for any input.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Decision, Policy, parseError, supportReport } from "holdoff";

const policy = Policy.tessera();
const some = (arbitrary) => fc.option(arbitrary, { nil: undefined });
const transports = ["dns", "connect", "tls", "reset", "timeout", "protocol", "aborted"];
const headerValue = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("0", "3", "1.5", "99999999999999999999", "-1", "Thu, 15 Jan 2026 12:00:30 GMT"),
);
const body = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.json(),
  fc.uint8Array(),
  fc.record({ error: fc.jsonValue() }),
  fc.record({ error: fc.record({ type: fc.jsonValue(), code: fc.jsonValue() }) }),
);
const headers = fc.record({
  "Retry-After": some(headerValue),
  date: some(headerValue),
  Age: some(headerValue),
});
const call = {
  attempt: fc.nat(),
  seed: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.maxSafeNat()),
  now: some(fc.maxSafeNat()),
  elapsedMs: some(fc.double({ min: 0, noNaN: true })),
  deadlineMs: some(fc.double({ min: 0, noNaN: true })),
  maxRetries: some(fc.nat()),
  method: some(fc.string()),
  idempotent: some(fc.boolean()),
  replayable: some(fc.boolean()),
  delivered: some(fc.boolean()),
};
const facts = fc.oneof(
  fc.record({
    ...call,
    status: fc.integer({ min: 0, max: 999 }),
    headers: some(headers),
    body: some(body),
  }),
  fc.record({
    ...call,
    transport: fc.constantFrom(...transports),
    phase: some(fc.constantFrom("connect", "sent", "body")),
  }),
);
const check = (property) => fc.assert(property, { numRuns: 2000 });

test("decide is total, deterministic and agrees with explain", () => {
  check(
    fc.property(facts, (facts) => {
      const decision = policy.decide(facts);
      assert.ok(
        Number.isSafeInteger(decision.bits) && decision.bits > 0 && decision.bits < 2 ** 49,
      );
      assert.ok(["retry", "stop", "escalate"].includes(decision.action));
      assert.ok(decision.afterMs >= 0 && decision.afterMs < 2 ** 31);
      assert.equal(typeof decision.class, "string");
      assert.equal(typeof decision.reason, "string");
      assert.equal(typeof decision.source, "string");
      assert.notEqual(decision.advice, "");
      assert.equal(policy.decide(facts).bits, decision.bits);
      const explanation = policy.explain(facts);
      assert.equal(explanation.decision.bits, decision.bits);
      assert.equal(explanation.steps.at(-1).topic, "decision");
    }),
  );
});

test("the names of a decision are those of its bits", () => {
  check(
    fc.property(facts, (facts) => {
      const decision = policy.decide(facts);
      const { bits, ...names } = decision.toJSON();
      assert.deepEqual(new Decision(bits, policy).toJSON(), { ...names, bits });
      assert.equal(BigInt(bits) & 0x7fff_ffffn, BigInt(names.afterMs));
    }),
  );
});

test("headers mean the same in every shape", () => {
  check(
    fc.property(headers, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (headers, seed) => {
      const pairs = Object.entries(headers).filter(([, value]) => value !== undefined);
      const lists = Object.fromEntries(pairs.map(([name, value]) => [name.toUpperCase(), [value]]));
      const bits = [headers, pairs, new Map(pairs), lists].map(
        (headers) => policy.decide({ status: 503, headers, seed }).bits,
      );
      assert.equal(new Set(bits).size, 1);
    }),
  );
});

test("bodies and reports are total", () => {
  check(
    fc.property(body, headers, some(fc.string()), (body, headers, endpoint) => {
      const error = parseError(body);
      assert.ok(error === null || Object.keys(error).length === 4);
      assert.match(
        String(supportReport({ status: 500, body, headers, endpoint })),
        /^time {8}unknown\n/,
      );
    }),
  );
});
