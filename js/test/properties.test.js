// What holds for any input.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Decision, Policy, parseError, supportReport, Upstream } from "holdoff";
import { body, facts, headers, headerValue, policies } from "./arbitraries.js";

const policy = fc.constantFrom(...policies);
const seed = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const check = (property) => fc.assert(property, { numRuns: 2000 });

test("decide is total, deterministic and agrees with explain", () => {
  check(
    fc.property(policy, facts(body), (policy, facts) => {
      const decision = policy.decide(facts);
      assert.ok(
        Number.isSafeInteger(decision.bits) && decision.bits > 0 && decision.bits < 2 ** 49,
      );
      assert.ok(["retry", "stop", "escalate"].includes(decision.action));
      assert.ok(Number.isInteger(decision.afterMs));
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

test("parts of milliseconds count as none", () => {
  const ms = fc.double({ min: 0, max: 2 ** 53, noNaN: true });
  check(
    fc.property(policy, facts(body), ms, ms, (policy, facts, elapsedMs, deadlineMs) => {
      const [whole, exact] = [Math.floor, Number].map((round) => {
        const times = { elapsedMs: round(elapsedMs), deadlineMs: round(deadlineMs) };
        return policy.decide({ ...facts, ...times }).bits;
      });
      assert.equal(exact, whole);
    }),
  );
});

test("the names of a decision are those of its bits", () => {
  check(
    fc.property(policy, facts(body), (policy, facts) => {
      const decision = policy.decide(facts);
      const { bits, ...names } = decision.toJSON();
      assert.deepEqual(new Decision(bits, policy).toJSON(), { ...names, bits });
      assert.equal(BigInt(bits) & 0x7fff_ffffn, BigInt(names.afterMs));
    }),
  );
});

test("an upstream is total, and JSON loses nothing of it", () => {
  const rise = { percent_per_second: 10, least_per_minute: 6 };
  const probes = { probe_base_ms: 500, probe_factor: 2, probe_cap_ms: 8000, start_percent: 10 };
  const parts = {
    hold: { spread_percent: 20, spread_ms: 100 },
    budget: { capacity: 4, cost: 2, call_refill: 0.1, per_second: 0.033, refund: true },
    breaker: { failures: 2, after_ms: 100, ...probes, ...rise },
    pace: { decrease_percent: 90, ...rise },
  };
  const each = Object.entries(parts).map(([name, part]) => ({ [name]: part }));
  const document = { ...Policy.recommended().toJSON(), name: "shared" };
  const sharing = [parts, ...each].map(
    (upstream) => new Policy({ ...document, upstream: { max_wait_ms: 60_000, ...upstream } }),
  );
  const step = fc.record({
    kind: fc.constantFrom("admit", "admit", "succeed", "decide"),
    afterMs: fc.oneof(fc.nat(200), fc.nat(20_000)),
    facts: facts(body),
  });
  const steps = fc.array(step, { minLength: 10, maxLength: 30 });
  const seen = new Set();
  check(
    fc.property(fc.constantFrom(...sharing), steps, (policy, steps) => {
      const upstream = new Upstream();
      let copy = new Upstream();
      let now = Date.parse("2026-01-15T12:00:00Z");
      let ticket;
      let decision;
      for (const { kind, afterMs, facts } of steps) {
        now += afterMs;
        const { status, headers, body, transport, phase, ...call } = { ...facts, now };
        const [own, copied] = [upstream, copy].map((state) => {
          if (kind === "admit") return state.admit(policy, call, ticket);
          if (kind === "succeed") return state.succeed(policy, call, decision);
          return state.decide(policy, { ...facts, now });
        });
        assert.deepEqual(JSON.stringify(copied), JSON.stringify(own));
        if (kind === "decide") decision = own;
        if (kind === "admit") ticket = own.ticket;
        const told = own?.decision ?? own;
        seen.add(`${own?.action} ${told?.source}`).add(told?.reason);
        copy = Upstream.fromJSON(upstream.toJSON());
        assert.deepEqual(copy.toJSON(), upstream.toJSON());
      }
    }),
  );
  for (const what of ["hold", "breaker", "pace"]) {
    assert.ok(seen.has(`wait ${what}`), `no wait by ${what}: ${[...seen]}`);
  }
  for (const reason of ["held", "deadline", "budget_exhausted"]) {
    assert.ok(seen.has(reason), `nothing ends by ${reason}: ${[...seen]}`);
  }
});

test("headers mean the same in every shape", () => {
  check(
    fc.property(policy, headers, seed, (policy, headers, seed) => {
      const pairs = Object.entries(headers).flatMap(([name, values]) =>
        [values].flat().map((value) => [name, value]),
      );
      const loud = pairs.map(([name, value]) => [name.toUpperCase(), value]);
      const lists = Object.fromEntries(
        Object.entries(headers).map(([name, values]) => [name.toUpperCase(), [values].flat()]),
      );
      const asked = { get: (name) => (Object.hasOwn(headers, name) ? headers[name] : null) };
      const bits = [headers, pairs, loud, lists, asked].map(
        (headers) => policy.decide({ status: 503, headers, seed }).bits,
      );
      assert.equal(new Set(bits).size, 1);
    }),
  );
});

test("a Headers means the same as its lines, joined", () => {
  // What fetch takes as a value of a header (WHATWG Fetch, "header value").
  const value = headerValue.filter((value) => !/[^\t -~\x80-\xff]/.test(value));
  const names = fc.constantFrom(...Policy.recommended().headers);
  const lines = fc.array(fc.tuple(names, value), { maxLength: 8 });
  check(
    fc.property(policy, lines, seed, (policy, lines, seed) => {
      const joined = {};
      for (const [name, value] of lines) {
        // Without the white space around it, as `Headers` has it.
        const text = value.replace(/^[\t ]+|[\t ]+$/g, "");
        joined[name] = name in joined ? `${joined[name]}, ${text}` : text;
      }
      const bits = [new Headers(lines), joined].map(
        (headers) => policy.decide({ status: 429, headers, seed }).bits,
      );
      assert.equal(bits[0], bits[1]);
    }),
  );
});

test("a body means the same as text and as bytes", () => {
  check(
    fc.property(policy, facts(body), (policy, facts) => {
      if (typeof facts.body !== "string") return;
      const bytes = new TextEncoder().encode(facts.body);
      assert.equal(policy.decide({ ...facts, body: bytes }).bits, policy.decide(facts).bits);
      assert.deepEqual(parseError(bytes), parseError(facts.body));
    }),
  );
});

test("bodies and reports are total", () => {
  const endpoint = fc.option(fc.string(), { nil: undefined });
  check(
    fc.property(body, headers, endpoint, (body, headers, endpoint) => {
      const error = parseError(body);
      assert.ok(error === null || Object.keys(error).length === 5);
      assert.match(
        String(supportReport({ status: 500, body, headers, endpoint })),
        /^time {8}unknown\n/,
      );
    }),
  );
});
