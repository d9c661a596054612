// Retries a request of fetch by the policy of Tessera AI, and shows each decision.
//
//     node fetch.mjs URL [SEED]

import { Policy, retry } from "holdoff";

const [url, seed] = process.argv.slice(2);
const start = performance.now();
const say = (text) =>
  console.log(`${((performance.now() - start) / 1000).toFixed(2).padStart(6)} s  ${text}`);

const response = await retry(() => fetch(url), {
  policy: Policy.tessera(),
  seed: seed && BigInt(seed),
  onDecision({ attempt, decision: { class: kind, action, afterMs, source, reason } }) {
    const how = action === "retry" ? `after ${afterMs} ms, by ${source}` : `because of ${reason}`;
    say(`attempt ${attempt}  ${kind}: ${action} ${how}`);
  },
});
say(response.status);
