/**
 * Retries for `fetch`, and for every client that takes a `fetch` of one's own: those of OpenAI and
 * Anthropic, ky and others. Turn the client's own retries off.
 */

import { type AdapterOptions, absolute, caller, type RequestOptions } from "./adapter.js";
import type { ResponseLike } from "./beginning.js";
import { noticeAdapters } from "./nested.js";
import { fixed, isReplayable } from "./replay.js";

export type { AdapterOptions, AttemptSpan, RequestOptions, Telemetry } from "./adapter.js";

/** A `fetch` that retries also takes, of each request, what is to differ from the adapter's options. */
export type RetryingFetch = (
  input: RequestInfo | URL,
  init?: RequestInit & { holdoff?: RequestOptions | undefined },
) => Promise<Response>;

/** `fetch`, or what another library has in its place. */
export type FetchLike = (input: never, init?: never) => Promise<ResponseLike>;

const retrying = new WeakSet<object>();

/**
 * A `fetch` that sends a request again for as long as the policy says so, with `retry`.
 *
 * The response is the one that came, its body still to be read. JSON up to 1 MiB has been waited for
 * whole and a stream of events until its first chunk, so that what breaks off before is tried again; a
 * stream is never tried again after that. When it gives up, the last response is given back or the last
 * error thrown, and `decisionOf` tells why.
 *
 * A body that is a stream is sent once. That of a `Request` is kept in memory until the call ends, for it
 * does not tell what it was made of; `replayable: false` prevents it.
 *
 * @param fetch What sends each attempt.
 * @throws what `fetch` throws, and a `TimeoutError` where the `deadlineMs` passed during an attempt.
 * @throws {HeldBackError} where the `upstream` does not let the first attempt be sent in time.
 */
export function withRetry<F extends FetchLike>(
  fetch: F,
  options: AdapterOptions = {},
): F & RetryingFetch {
  if (typeof fetch !== "function") {
    throw new TypeError("fetch: missing; give the function that sends, as in `withRetry(fetch)`");
  }
  if (retrying.has(fetch)) noticeAdapters(options.logger);
  const call = caller(options);
  const send = fetch as unknown as typeof globalThis.fetch;
  const fetchWithRetry: RetryingFetch = async (input, init = {}) => {
    if (isRequest(init)) return fetchWithRetry(new Request(input, init));
    const { holdoff, ...given } = init;
    const request = isRequest(input) ? input : undefined;
    const cloned = given.body == null && request?.body != null ? request : undefined;
    const headers = given.headers ?? request?.headers;
    const signal = given.signal === undefined ? request?.signal : (given.signal ?? undefined);
    const replayable = cloned !== undefined || isReplayable(given.body);
    if (given.body != null) given.body = fixed(given.body);
    const about = {
      method: given.method ?? request?.method ?? "GET",
      url: request?.url ?? absolute(String(input)),
      header: (name: string) => new Headers(headers).get(name),
      signal,
      replayable,
      options: holdoff,
    };
    try {
      return await call(about, (limit, more) =>
        send(cloned && options.replayable !== false ? cloned.clone() : input, {
          // Where anything is given beside a Request, fetch forgets these two of it.
          ...(request && { referrer: request.referrer, referrerPolicy: request.referrerPolicy }),
          ...given,
          // Also where it is the request's own: the signal of a clone is lost with the next garbage
          // collection in Node, and no abort reaches fetch any more (undici holds it weakly).
          ...((cloned || limit !== signal) && limit !== undefined && { signal: limit }),
          ...(Object.keys(more).length > 0 && { headers: withHeaders(headers, more) }),
        }),
      );
    } finally {
      // What the clones have left in it would stay in memory for as long as the request.
      if (cloned && !cloned.bodyUsed) cloned.body?.cancel().catch(() => {});
    }
  };
  // Bun's fetch has functions of its own.
  const result = Object.assign(fetchWithRetry, fetch) as F & RetryingFetch;
  retrying.add(result);
  return result;
}

/** A Request, also of another realm or library. */
function isRequest(input: object | string): input is Request {
  return typeof input === "object" && "url" in input && "clone" in input;
}

function withHeaders(headers: HeadersInit | undefined, more: Readonly<Record<string, string>>) {
  const all = new Headers(headers);
  for (const [name, value] of Object.entries(more)) all.set(name, value);
  return all;
}
