import type { Call } from "./call.js";
import type { Decision } from "./decision.js";
import type { Failure } from "./failure.js";
import { maxBodyBytes } from "./generated/codes.js";
import type { HeadersLike } from "./headers.js";
import { Policy } from "./policy.js";
import { freshSeed } from "./seed.js";
import { transportFailure } from "./transport.js";
import type { Admission, Upstream } from "./upstream.js";

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
  /**
   * What the calls to one server share: before each attempt the call waits as long as it says, and a
   * retry is paid from its budget. What that is, only the policy's `upstream` says.
   */
  upstream?: Upstream | undefined;
  /** Ends a wait at once when it is aborted; give it to fetch too. */
  signal?: AbortSignal | undefined;
  /** Whether the user was already given a part of the answer; asked after each failed attempt. */
  delivered?: boolean | (() => boolean) | undefined;
  /** Told of each decision, before the wait; once more if `upstream` ends the call after it. */
  onDecision?: ((event: DecisionEvent<R>) => void) | undefined;
  /**
   * Waits for so many milliseconds, or rejects when the signal is aborted. For tests. With an
   * `upstream`, the clock has to go on by as much.
   */
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

/**
 * Nothing was sent: the `upstream` holds the call back for longer than its deadline or the policy
 * allows.
 */
export class HeldBackError extends Error {
  /**
   * What holds the call back (`source`), for how long (`afterMs`), why that is too long (`reason`:
   * `deadline` or `held`), and the class of what last failed.
   */
  readonly decision: Decision;

  static {
    HeldBackError.prototype.name = "HeldBackError";
  }

  /** `retry` makes it. */
  constructor(decision: Decision) {
    const { source, afterMs, advice } = decision;
    super(`not sent: \`${source}\` holds it back for ${afterMs} ms: ${advice}`);
    this.decision = decision;
  }
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
 * @throws {HeldBackError} where the `upstream` does not let the first attempt be sent in time.
 */
export async function retry<R extends ResponseLike = Response>(
  send: (attempt: number) => Promise<R> | R,
  options: RetryOptions<R> = {},
): Promise<R> {
  const {
    policy = Policy.recommended(),
    upstream,
    signal,
    seed = freshSeed(),
    delivered,
  } = options;
  const {
    sleep = timer,
    clock: now = Date.now,
    clock: elapsing = () => performance.now(),
  } = options;
  const begin = elapsing();
  const call = (attempt: number): Call => ({
    attempt,
    seed,
    now: now(),
    elapsedMs: Math.max(0, elapsing() - begin),
    deadlineMs: options.deadlineMs,
    maxRetries: options.maxRetries,
    method: options.method,
    idempotent: options.idempotent,
    replayable: options.replayable,
  });
  let last: DecisionEvent<R> | undefined;
  /** The last response, for as long as it may still have to be given back. */
  let kept: R | undefined;
  const wait = async (ms: number) => {
    try {
      await sleep(ms, signal);
      signal?.throwIfAborted();
    } catch (reason) {
      discard(kept);
      throw reason;
    }
  };

  signal?.throwIfAborted();
  for (let attempt = 0; ; attempt++) {
    if (upstream !== undefined) {
      const ask = (ticket: number) => upstream.admit(policy, call(attempt), ticket);
      const refusal = await untilSent(ask, wait);
      if (refusal !== undefined) return giveUp(refusal, last, options);
      discard(kept);
    }
    const outcome = await attemptOnce(send, attempt);
    if (outcome.response !== undefined && outcome.response.status < 400) {
      upstream?.succeed(policy, call(attempt), last?.decision);
      return outcome.response;
    }
    const failure = await failureOf(outcome, policy, signal);
    const facts = {
      ...failure,
      ...call(attempt),
      delivered: typeof delivered === "function" ? delivered() : delivered,
    };
    const decision = upstream?.decide(policy, facts) ?? policy.decide(facts);
    last = { decision, attempt, waitMs: decision.afterMs, ...outcome };
    if (decision.action !== "retry") return giveUp(decision, last, options);
    options.onDecision?.(last);
    if (upstream === undefined) discard(outcome.response);
    else kept = outcome.response;
    await wait(decision.afterMs);
  }
}

/** Waits for as long as the answer is to wait. The decision, where it is to refuse. */
async function untilSent(
  ask: (ticket: number) => Admission,
  wait: (ms: number) => Promise<void>,
): Promise<Decision | undefined> {
  let admission = ask(0);
  while (admission.action === "wait") {
    await wait(admission.afterMs);
    admission = ask(admission.ticket);
  }
  return admission.action === "refuse" ? admission.decision : undefined;
}

/** Ends the call by a decision: with what failed last, or without that because nothing was sent. */
function giveUp<R extends ResponseLike>(
  decision: Decision,
  last: DecisionEvent<R> | undefined,
  { onDecision }: RetryOptions<R>,
): R {
  const { response, error }: Partial<DecisionEvent<R>> = last ?? {
    error: new HeldBackError(decision),
  };
  const subject = response ?? error;
  if (typeof subject === "object" && subject !== null) decisions.set(subject, decision);
  if (last !== undefined) onDecision?.({ ...last, decision, waitMs: undefined });
  if (response !== undefined) return response;
  throw error;
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
function discard(response: ResponseLike | undefined): void {
  // It rejects where somebody else is reading it.
  Promise.resolve(response?.body?.cancel?.()).catch(() => {});
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
