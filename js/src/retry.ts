import { milliseconds } from "./arguments.js";
import { discard, errorBody, firstEvent, type ResponseLike, timer } from "./beginning.js";
import type { Call } from "./call.js";
import type { Decision } from "./decision.js";
import { explainRefusal, type Failed, type Listeners, log, logHeldBack, tell } from "./event.js";
import type { Explanation } from "./explanation.js";
import type { Failure } from "./failure.js";
import { Policy } from "./policy.js";
import { freshSeed } from "./seed.js";
import { transportFailure } from "./transport.js";
import type { Admission, UpstreamLike } from "./upstream.js";

/** The longest time of a timer: a longer one would end at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** How `retry` goes about it. */
export interface RetryOptions<R extends ResponseLike = Response>
  extends Pick<Call, "seed" | "deadlineMs" | "maxRetries" | "method" | "idempotent" | "replayable">,
    Listeners<R> {
  /** The rules; by default `Policy.recommended()`. */
  policy?: Policy | undefined;
  /**
   * What the calls to one server share: before each attempt the call waits as long as it says, and a
   * retry is paid from its budget. What that is, only the policy's `upstream` says. An `Upstream`, or
   * the `SharedUpstream` of `holdoff/redis`.
   */
  upstream?: UpstreamLike | undefined;
  /** Ends a wait at once when it is aborted, and the attempt through the signal that it is given. */
  signal?: AbortSignal | undefined;
  /** Whether the user was already given a part of the answer; asked after each failed attempt. */
  delivered?: boolean | (() => boolean) | undefined;
  /**
   * Whether a response below 400 is looked into before it is given back: JSON up to 1 MiB is waited for
   * whole and a stream of events until its first chunk, so that one that breaks off before is tried
   * again, as is a stream that begins with an error. It is read from a clone: what is given back is
   * all still to be read.
   */
  readAhead?: boolean | undefined;
  /**
   * Waits for so many milliseconds, or rejects when the signal is aborted. For tests. With an
   * `upstream`, the clock has to go on by as much.
   */
  sleep?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
  /** The time in UTC milliseconds since 1970, also for what has elapsed. For tests. */
  clock?: (() => number) | undefined;
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

/**
 * The decision with which `retry` gave up, by the response it gave back or the error it threw; or by
 * an error that a client made of either, where it has it as its `response`, `headers` or `cause`.
 */
export function decisionOf(responseOrError: unknown): Decision | undefined {
  let subject = responseOrError as Partial<Record<"response" | "headers" | "cause", object>>;
  for (let depth = 0; typeof subject === "object" && subject !== null && depth < 8; depth++) {
    const decision = decisions.get(subject) ?? decisions.get(subject.headers as object);
    if (decision !== undefined) return decision;
    subject = (subject.response ?? subject.cause) as typeof subject;
  }
  return undefined;
}

/**
 * Sends a request, and sends it again after a wait for as long as the policy says so.
 *
 * A response with a status below 400 is given back at once and untouched, unless `readAhead` is set: its
 * body is the caller's. Whoever reads an error there, in a stream for instance, asks `policy.decide`
 * with that body. When
 * the policy says to stop or to escalate, the last response is given back with its body still to be
 * read, or the last error is thrown as it is; `decisionOf` tells the decision.
 *
 * Give the `method`, and `idempotent: true` where the request carries an idempotency key that the
 * server honours. Where the server may have executed the request and they tell that it is not safe
 * to repeat, the call ends with the reason `possibly_executed`; where neither is given, nothing is
 * forbidden.
 *
 * @param send Sends the request, anew each time: `(attempt, signal) => fetch(url, { signal })`. Given the
 *   attempt, from zero, and a signal that is aborted when `signal` is, and with a `TimeoutError` when
 *   the deadline passes before the response is given back.
 * @throws what `send` threw last; at once where it is no failed connection.
 * @throws the signal's reason, where that was aborted while waiting.
 * @throws {HeldBackError} where the `upstream` does not let the first attempt be sent in time.
 */
export async function retry<R extends ResponseLike = Response>(
  send: (attempt: number, signal: AbortSignal | undefined) => Promise<R> | R,
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
  const deadlineMs = milliseconds("deadlineMs", options.deadlineMs);
  const begin = elapsing();
  const elapsedMs = () => Math.max(0, elapsing() - begin);
  const call = (attempt: number): Call => ({
    attempt,
    seed,
    now: now(),
    elapsedMs: elapsedMs(),
    deadlineMs: options.deadlineMs,
    maxRetries: options.maxRetries,
    method: options.method,
    idempotent: options.idempotent,
    replayable: options.replayable,
  });
  let last: Failed<R> | undefined;
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
      const refusal = await untilSent(ask, (held) => {
        logHeldBack(options, attempt, held);
        return wait(held.afterMs);
      });
      if (refusal !== undefined) {
        return giveUp(refusal, explainRefusal(refusal), last, options);
      }
      discard(kept);
    }
    const limit = limited(signal, deadlineMs - elapsedMs());
    const attempted = attemptOnce(send, attempt, limit.signal, policy, options);
    const outcome = await attempted.finally(limit.end);
    if (outcome.failure === undefined) {
      const { response } = outcome;
      const told = upstream?.succeed(policy, call(attempt), last?.decision, response.headers);
      if (told instanceof Promise) await told;
      return response;
    }
    const { failure, response } = outcome;
    const facts = {
      ...failure,
      ...call(attempt),
      delivered: typeof delivered === "function" ? delivered() : delivered,
    };
    const { decision, explanation } = await decided(policy, facts, options);
    last = { decision, attempt, ...outcome };
    if (decision.action !== "retry") return giveUp(decision, explanation, last, options);
    tell(options, last, explanation, decision.afterMs);
    if (upstream === undefined) discard(response);
    else kept = response;
    await wait(decision.afterMs);
  }
}

/** Waits for as long as the answer is to wait. The decision, where it is to refuse. */
async function untilSent(
  ask: (ticket: number) => Admission | Promise<Admission>,
  wait: (admission: Admission & { action: "wait" }) => Promise<void>,
): Promise<Decision | undefined> {
  for (let ticket = 0; ; ) {
    const answer = ask(ticket);
    const admission = answer instanceof Promise ? await answer : answer;
    if (admission.action === "send") return undefined;
    if (admission.action === "refuse") return admission.decision;
    await wait(admission);
    ticket = admission.ticket;
  }
}

/** The decision; with the steps to it only where somebody is told of them. */
async function decided<R extends ResponseLike>(
  policy: Policy,
  facts: Failure & Call,
  { upstream, onDecision }: RetryOptions<R>,
): Promise<{ decision: Decision; explanation?: Explanation }> {
  if (onDecision === undefined) {
    return { decision: await (upstream?.decide(policy, facts) ?? policy.decide(facts)) };
  }
  const explanation = await (upstream?.explain(policy, facts) ?? policy.explain(facts));
  return { decision: explanation.decision, explanation };
}

/** Ends the call by a decision: with what failed last, or without that because nothing was sent. */
function giveUp<R extends ResponseLike>(
  decision: Decision,
  explanation: Explanation | undefined,
  last: Failed<R> | undefined,
  options: RetryOptions<R>,
): R {
  if (last === undefined) {
    log(options, decision, 0, options.endpoint);
    const error = new HeldBackError(decision);
    decisions.set(error, decision);
    throw error;
  }
  const { response, error } = last;
  const subject = response ?? error;
  if (typeof subject === "object" && subject !== null) decisions.set(subject, decision);
  // Some clients keep no more than fetch's Headers of a response.
  const headers = response?.headers;
  if (headers !== undefined && "get" in headers) decisions.set(headers, decision);
  tell(options, { ...last, decision }, explanation, undefined);
  if (response !== undefined) return response;
  throw error;
}

type Outcome<R> =
  | { response: R; failure?: never }
  | { response: R; error?: never; failure: Failure }
  | { response?: never; error: unknown; failure: Failure };

/** Sends once. An error that is no failed connection is thrown. */
async function attemptOnce<R extends ResponseLike>(
  send: (attempt: number, signal: AbortSignal | undefined) => Promise<R> | R,
  attempt: number,
  limit: AbortSignal | undefined,
  policy: Policy,
  { signal, readAhead }: RetryOptions<R>,
): Promise<Outcome<R>> {
  let response: R | undefined;
  try {
    response = await send(attempt, limit);
    if (typeof response?.status !== "number") {
      throw new TypeError("retry: the function gave no response; return what fetch gives");
    }
    const { status, headers } = response;
    if (status >= 400) {
      const body = policy.readsBody ? await errorBody(response, limit) : undefined;
      return { response, failure: { status, headers, body } };
    }
    const event = readAhead ? await firstEvent(response) : undefined;
    if (event === undefined || !policy.readsBody) return { response };
    const failure = { status, headers, body: event };
    const isSuccess = policy.decide({ ...failure, draw: 0 }).reason === "not_a_failure";
    return isSuccess ? { response } : { response, failure };
  } catch (error) {
    const failure = signal?.aborted ? { transport: "aborted" as const } : transportFailure(error);
    if (failure === undefined) throw error;
    if (response === undefined) return { error, failure };
    discard(response);
    return { error, failure: { ...failure, phase: "body" } };
  }
}

/** The signal of one attempt: the caller's, and what is left of the call's time, `NaN` for no limit. */
function limited(
  signal: AbortSignal | undefined,
  leftMs: number,
): { signal: AbortSignal | undefined; end: () => void } {
  if (!(leftMs <= LONGEST_TIMER_MS)) return { signal, end() {} };
  const deadline = new AbortController();
  const pass = () => {
    // What `AbortSignal.timeout` says, whose timer nobody could stop.
    const message = "The operation was aborted due to timeout";
    deadline.abort(new DOMException(message, "TimeoutError"));
  };
  const timeout = setTimeout(pass, Math.max(0, leftMs));
  return {
    signal: signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]),
    end: () => clearTimeout(timeout),
  };
}
