// Compiled, never run: what users may and may not write.

import {
  type Action,
  type Admission,
  type Decision,
  type DecisionEvent,
  decisionOf,
  type ErrorBody,
  type FailureClass,
  freshSeed,
  HeldBackError,
  Policy,
  PolicyError,
  parseError,
  retry,
  type SupportReport,
  supportReport,
  type TransportKind,
  Upstream,
} from "holdoff";
import { type Client, preset, presetNames } from "holdoff/clients";
import { type IORedisLike, type NodeRedisLike, SharedUpstream } from "holdoff/redis";

preset("openai-node") satisfies Policy;
preset("openai-node@6.49.0") satisfies Policy;
preset("tessera") satisfies Policy;
const client: Client = "undici";
presetNames.includes(client) satisfies boolean;
// @ts-expect-error no such client
preset("openai-nod");

const policy: Policy = Policy.tessera();
Policy.recommended() satisfies Policy;
Policy.preset("tessera") satisfies Policy;
new Policy("{}") satisfies Policy;
new Policy({ name: "own" }) satisfies Policy;
// @ts-expect-error no preset of this name
Policy.preset("tesera");
// @ts-expect-error a number is no document
new Policy(1);

const decision = policy.decide({ status: 429, headers: new Headers() });
decision satisfies Decision;
const action: Action = decision.action;
if (decision.action === "retry") decision.afterMs satisfies number;
// @ts-expect-error no such action
if (decision.action === "retyr") throw action;
// @ts-expect-error decisions are immutable
decision.bits = 1;
switch (decision.class) {
  case "rate_limited":
  case "quota_exhausted":
    break;
  // @ts-expect-error no such class
  case "ratelimited":
    break;
}

policy.decide({ status: 500, headers: { "retry-after": ["1", "2"], vary: undefined }, body: "x" });
policy.decide({ status: 500, headers: [["retry-after", "1"]], body: new Uint8Array() });
policy.decide({ status: 500, headers: new Map([["retry-after", "1"]]), body: { error: {} } });
policy.decide({ transport: "reset", phase: "sent", attempt: 1, seed: 7n, now: new Date() });
policy.decide({ transport: "dns", seed: freshSeed(), now: 0, elapsedMs: 1, deadlineMs: 2 });
// @ts-expect-error neither a response nor a transport failure
policy.decide({ attempt: 1 });
// @ts-expect-error a status is a number
policy.decide({ status: "429" });
// @ts-expect-error no such fact
policy.decide({ status: 429, elapsed_ms: 1 });
const kind = "reset" as TransportKind | "gone";
// @ts-expect-error no such kind of transport failure
policy.decide({ transport: kind });

const explanation = policy.explain({ status: 500 });
explanation.steps.map(({ topic, text }) => `${topic satisfies string}${text satisfies string}`);
// @ts-expect-error no such topic
explanation.steps.filter(({ topic }) => topic === "hints");

const error: ErrorBody | null = parseError("{}");
error?.code satisfies string | null | undefined;
error?.class satisfies FailureClass | null | undefined;
const report: SupportReport = supportReport({ status: 500, endpoint: new URL("https://a.b") });
report.requestId satisfies string | null;

const response: Response = await retry(() => fetch("https://a.b"), {
  policy,
  signal: AbortSignal.timeout(1000),
  onDecision: ({ decision, attempt, waitMs, response, error }: DecisionEvent) => {
    decision satisfies Decision;
    attempt satisfies number;
    waitMs satisfies number | undefined;
    response satisfies Response | undefined;
    error satisfies unknown;
  },
});
decisionOf(response) satisfies Decision | undefined;
const own = await retry(async (attempt) => ({ status: 200, attempt, mine: true }), { policy });
own.mine satisfies boolean;
(await retry(() => fetch("https://a.b"), { policy })) satisfies Response;
(await retry(() => fetch("https://a.b"))) satisfies Response;
(await retry(() => fetch("https://a.b"), { method: "POST", idempotent: true })) satisfies Response;
// @ts-expect-error no such option
await retry(() => fetch("https://a.b"), { policy, retries: 3 });
// @ts-expect-error not a response
await retry(async () => "text", { policy });
new PolicyError("x") satisfies Error;

const upstream: Upstream = new Upstream();
(await retry(() => fetch("https://a.b"), { policy, upstream })) satisfies Response;
const admission: Admission = upstream.admit(policy, { now: new Date(), attempt: 1, seed: 7n });
switch (admission.action) {
  case "send":
    // @ts-expect-error nothing to wait for
    admission.afterMs;
    break;
  case "wait":
    upstream.admit(policy, { now: Date.now() + admission.afterMs }, admission.ticket);
    break;
  default:
    admission.decision satisfies Decision;
}
upstream.succeed(policy, { now: 0 });
upstream.succeed(policy, { now: 0, attempt: 1 }, decision);
upstream.decide(policy, { status: 429, now: 0 }) satisfies Decision;
upstream.explain(policy, { transport: "reset", now: 0 }).decision satisfies Decision;
upstream.merge(Upstream.fromJSON(upstream.toJSON()));
Upstream.fromJSON(JSON.stringify(upstream)) satisfies Upstream;
// @ts-expect-error a call did not fail
upstream.succeed(policy, { status: 200, now: 0 });
// @ts-expect-error the policy is missing
upstream.admit({ now: 0 });
declare const ioredis: IORedisLike;
declare const nodeRedis: NodeRedisLike;
const shared = new SharedUpstream(ioredis, { key: "a.b", onReachable: () => {} });
new SharedUpstream(nodeRedis, { key: "a.b", prefix: "x:", expiryMs: 1, timeoutMs: 1, maxAgeMs: 1 });
(await retry(() => fetch("https://a.b"), { upstream: shared })) satisfies Response;
(await shared.admit(policy, {})) satisfies Admission;
// @ts-expect-error the key is missing
new SharedUpstream(ioredis, {});
// @ts-expect-error no client
new SharedUpstream({}, { key: "a.b" });
try {
  await retry(() => fetch("https://a.b"), { policy, upstream, deadlineMs: 1000 });
} catch (thrown) {
  if (thrown instanceof HeldBackError) thrown.decision.afterMs satisfies number;
}
