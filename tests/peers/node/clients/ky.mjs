// ky, through a `fetch` of its options.

import ky, { HTTPError, NetworkError, TimeoutError } from "ky";
import * as stage from "../stage.mjs";

export async function call(test) {
  const fetch = async (request) => {
    if (!stage.fails()) return new Response(null, { status: 204 });
    if (test.transport === null) return stage.fetched(test);
    if (test.transport === "timeout") throw new TimeoutError(request);
    if (test.transport === "aborted") throw new DOMException("aborted", "AbortError");
    throw new TypeError("fetch failed");
  };
  const retry = test.max_retries === null ? {} : { limit: test.max_retries };
  await ky("https://localhost", { fetch, method: test.method, retry });
}

export function gaveUp(error) {
  return (
    error instanceof HTTPError ||
    error instanceof NetworkError ||
    error instanceof TimeoutError ||
    error.name === "AbortError"
  );
}
