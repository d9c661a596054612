// The decision tables that all languages share: one test for each case.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Policy, PolicyError, parseError, supportReport, Upstream } from "holdoff";
import { preset } from "holdoff/clients";

const folder = fileURLToPath(new URL("../../tests/vectors/", import.meta.url));
const policies = new Map();
let cases = 0;
let ran = 0;

for (const file of readdirSync(folder, { recursive: true }).filter((name) =>
  name.endsWith(".json"),
)) {
  const vectors = JSON.parse(readFileSync(folder + file, "utf8"));
  cases += vectors.cases.length;
  describe(file, () => {
    for (const vector of vectors.cases) {
      test(`${file}/${vector.name}`, () => {
        ran += 1;
        check[vectors.kind](vector, vectors.policies);
      });
    }
  });
}

after(() => {
  assert.ok(cases > 0, "there are no vectors");
  assert.equal(ran, cases, "not every case was run");
});

const check = {
  decide({ input, expect }, own) {
    const policy = policyOf(own?.[input.policy] ?? input.policy ?? "tessera");
    const facts = factsOf(input);
    const decision = policy.decide(facts);
    checkDecision(decision, policy.explain(facts), facts, expect, expect.explained);
  },

  upstream({ policy: nameOrDocument, steps }, own) {
    const policy = policyOf(own?.[nameOrDocument] ?? nameOrDocument);
    for (const throughJson of [false, true]) {
      let upstream = new Upstream();
      const calls = new Map();
      for (const [index, step] of steps.entries()) {
        const call = calls.get(step.call) ?? {};
        calls.set(step.call, call);
        try {
          take(step, policy, upstream, call);
        } catch (error) {
          const json = JSON.stringify(upstream);
          error.message = `steps[${index}]: ${error.message}\n${json}, through JSON: ${throughJson}`;
          throw error;
        }
        if (throughJson) upstream = Upstream.fromJSON(upstream.toJSON());
      }
    }
  },

  "policy-error"({ document, text, error }) {
    const load = () => new Policy(text ?? document);
    assert.throws(
      load,
      (thrown) => thrown instanceof PolicyError && thrown.message === error,
      error,
    );
    assert.throws(load, { name: "PolicyError", message: error });
  },

  "error-body"({ body, expect }) {
    assert.deepEqual(parseError(body), expect);
    assert.deepEqual(parseError(new TextEncoder().encode(body)), expect);
  },

  "support-report"({ input, endpoint, expect, text }) {
    const report = supportReport({ ...factsOf(input), endpoint: endpoint ?? undefined });
    assert.deepEqual(JSON.parse(JSON.stringify(report)), expect);
    assert.equal(String(report), text);
  },
};

function checkDecision(decision, explanation, facts, expect, explained = []) {
  checkFacts(decision, expect);
  if ("error" in expect) {
    const body = facts.status === undefined ? undefined : facts.body;
    assert.deepEqual(parseError(body), expect.error);
  }
  if (facts.seed !== undefined || facts.draw !== undefined || decision.action !== "retry") {
    assert.equal(explanation.decision.bits, decision.bits, "explain decides otherwise");
  }
  assert.equal(explanation.steps.at(-1).topic, "decision");
  for (const text of explained) {
    const found = explanation.steps.some((step) => step.text.includes(text));
    assert.ok(found, `\`${text}\` is not in\n${explanation}`);
  }
}

function checkFacts(actual, expect) {
  for (const [fact, key] of [
    ["action", "action"],
    ["after_ms", "afterMs"],
    ["class", "class"],
    ["reason", "reason"],
    ["source", "source"],
    ["advice", "advice"],
    ["bits", "bits"],
  ]) {
    if (fact in expect) assert.equal(actual[key], expect[fact], fact);
  }
}

/** Takes one step of a call; `call` keeps its ticket and its last decision. */
function take({ admit, succeed, decide, expect, explained }, policy, upstream, call) {
  if (admit !== undefined) {
    const { decision, ...admission } = upstream.admit(policy, factsOf(admit), call.ticket);
    call.ticket = admission.ticket;
    // A decision to refuse is to stop the call.
    if (decision !== undefined) assert.equal(decision.action, "stop");
    checkFacts({ ...decision?.toJSON(), ...admission }, expect);
  } else if (succeed !== undefined) {
    upstream.succeed(policy, factsOf(succeed), call.decision, succeed.headers);
  } else {
    const facts = factsOf(decide);
    const explaining = Upstream.fromJSON(upstream.toJSON());
    const explanation = explaining.explain(policy, facts);
    call.decision = upstream.decide(policy, facts);
    checkDecision(call.decision, explanation, facts, expect, explained);
    assert.deepEqual(explaining.toJSON(), upstream.toJSON(), "explain takes in something else");
  }
}

function policyOf(nameOrDocument) {
  const key = JSON.stringify(nameOrDocument);
  if (!policies.has(key)) {
    const named = typeof nameOrDocument === "string";
    policies.set(key, named ? preset(nameOrDocument) : new Policy(nameOrDocument));
  }
  return policies.get(key);
}

function factsOf({ elapsed_ms, deadline_ms, max_retries, seed, now, body, policy, ...same }) {
  const facts = {
    ...same,
    seed: typeof seed === "string" ? BigInt(seed) : seed,
    now: now == null ? undefined : new Date(now),
    body: typeof body === "object" && body !== null ? JSON.stringify(body) : body,
    elapsedMs: elapsed_ms,
    deadlineMs: deadline_ms,
    maxRetries: max_retries,
  };
  const known = Object.entries(facts).filter(([, value]) => value != null);
  return Object.fromEntries(known);
}
