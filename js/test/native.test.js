// Through WebAssembly the core decides as it does natively, in the command `holdoff`.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { parseError, presetNames } from "holdoff";
import { bodyText, facts, policies } from "./arbitraries.js";

const suffix = process.platform === "win32" ? ".exe" : "";
const command =
  process.env.HOLDOFF_CLI ??
  fileURLToPath(new URL(`../../target/release/holdoff${suffix}`, import.meta.url));

test("the command decides the same", () => {
  assert.ok(
    existsSync(command),
    `${command} is missing; run \`cargo build --release --package holdoff-cli\``,
  );
  const inputs = fc.sample(fc.tuple(fc.constantFrom(...policies), facts(bodyText)), 2000);
  const input = inputs.map((input) => `${batchLine(...input)}\n`).join("");
  const { stdout, stderr, status } = spawnSync(command, ["decide", "--batch"], {
    input,
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  assert.equal(
    status,
    0,
    `${stderr}${stdout.split("\n").find((line) => line.includes("error_line"))}`,
  );
  const answers = stdout.trim().split("\n");
  assert.equal(answers.length, inputs.length);
  const seen = { source: new Set(), reason: new Set(), class: new Set() };
  for (const [index, [policy, facts]] of inputs.entries()) {
    const { hint, ...answer } = JSON.parse(answers[index]);
    const decision = policy.decide(facts);
    const { action, afterMs: after_ms, class: kind, reason, source, advice } = decision;
    const { attempt } = facts;
    const error = "status" in facts ? parseError(facts.body) : null;
    const own = { action, after_ms, class: kind, reason, source, advice, attempt, error };
    assert.deepEqual(own, answer, batchLine(policy, facts));
    if (action === "retry" && source !== "backoff") {
      assert.ok(after_ms >= hint.ms, `sooner than the hint: ${batchLine(policy, facts)}`);
    }
    for (const [fact, values] of Object.entries(seen)) values.add(decision[fact]);
  }
  for (const [fact, values] of Object.entries(seen)) {
    assert.ok(values.size >= 8, `the inputs are too tame: of each ${fact} only ${[...values]}`);
  }
});

/** A line for `holdoff decide --batch`. */
function batchLine(policy, facts) {
  const { headers, seed, now, elapsedMs, deadlineMs, maxRetries, ...same } = facts;
  return JSON.stringify({
    policy: presetNames.includes(policy.name) ? policy.name : policy,
    ...same,
    headers:
      headers && Object.fromEntries(Object.entries(headers).map(([n, v]) => [n, [v].flat()])),
    seed: String(seed),
    now,
    elapsed_ms: elapsedMs,
    deadline_ms: deadlineMs,
    max_retries: maxRetries,
  });
}
