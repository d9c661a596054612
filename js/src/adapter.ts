/** What the adapters share: they turn a client's request into a call of `retry`. */

import type { ResponseLike } from "./beginning.js";
import type { Call } from "./call.js";
import type { Decision } from "./decision.js";
import { shown } from "./event.js";
import { idempotentMethods } from "./generated/codes.js";
import { inAttempt, noticeRetries } from "./nested.js";
import { Policy } from "./policy.js";
import { uuid } from "./replay.js";
import { type RetryOptions, retry } from "./retry.js";
import { Upstream, type UpstreamLike } from "./upstream.js";

/** So many servers are remembered; the one that was not called for longest is forgotten for the next. */
const MOST_UPSTREAMS = 1000;

/** What every adapter may be given: the options of `retry` that are not told by the request itself. */
export interface AdapterOptions<R extends ResponseLike = Response>
  extends Pick<
    RetryOptions<R>,
    | "policy"
    | "deadlineMs"
    | "maxRetries"
    | "idempotent"
    | "onDecision"
    | "logger"
    | "seed"
    | "sleep"
    | "clock"
  > {
  /**
   * What the calls to one server share. By default the adapter makes an `Upstream` for each origin that
   * it meets; `false` is for none.
   */
  upstream?: UpstreamLike | false | undefined;
  /** `false`: no body may be sent again. By default what is not a stream may be. */
  replayable?: false | undefined;
  /** One span for each attempt: `openTelemetry()` of `holdoff/opentelemetry`. */
  telemetry?: Telemetry | undefined;
}

/** What a single request may be given in place of the adapter's options, as its `holdoff`. */
export type RequestOptions = Pick<Call, "idempotent" | "deadlineMs">;

/** Watches the attempts of calls. */
export interface Telemetry {
  /** An attempt begins: `url` is without credentials and query, `attempt` counts from zero. */
  start(request: { method: string; url: string; attempt: number }): AttemptSpan;
}

/** One attempt that is watched. */
export interface AttemptSpan {
  /** Headers to add to the request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Sends the request, such that nobody beneath watches it a second time. */
  run<T>(send: () => T): T;
  /** The attempt is over: what came of it, and what was decided if it failed. */
  end(outcome: { status?: number; error?: unknown; decision?: Decision }): void;
}

/** A client's request, as far as `retry` has to know it. */
export interface AdapterRequest {
  method: string;
  url: string;
  /** The value of a header of the request. */
  header(name: string): string | null | undefined;
  signal: AbortSignal | undefined;
  replayable: boolean;
  options: RequestOptions | undefined;
}

/** Sends one attempt of a request, with these headers in addition to its own. */
export type Send<R> = (
  signal: AbortSignal | undefined,
  headers: Readonly<Record<string, string>>,
) => Promise<R>;

/** The function that makes the calls of an adapter. */
export function caller<R extends ResponseLike>(
  adapterOptions: AdapterOptions<R>,
): (request: AdapterRequest, send: Send<R>) => Promise<R> {
  const { telemetry, upstream, ...options } = adapterOptions;
  const upstreamOf = upstream === undefined ? upstreamsByOrigin() : () => upstream || undefined;

  return async (request, send) => {
    const { policy = Policy.recommended() } = options;
    const method = request.method.toUpperCase();
    const url = shown(request.url);
    noticeRetries(options.logger, url, request.header("x-stainless-retry-count"));
    const key = idempotencyKey(policy, method, request);
    let span: AttemptSpan | undefined;
    const end = (outcome: Parameters<AttemptSpan["end"]>[0]) => {
      span?.end(outcome);
      span = undefined;
    };
    const attempt = (attempt: number, signal: AbortSignal | undefined) => {
      const started = telemetry?.start({ method, url, attempt });
      span = started;
      const sending = () => send(signal, { ...key, ...started?.headers });
      return inAttempt(url, () => started?.run(sending) ?? sending());
    };
    const watched = telemetry && {
      onDecision(event: Parameters<NonNullable<typeof options.onDecision>>[0]) {
        const { decision, response, error } = event;
        end(response === undefined ? { decision, error } : { decision, status: response.status });
        options.onDecision?.(event);
      },
    };
    try {
      const response = await retry(attempt, {
        ...options,
        ...watched,
        policy,
        upstream: upstreamOf(request.url),
        signal: request.signal,
        method,
        endpoint: request.url,
        idempotent: request.options?.idempotent ?? options.idempotent ?? (key ? true : undefined),
        replayable: options.replayable ?? request.replayable,
        deadlineMs: request.options?.deadlineMs ?? options.deadlineMs,
        readAhead: true,
      });
      end({ status: response.status });
      return response;
    } catch (error) {
      end({ error });
      throw error;
    }
  };
}

/** The URL of a request, which a page may have given without its own origin. */
export function absolute(url: string): string {
  try {
    return new URL(url, globalThis.location?.href).href;
  } catch {
    // It is for the client to say what is wrong with it.
    return url;
  }
}

/** An upstream for each scheme, host and port. */
function upstreamsByOrigin(): (url: string) => UpstreamLike {
  const upstreams = new Map<string, UpstreamLike>();
  return (url) => {
    const origin = /^[^/]*\/\/[^/?#]*/.exec(shown(url))?.[0] ?? "";
    const upstream = upstreams.get(origin) ?? new Upstream();
    upstreams.delete(origin);
    upstreams.set(origin, upstream);
    const [oldest] = upstreams.keys();
    if (upstreams.size > MOST_UPSTREAMS && oldest !== undefined) upstreams.delete(oldest);
    return upstream;
  };
}

/** The header with the call's idempotency key; none in it where the request has its own. */
function idempotencyKey(
  policy: Policy,
  method: string,
  request: AdapterRequest,
): Record<string, string> | undefined {
  const name = policy.idempotencyKeyHeader;
  if (name === undefined) return undefined;
  if (request.header(name) != null) return {};
  return idempotentMethods.includes(method) ? undefined : { [name]: uuid() };
}
