// got: `Request._beforeError`, to which its promises hand each failure, and which reads `Retry-After`,
// asks `calculateRetryDelay` and waits.

import { once } from "node:events";
import { HTTPError, RequestError } from "got";
import * as stage from "../stage.mjs";

// The package exports the class for types only.
const { default: Request } = await import("../node_modules/got/dist/source/core/index.js");

const codes = { ...stage.codes, aborted: "ERR_ABORTED" };

export async function call(test) {
  const retry = test.max_retries === null ? {} : { limit: test.max_retries };
  for (let retryCount = 0; stage.fails(); retryCount++) {
    const request = new Request("https://localhost", { method: test.method, retry });
    const retried = once(request, "retry");
    request.retryCount = retryCount;
    request._beforeError(failure(test, request));
    await retried;
  }
}

function failure(test, request) {
  if (test.transport !== null) {
    return Object.assign(new Error("failed"), { code: codes[test.transport] });
  }
  request.response = { statusCode: test.status, headers: stage.received(test), request };
  return new HTTPError(request.response);
}

export function gaveUp(error) {
  return error instanceof RequestError;
}
