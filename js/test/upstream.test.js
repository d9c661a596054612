// What many calls share: `Upstream` by itself, and in `retry` by a clock that only waits move.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { Decision, decisionOf, HeldBackError, Policy, PolicyError, retry, Upstream } from "holdoff";

const start = Date.parse("2026-01-15T12:00:00Z");
const at = (ms, more = {}) => ({ now: start + ms, draw: 0, ...more });
const rateLimited = { status: 429, headers: { "retry-after": "3" } };
const rise = { start_percent: 50, percent_per_second: 50, least_per_minute: 1 };
const probes = { probe_base_ms: 1000, probe_factor: 2, probe_cap_ms: 4000 };

/** Tessera's rules with these about the calls to one server. */
function sharing(upstream) {
  const document = Policy.tessera().toJSON();
  return new Policy({ ...document, name: "sharing", upstream });
}

const holding = sharing({ hold: { spread_ms: 1000 } });
const breaking = sharing({ breaker: { failures: 2, ...probes, ...rise } });
const paying = sharing({ budget: { capacity: 10, cost: 5, refund: true } });

describe("an Upstream", () => {
  test("holds every call for as long as the server told one of them", () => {
    const upstream = new Upstream();
    assert.deepEqual(upstream.admit(holding, at(0)), { action: "send" });
    const decision = upstream.decide(holding, at(100, rateLimited));
    assert.ok(decision instanceof Decision);
    assert.equal(String(decision), "retry after 3000 ms (rate_limited, status, retry-after)");
    const { ticket, ...wait } = upstream.admit(holding, at(600));
    assert.deepEqual(wait, { action: "wait", afterMs: 2500, source: "hold" });
    assert.ok(Number.isInteger(ticket) && ticket > 0);
    assert.equal(upstream.admit(holding, at(600, { draw: 0.5 })).afterMs, 3000);
    assert.deepEqual(upstream.admit(holding, at(3100), ticket), { action: "send" });
  });

  test("takes a seed, which keeps the call its place", () => {
    const upstream = new Upstream();
    upstream.decide(holding, at(0, rateLimited));
    const wait = (seed) => upstream.admit(holding, { now: start, seed }).afterMs;
    assert.equal(wait(7), wait(7n));
    const waits = new Set(Array.from({ length: 100 }, () => wait(undefined)));
    assert.ok(waits.size > 50 && Math.min(...waits) >= 3000 && Math.max(...waits) < 4000);
  });

  test("opens its breaker, lets single probes through and closes it", () => {
    const upstream = new Upstream();
    for (const ms of [0, 100]) upstream.decide(breaking, at(ms, { status: 500 }));
    const shown = ({ action, afterMs, source }) => [action, afterMs, source];
    const asked = (ms) => shown(upstream.admit(breaking, at(ms, { attempt: 1 })));
    assert.deepEqual(asked(100), ["wait", 1000, "breaker"]);
    assert.deepEqual(asked(1100), ["send", undefined, undefined]);
    assert.deepEqual(asked(1100), ["wait", 2000, "breaker"]);
    upstream.succeed(breaking, at(1200));
    assert.deepEqual(asked(1200), ["send", undefined, undefined]);
  });

  test("has retries paid from its budget, and gives back what one cost that succeeds", () => {
    const upstream = new Upstream();
    const fail = () => upstream.decide(paying, at(0, { status: 500 }));
    const [first, second, third] = [fail(), fail(), fail()];
    assert.deepEqual([first.action, second.action], ["retry", "retry"]);
    assert.equal(String(third), "stop (server_error, budget_exhausted, none)");
    upstream.succeed(paying, at(0));
    assert.equal(fail().action, "stop");
    upstream.succeed(paying, at(0, { attempt: 1 }), second);
    assert.equal(fail().action, "retry");
    assert.equal(fail().action, "stop");
  });

  test("refuses what would be held back beyond the deadline or the policy's longest wait", () => {
    const short = sharing({ max_wait_ms: 2000, hold: {} });
    const upstream = new Upstream();
    upstream.decide(short, at(0, rateLimited));
    const call = { elapsedMs: 1000, deadlineMs: 3500 };
    for (const [policy, refused, reason] of [
      [short, at(0), "held"],
      [holding, at(0, call), "deadline"],
    ]) {
      const { action, decision } = upstream.admit(policy, refused);
      assert.equal(action, "refuse");
      assert.equal(String(decision), `stop after 3000 ms (rate_limited, ${reason}, hold)`);
      assert.equal(decision.advice, policy.advice(decision));
    }
    assert.equal(upstream.admit(holding, at(500, call)).action, "wait");
  });

  test("explains as it decides, and takes the failure in", () => {
    const upstream = new Upstream();
    const facts = at(0, rateLimited);
    const explanation = upstream.explain(holding, facts);
    assert.ok(explanation.decision.equals(new Upstream().decide(holding, facts)));
    assert.match(String(explanation), /^upstream {2}all calls are held for 3000 ms$/m);
    assert.equal(explanation.steps.at(-1).text, "retry after 3000 ms, by retry-after");
    assert.equal(upstream.admit(holding, at(0)).afterMs, 3000);
  });

  test("does nothing for a call of an unknown time, nor by a policy without `upstream`", () => {
    for (const [policy, now] of [
      [holding, undefined],
      [Policy.tessera(), start],
    ]) {
      const upstream = new Upstream();
      const call = { now, draw: 0 };
      const facts = { ...rateLimited, ...call };
      assert.ok(upstream.decide(policy, facts).equals(policy.decide(facts)));
      upstream.succeed(policy, call);
      assert.deepEqual(upstream.admit(policy, call), { action: "send" });
      assert.deepEqual(upstream.admit(holding, at(0)), { action: "send" });
    }
  });

  test("survives JSON, as text and as an object", () => {
    const upstream = new Upstream();
    for (const ms of [0, 100]) upstream.decide(breaking, at(ms, { status: 500 }));
    const text = JSON.stringify({ upstream });
    assert.ok(text.startsWith('{"upstream":{"now_ms":'), text);
    for (const state of [upstream.toJSON(), JSON.stringify(upstream), JSON.parse(text).upstream]) {
      const copy = Upstream.fromJSON(state);
      assert.deepEqual(copy.toJSON(), upstream.toJSON());
      const retry = at(100, { attempt: 1 });
      assert.deepEqual(copy.admit(breaking, retry), upstream.admit(breaking, retry));
    }
    const copy = Upstream.fromJSON(upstream.toJSON());
    copy.succeed(breaking, at(200));
    assert.equal(
      upstream.admit(breaking, at(300)).action,
      "wait",
      "the copy is a state of its own",
    );
    assert.match(inspect(upstream), /^Upstream \{\n {2}now_ms: \d+,/);
  });

  test("says what is no state", () => {
    for (const state of ["", "{", "[]", '{"holds":1}', { now_ms: -1 }, { now_ms: "soon" }]) {
      assert.throws(
        () => Upstream.fromJSON(state),
        (thrown) => {
          assert.match(thrown.message, /^upstream: /);
          return thrown instanceof PolicyError;
        },
        inspect(state),
      );
    }
    assert.throws(() => Upstream.fromJSON(null), {
      name: "TypeError",
      message: "upstream: `null` is not a state: JSON text or an object",
    });
  });

  test("is merged with a copy: of the holds the later counts", () => {
    const [upstream, other] = [new Upstream(), new Upstream()];
    upstream.decide(holding, at(500, { ...rateLimited, headers: { "retry-after": "1" } }));
    other.decide(holding, at(0, rateLimited));
    const wait = (state) => state.admit(holding, at(500)).afterMs;
    assert.deepEqual([wait(upstream), wait(other)], [1000, 2500]);
    upstream.merge(other);
    assert.equal(wait(upstream), 2500);
    upstream.merge(upstream);
    assert.equal(wait(upstream), 2500);
    other.merge(new Upstream());
    assert.equal(wait(other), 2500);
  });

  test("says which argument is wrong", () => {
    const upstream = new Upstream();
    const call = at(0);
    for (const [run, error, message] of [
      [() => upstream.admit({}, call), TypeError, "policy: `[object Object]` is not a Policy"],
      [() => upstream.succeed(undefined, call), TypeError, "policy: `undefined` is not a Policy"],
      [() => upstream.decide(null, call), TypeError, "policy: `null` is not a Policy"],
      [
        () => upstream.admit(holding, call, -1),
        RangeError,
        "ticket: -1 is not a whole number from 0 to 4294967295",
      ],
      [
        () => upstream.admit(holding, { now: Number.POSITIVE_INFINITY }),
        RangeError,
        "now: Infinity is not a Date or a number of milliseconds since 1970",
      ],
      [
        () => upstream.admit(holding, { attempt: 0.5 }),
        RangeError,
        "attempt: 0.5 is not a whole number from 0 to 4294967295",
      ],
      [() => upstream.succeed(holding, call, 7), TypeError, "after: 7 is not a Decision"],
      [() => upstream.merge({}), TypeError, "other: `[object Object]` is not an Upstream"],
      [
        () => upstream.explain(holding, call),
        TypeError,
        "status: missing; give the response's `status`, or `transport` if none came",
      ],
    ]) {
      assert.throws(run, (thrown) => {
        assert.equal(thrown.message, message);
        return thrown.constructor === error;
      });
    }
    assert.deepEqual(upstream.toJSON(), new Upstream().toJSON());
  });
});

/** Calls in a time that only their waits move. */
function timeline() {
  let now = start;
  const sleepers = [];
  const sent = [];
  const sleep = (ms, signal) =>
    new Promise((resolve, reject) => {
      sleepers.push({ until: now + ms, resolve });
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  return {
    /** When the calls sent their attempts. */
    sent,
    /** `retry` with a function that gives or throws what `answer` says. */
    call(answer, options) {
      const send = async () => {
        sent.push(now - start);
        const outcome = answer();
        if (outcome instanceof Error) throw outcome;
        return typeof outcome === "number" ? new Response("", { status: outcome }) : outcome;
      };
      return retry(send, { clock: () => now, sleep, seed: 7, ...options });
    },
    /** Lets the calls go on until they are settled. */
    async settle(...calls) {
      let settled = false;
      const all = Promise.allSettled(calls).finally(() => {
        settled = true;
      });
      for (;;) {
        await new Promise(setImmediate);
        if (settled) return all;
        sleepers.sort((a, b) => a.until - b.until);
        const next = sleepers.shift();
        assert.ok(next, "nobody waits, and yet a call goes on");
        now = Math.max(now, next.until);
        next.resolve();
      }
    },
  };
}

const inTurn =
  (...outcomes) =>
  () =>
    outcomes.shift() ?? 200;
const busy = () => new Response("busy", { status: 429, headers: { "retry-after": "3" } });
const reset = () => Object.assign(new Error("reset"), { code: "ECONNRESET" });

describe("retry with an upstream", () => {
  test("sends no call before the time that the server told another", async () => {
    const options = { policy: holding, upstream: new Upstream() };
    const { call, settle, sent } = timeline();
    let others = [];
    const onDecision = () => {
      others = Array.from({ length: 19 }, (_, seed) => call(inTurn(), { ...options, seed }));
    };
    await settle(call(inTurn(busy()), { ...options, onDecision }));
    const responses = await settle(...others);
    assert.deepEqual(
      responses.map(({ value }) => value?.status),
      Array(19).fill(200),
    );
    assert.deepEqual([sent.length, sent[0]], [21, 0]);
    assert.ok(
      sent.slice(1).every((ms) => ms >= 3000 && ms < 4000),
      `${sent}`,
    );
    assert.ok(new Set(sent).size > 15, `not released one after the other: ${sent}`);
  });

  test("sends single probes for as long as the server fails, and then all", async () => {
    const options = { policy: breaking, upstream: new Upstream() };
    const { call, settle, sent } = timeline();
    let failing = 22;
    const answer = () => (failing-- > 0 ? 500 : 200);
    const calls = Array.from({ length: 20 }, (_, seed) => call(answer, { ...options, seed }));
    const settled = await settle(...calls);
    assert.ok(settled.every(({ value }) => value?.status === 200));
    assert.equal(sent.length, 20 + 2 + 20);
    const [first, second, third] = sent.slice(20);
    assert.ok(first >= 1000 && second - first >= 2000 && third - second >= 4000, `${sent}`);
    assert.ok(sent.at(-1) - third <= 4000, `the breaker stays open: ${sent}`);
  });

  test("throws a HeldBackError where not even the first attempt may be sent", async () => {
    const upstream = new Upstream();
    upstream.decide(holding, at(0, rateLimited));
    const { call, sent } = timeline();
    const events = [];
    const onDecision = (event) => events.push(event);
    const held = call(inTurn(), { policy: holding, upstream, deadlineMs: 2000, onDecision });
    await assert.rejects(held, (thrown) => {
      assert.ok(thrown instanceof HeldBackError && thrown instanceof Error);
      assert.equal(thrown.name, "HeldBackError");
      const { reason, source, afterMs, advice } = thrown.decision;
      assert.deepEqual([reason, source], ["deadline", "hold"]);
      assert.ok(afterMs >= 3000 && afterMs < 4000);
      assert.equal(thrown.message, `not sent: \`hold\` holds it back for ${afterMs} ms: ${advice}`);
      return decisionOf(thrown) === thrown.decision;
    });
    assert.deepEqual([sent, events], [[], []]);
  });

  test("gives back what failed last where the next attempt may not be sent", async () => {
    for (const failure of [new Response("body of 500", { status: 500 }), reset()]) {
      const upstream = new Upstream();
      const { call, settle, sent } = timeline();
      const events = [];
      const onDecision = (event) => {
        events.push(event);
        // Meanwhile another call is told to wait.
        if (events.length === 1) upstream.decide(holding, at(0, rateLimited));
      };
      const options = { policy: holding, upstream, deadlineMs: 2500, onDecision };
      const [{ value, reason }] = await settle(call(inTurn(failure), options));
      assert.equal(value ?? reason, failure);
      if (value !== undefined) assert.equal(await value.text(), "body of 500");
      assert.deepEqual(sent, [0]);
      const { decision } = events[1];
      assert.equal(decisionOf(failure), decision);
      assert.deepEqual([decision.action, decision.reason], ["stop", "deadline"]);
      assert.equal(decision.class, "rate_limited");
      assert.deepEqual(
        events.map(({ attempt, waitMs, response, error }) => [attempt, waitMs, response ?? error]),
        [
          [0, events[0].decision.afterMs, failure],
          [0, undefined, failure],
        ],
      );
    }
  });

  test("ends where the budget is used up, and gets back what a retry cost that succeeds", async () => {
    const upstream = new Upstream();
    const { call, settle, sent } = timeline();
    const options = { policy: paying, upstream };
    await settle(call(inTurn(500, 500), options));
    assert.equal(sent.length, 3);
    // 10 tokens less 5 for each of two retries, and 5 for the one that succeeded.
    const [{ value }] = await settle(call(inTurn(500, 500), options));
    assert.equal(sent.length, 5);
    assert.equal(value.status, 500);
    assert.equal(decisionOf(value).reason, "budget_exhausted");
  });

  test("keeps a response until the next attempt is sent, or the wait is aborted", async () => {
    for (const aborts of [false, true]) {
      const upstream = new Upstream();
      const { call, settle, sent } = timeline();
      const cancelledAfter = [];
      const body = { cancel: () => cancelledAfter.push(sent.length) };
      const controller = new AbortController();
      const gone = new Error("not wanted any more");
      const onDecision = () => {
        assert.deepEqual(cancelledAfter, []);
        upstream.decide(holding, at(0, rateLimited));
        // While it is held back, for its own wait is over sooner.
        if (aborts) setTimeout(() => controller.abort(gone), 50);
      };
      const { signal } = controller;
      const sleep = aborts ? (ms) => (ms < 2000 ? undefined : forever(signal)) : undefined;
      const options = { policy: holding, upstream, signal, onDecision, ...(sleep && { sleep }) };
      const calling = call(inTurn({ status: 500, body }), options);
      if (aborts) {
        await assert.rejects(calling, (thrown) => thrown === gone);
        assert.deepEqual([sent.length, cancelledAfter], [1, [1]]);
      } else {
        const [{ value }] = await settle(calling);
        assert.equal(value.status, 200);
        assert.deepEqual([sent.length, cancelledAfter], [2, [1]]);
      }
    }
  });

  test("a signal ends the wait for the first attempt at once", async () => {
    const upstream = new Upstream();
    upstream.decide(holding, at(0, rateLimited));
    const gone = new Error("not wanted any more");
    const controller = new AbortController();
    const { call, sent } = timeline();
    const options = { policy: holding, upstream, signal: controller.signal };
    const calls = [call(inTurn(), options), call(inTurn(), { ...options, sleep: undefined })];
    setImmediate(() => controller.abort(gone));
    for (const calling of calls) await assert.rejects(calling, (thrown) => thrown === gone);
    assert.deepEqual(sent, []);
  });

  test("does what it does without one, where the policy has no `upstream`", async () => {
    const runs = [];
    for (const upstream of [undefined, new Upstream()]) {
      const { call, settle, sent } = timeline();
      const events = [];
      const onDecision = ({ decision, ...event }) => events.push([decision.bits, event.waitMs]);
      const options = { policy: Policy.tessera(), upstream, onDecision };
      const [{ value }] = await settle(call(inTurn(500, busy(), reset(), 503, 404), options));
      runs.push({ sent, events, status: value.status, bits: decisionOf(value).bits });
    }
    assert.deepEqual(runs[1], runs[0]);
    assert.equal(runs[0].events.length, 5);
  });
});

function forever(signal) {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
