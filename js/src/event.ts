import type { ResponseLike } from "./beginning.js";
import type { Decision } from "./decision.js";
import { Explanation } from "./explanation.js";
import type { Failure } from "./failure.js";
import type { Source } from "./generated/codes.js";
import { type SupportReport, supportReport } from "./report.js";

/** One decision of `retry`, and what it was about: a response or an error. */
export interface DecisionEvent<R = Response> {
  readonly decision: Decision;
  /** The attempt that failed, from zero. */
  readonly attempt: number;
  /** How long is waited now, in milliseconds; undefined where the call ends. */
  readonly waitMs: number | undefined;
  /** The steps that led to the decision. */
  readonly explanation: Explanation;
  /** What to send to the vendor's support, where the decision is to escalate. */
  readonly report?: SupportReport;
  readonly response?: R;
  readonly error?: unknown;
}

/** Where `retry` writes one line for each decision: `console`, or another of this shape. */
export interface Logger {
  /** Another attempt follows, or is held back. */
  info(line: string): void;
  /** The call ends without a retry. */
  debug?(line: string): void;
  /** The call ends after retries. */
  warn(line: string): void;
  /** The call ends with a failure that a person should look at. */
  error(line: string): void;
}

/** Who is told of decisions, and of which call. */
export interface Listeners<R = Response> {
  /** Told of each decision, before the wait; once more if `upstream` ends the call after it. */
  onDecision?: ((event: DecisionEvent<R>) => void) | undefined;
  /**
   * Gets one line for each decision: `info` for a retry, `warn` where the call ends after retries,
   * `error` where it is to be escalated, and `debug` where it ends without any. It has no credential, query or body in it. By default nothing is written.
   */
  logger?: Logger | undefined;
  /** The request's method. */
  method?: string | undefined;
  /** The URL that is called, for reports and log lines; by default that of the response. */
  endpoint?: string | URL | undefined;
}

/** An attempt that failed, and what was decided. */
export interface Failed<R> {
  readonly decision: Decision;
  readonly attempt: number;
  readonly failure: Failure;
  readonly response?: R;
  readonly error?: unknown;
}

/** Tells all who listen; `onDecision` only where there is an explanation for it. */
export function tell<R extends ResponseLike>(
  listeners: Listeners<R>,
  { decision, attempt, failure, response, error }: Failed<R>,
  explanation: Explanation | undefined,
  waitMs: number | undefined,
): void {
  const url = listeners.endpoint ?? ((response as { url?: string } | undefined)?.url || undefined);
  log(listeners, decision, attempt, url);
  if (explanation === undefined) return;
  const facts = { ...failure, now: Date.now(), endpoint: url };
  listeners.onDecision?.({
    decision,
    attempt,
    waitMs,
    explanation,
    ...(decision.action === "escalate" && { report: supportReport(facts) }),
    ...(response === undefined ? { error } : { response }),
  });
}

/** Writes the line of a decision. */
export function log(
  { logger, method }: Pick<Listeners, "logger" | "method">,
  decision: Decision,
  attempt: number,
  url: string | URL | undefined,
): void {
  const line = lineOf(method, url, attempt, String(decision));
  if (decision.action === "retry") logger?.info(line);
  else if (decision.action === "escalate") logger?.error(line);
  else if (attempt > 0) logger?.warn(line);
  else logger?.debug?.(line);
}

/** Writes the line of an attempt that the `upstream` does not yet let be sent. */
export function logHeldBack(
  { logger, method, endpoint }: Listeners<never>,
  attempt: number,
  { afterMs, source }: { readonly afterMs: number; readonly source: Source },
): void {
  logger?.info(lineOf(method, endpoint, attempt, `held back for ${afterMs} ms by ${source}`));
}

function lineOf(
  method: string | undefined,
  url: string | URL | undefined,
  attempt: number,
  what: string,
): string {
  const request = [method, shown(url)].filter(Boolean).join(" ");
  return `holdoff: ${request ? `${request}: ` : ""}attempt ${attempt}: ${what}`;
}

/** A URL without what may be secret in it: credentials, query and fragment. */
export function shown(url: string | URL | undefined): string {
  try {
    const { protocol, host, pathname } = new URL(url ?? "");
    return `${protocol}//${host}${pathname}`;
  } catch {
    return "";
  }
}

/** Why an upstream does not let a call be sent. */
export function explainRefusal(decision: Decision): Explanation {
  const { action, reason, source, afterMs } = decision;
  return new Explanation(decision, [
    { topic: "upstream", text: `the upstream's ${source} would hold the call for ${afterMs} ms` },
    { topic: "decision", text: `${action}, ${reason}` },
  ]);
}
