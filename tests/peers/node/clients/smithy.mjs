// @smithy/core, the retries of the AWS SDK for JavaScript: `retryMiddleware` and the strategy that
// `resolveRetryConfig` makes by default. Each call has a strategy, and so a retry quota, of its own.

import { HttpResponse } from "@smithy/core/protocols";
import { resolveRetryConfig, retryMiddleware } from "@smithy/core/retry";
import * as stage from "../stage.mjs";

/** Node's error codes, and the name that a limit to the time of a request has. */
const errors = {
  dns: { code: "ENOTFOUND" },
  connect: { code: "ECONNREFUSED" },
  tls: { code: "CERT_HAS_EXPIRED" },
  reset: { code: "ECONNRESET" },
  timeout: { name: "TimeoutError" },
  protocol: { code: "HPE_INVALID_CONSTANT" },
  aborted: { name: "AbortError" },
};

export async function call(test) {
  const maxAttempts = test.max_retries === null ? undefined : test.max_retries + 1;
  const next = async () => {
    if (!stage.fails()) return { output: { $metadata: {} } };
    throw Object.assign(new Error("failed"), errors[test.transport] ?? failed(test));
  };
  await retryMiddleware(resolveRetryConfig({ maxAttempts }))(next, {})({});
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
