// @azure/core-rest-pipeline: `defaultRetryPolicy`, which is that of @typespec/ts-http-runtime.

import {
  createHttpHeaders,
  createPipelineRequest,
  defaultRetryPolicy,
  RestError,
} from "@azure/core-rest-pipeline";
import { AbortError } from "@typespec/ts-http-runtime";
import * as stage from "../stage.mjs";

export async function call(test) {
  const request = createPipelineRequest({ url: "https://localhost", method: test.method });
  const next = async () => {
    if (!stage.fails()) return { status: 204, headers: createHttpHeaders(), request };
    if (test.transport === null) return { status: test.status, headers: headers(test), request };
    // The client's own limit to the time of a request aborts it.
    const ended = test.transport === "timeout" && test.phase !== "connect";
    if (ended || test.transport === "aborted") throw new AbortError("The operation was aborted.");
    // A body that can't be read is what nodeHttpClient.js says it is.
    const code = test.phase === "body" ? RestError.PARSE_ERROR : stage.codes[test.transport];
    throw new RestError("failed", { code, request });
  };
  const policy = defaultRetryPolicy({ maxRetries: test.max_retries ?? undefined });
  await policy.sendRequest(request, next);
}

function headers(test) {
  const present = Object.entries(stage.received(test)).filter(([, value]) => value);
  return createHttpHeaders(Object.fromEntries(present));
}

export function gaveUp(error) {
  return error instanceof RestError || error.name === "AbortError";
}
