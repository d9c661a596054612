/**
 * Decides whether a failed HTTP API call may be tried again and after how long, and does the waiting
 * around fetch.
 */

export type { ResponseLike } from "./beginning.js";
export type { BodyLike } from "./body.js";
export type { Call } from "./call.js";
export { Decision, type DecisionJSON } from "./decision.js";
export type { DecisionEvent, Listeners, Logger } from "./event.js";
export { Explanation, type Step } from "./explanation.js";
export type { Failure, ResponseFailure, TransportFailure } from "./failure.js";
export type {
  Action,
  FailureClass,
  Phase,
  PresetName,
  Reason,
  Source,
  Topic,
  TransportKind,
} from "./generated/codes.js";
export { presetNames } from "./generated/codes.js";
export type { HeadersLike, HeaderValue } from "./headers.js";
export { Policy, PolicyError } from "./policy.js";
export {
  type ErrorBody,
  parseError,
  SupportReport,
  type SupportReportJSON,
  supportReport,
} from "./report.js";
export { decisionOf, HeldBackError, type RetryOptions, retry } from "./retry.js";
export { freshSeed, type Seed } from "./seed.js";
export { type Admission, Upstream, type UpstreamLike } from "./upstream.js";
