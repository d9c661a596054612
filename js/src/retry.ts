import type { Decision } from "./decision.js";
import type { Failure } from "./failure.js";
import { maxBodyBytes } from "./generated/codes.js";
import type { HeadersLike } from "./headers.js";
import { type Call, Policy } from "./policy.js";
import { freshSeed } from "./seed.js";
import { transportFailure } from "./transport.js";

/** How long the body of a failed response is waited for before it is decided without. */
const BODY_WAIT_MS = 1000;

/** What `retry` needs of a response: that of fetch, or another of this shape. */
export interface ResponseLike {
  readonly status: number;
  readonly headers?: HeadersLike;
  readonly body?: { cancel?(): unknown } | null | undefined;
  clone?(): { readonly body?: unknown };
}

/** How `retry` goes about it. */
export interface RetryOptions<R extends ResponseLike = Response>
  extends Pick<
    Call,
    "seed" | "deadlineMs" | "maxRetries" | "method" | "idempotent" | "replayable"
  > {
  /** The rules; by default `Policy.recommended()`. */
  policy?: Policy | undefined;
  /** Ends a wait at once when it is aborted; give it to fetch too. */
  signal?: AbortSignal | undefined;
  /** Whether the user was already given a part of the answer; asked after each failed attempt. */
  delivered?: boolean | (() => boolean) | undefined;
  /** Told of each decision, before the wait. */
  onDecision?: ((event: DecisionEvent<R>) => void) | undefined;
  /** Waits for so many milliseconds, or rejects when the signal is aborted. For tests. */
  sleep?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
  /** The time in UTC milliseconds since 1970, also for what has elapsed. For tests. */
  clock?: (() => number) | undefined;
}

/** One decision of `retry`, and what it was about: a response or an error. */
export interface DecisionEvent<R extends ResponseLike = Response> {
  readonly decision: Decision;
  /** The attempt that failed, from zero. */
  readonly attempt: number;
  /** How long is waited now, in milliseconds; undefined where the call ends. */
  readonly waitMs: number | undefined;
  readonly response?: R;
  readonly error?: unknown;
}

const decisions = new WeakMap<object, Decision>();

/** The decision with which `retry` gave up, by the response it gave back or the error it threw. */
export function decisionOf(responseOrError: unknown): Decision | undefined {
  return decisions.get(responseOrError as object);
}

/**
 * Sends a request, and sends it again after a wait for as long as the policy says so.
 *
 * A response with a status below 400 is given back at once and untouched: its body is the caller's.
 * Whoever reads an error there, in a stream for instance, asks `policy.decide` with that body. When
 * the policy says to stop or to escalate, the last response is given back with its body still to be
 * read, or the last error is thrown as it is; `decisionOf` tells the decision.
 *
 * Give the `method`, and `idempotent: true` where the request carries an idempotency key that the
 * server honours. Where the server may have executed the request and they tell that it is not safe
 * to repeat, the call ends with the reason `possibly_executed`; where neither is given, nothing is
 * forbidden.
 *
 * @param send Sends the request, anew each time: `() => fetch(url, …)`. Given the attempt, from zero.
 * @throws what `send` threw last; at once where it is no failed connection.
 * @throws the signal's reason, where that was aborted while waiting.
 */
export async function retry<R extends ResponseLike = Response>(
  send: (attempt: number) => Promise<R> | R,
  options: RetryOptions<R> = {},
): Promise<R> {
  const { policy = Policy.recommended(), signal, seed = freshSeed(), delivered } = options;
  const {
    sleep = timer,
    clock: now = Date.now,
    clock: elapsing = () => performance.now(),
  } = options;
  const begin = elapsing();
  for (let attempt = 0; ; attempt++) {
    signal?.throwIfAborted();
    const outcome = await attemptOnce(send, attempt);
    if (outcome.response !== undefined && outcome.response.status < 400) return outcome.response;

    const decision = policy.decide({
      ...(await failureOf(outcome, policy, signal)),
      attempt,
      seed,
      now: now(),
      elapsedMs: Math.max(0, elapsing() - begin),
      deadlineMs: options.deadlineMs,
      maxRetries: options.maxRetries,
      method: options.method,
      idempotent: options.idempotent,
      replayable: options.replayable,
      delivered: typeof delivered === "function" ? delivered() : delivered,
    });
    const again = decision.action === "retry";
    const waitMs = again ? decision.afterMs : undefined;
    const subject = outcome.response ?? outcome.error;
    if (!again && typeof subject === "object" && subject !== null) decisions.set(subject, decision);
    options.onDecision?.({ decision, attempt, waitMs, ...outcome });
    if (waitMs === undefined) {
      if (outcome.response !== undefined) return outcome.response;
      throw outcome.error;
    }
    discard(outcome.response?.body);
    await sleep(waitMs, signal);
  }
}

type Outcome<R> = { response: R; error?: never } | { response?: never; error: unknown };

async function attemptOnce<R extends ResponseLike>(
  send: (attempt: number) => Promise<R> | R,
  attempt: number,
): Promise<Outcome<R>> {
  let response: R;
  try {
    response = await send(attempt);
  } catch (error) {
    return { error };
  }
  if (typeof response?.status !== "number") {
    throw new TypeError("retry: the function gave no response; return what fetch gives");
  }
  return { response };
}

/** What failed, as the policy takes it. An error that is no failed connection is thrown. */
async function failureOf<R extends ResponseLike>(
  { response, error }: Outcome<R>,
  policy: Policy,
  signal: AbortSignal | undefined,
): Promise<Failure> {
  if (response === undefined) {
    const failure = signal?.aborted ? { transport: "aborted" as const } : transportFailure(error);
    if (failure === undefined) throw error;
    return failure;
  }
  const body = policy.readsBody ? await errorBody(response, signal) : undefined;
  return { status: response.status, headers: response.headers, body };
}

/**
 * The beginning of the body, as much as came in time. It is read from a clone, so that whoever is
 * given the response can still read all of it.
 */
async function errorBody(
  response: ResponseLike,
  signal: AbortSignal | undefined,
): Promise<ArrayBuffer | undefined> {
  const reader = readerOfClone(response);
  if (reader === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  const reading = async () => {
    for (let length = 0; length < maxBodyBytes; ) {
      const { done, value } = await reader.read();
      if (done) return;
      chunks.push(value);
      length += value.byteLength;
    }
  };
  const enough = new AbortController();
  signal?.addEventListener("abort", () => enough.abort(), { signal: enough.signal });
  const wait = timer(BODY_WAIT_MS, enough.signal);
  // A body that breaks off or stalls is no failure of its own: the status says what failed.
  await Promise.race([reading(), wait]).catch(() => {});
  enough.abort();
  reader.cancel().catch(() => {});
  return new Blob(chunks as BlobPart[]).arrayBuffer();
}

function readerOfClone(
  response: ResponseLike,
): ReadableStreamDefaultReader<Uint8Array> | undefined {
  try {
    const body = response.clone?.().body as ReadableStream<Uint8Array> | null | undefined;
    return body?.getReader();
  } catch {
    // The function that sent the request has read the body itself.
    return undefined;
  }
}

/** Lets go of a body that nobody will read, so that its connection is free. */
function discard(body: ResponseLike["body"]): void {
  // It rejects where somebody else is reading it.
  Promise.resolve(body?.cancel?.()).catch(() => {});
}

function timer(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timeout);
      reject(signal?.reason);
    };
    const timeout = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
