// @smithy/core, the retries of the AWS SDK for JavaScript: `retryMiddleware` and the strategy that
// `resolveRetryConfig` makes by default. Each call has a strategy, and so a retry quota, of its own.

import { HttpResponse } from "@smithy/core/protocols";
import { resolveRetryConfig, retryMiddleware } from "@smithy/core/retry";
import * as stage from "../stage.mjs";

/** The names of what is told by a name and not by Node's error code. */
const names = { timeout: "TimeoutError", aborted: "AbortError" };

export async function call(test) {
  const maxAttempts = test.max_retries === null ? undefined : test.max_retries + 1;
  const next = async () => {
    if (!stage.fails()) return { output: { $metadata: {} } };
    throw Object.assign(new Error("failed"), test.transport === null ? failed(test) : lost(test));
  };
  await retryMiddleware(resolveRetryConfig({ maxAttempts }))(next, {})({});
}

function lost({ transport }) {
  const name = names[transport];
  return name === undefined ? { code: stage.codes[transport] } : { name };
}

/** What the client of a service makes of a response: the exception's name is the error's code. */
function failed({ status, headers, body }) {
  const { __type, code = __type } = JSON.parse(body || "{}");
  const lines = stage.received({ headers });
  const $response = new HttpResponse({ statusCode: status, headers: lines });
  return { name: code, $metadata: { httpStatusCode: status }, $response };
}

export function gaveUp(error) {
  return error.message === "failed";
}
