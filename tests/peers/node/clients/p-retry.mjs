// p-retry, around a function that throws an error for each response that is not ok, as its README has it.

import pRetry from "p-retry";
import * as stage from "../stage.mjs";

/** What `fetch` rejects with, where that is not `fetch failed`. */
const errors = {
  reset: new TypeError("terminated"),
  timeout: new DOMException("The operation was aborted due to timeout", "TimeoutError"),
};

export async function call(test) {
  const aborting = new AbortController();
  const { signal } = aborting;
  const run = async () => {
    if (!stage.fails()) return;
    if (test.transport === null) throw new Error(`status ${test.status}`);
    if (test.transport === "aborted") aborting.abort();
    throw errors[test.transport] ?? new TypeError("fetch failed");
  };
  await pRetry(run, { signal, ...(test.max_retries !== null && { retries: test.max_retries }) });
}

export function gaveUp() {
  return true;
}
