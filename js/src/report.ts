import { text, time } from "./arguments.js";
import { bodyBytes } from "./body.js";
import { core } from "./core.js";
import { type Failure, failureArguments } from "./failure.js";
import { type FailureClass, requestIdHeaders } from "./generated/codes.js";
import { HeaderNames } from "./headers.js";

/** What a server says of an error in its body. */
export interface ErrorBody {
  /** What went wrong, for a person. */
  message: string | null;
  /** The vendor's kind of error, such as `rate_limit_error` or `RESOURCE_EXHAUSTED`. */
  type: string | null;
  /** The vendor's code for the error, such as `insufficient_quota`. */
  code: string | null;
  /** The request's parameter that is at fault. */
  param: string | null;
  /** What kind of failure that is, where the vendor's words are known. */
  class: FailureClass | null;
}

/**
 * The error in a response's body, given as text, bytes or parsed; null for none. It is found in the
 * shapes that vendors are known to send, also in a stream of server-sent events.
 */
export function parseError(body: unknown): ErrorBody | null {
  const json = core().parse_error(bodyBytes(body) ?? new Uint8Array());
  return json === undefined ? null : JSON.parse(json);
}

const requestIdNames = new HeaderNames(requestIdHeaders);

/** A support report as plain data, the same in every language. */
export interface SupportReportJSON {
  timestamp: string | null;
  request_id: string | null;
  failure: string;
  error_code: string | null;
  body: string | null;
  endpoint: string | null;
}

/**
 * A report of one failure, to paste in a mail to the vendor's support.
 *
 * It never holds a key or a prompt: nothing of the request, the endpoint without query or
 * credentials, and of an error body only the error envelope.
 */
export class SupportReport {
  readonly #text: string;
  readonly #json: SupportReportJSON;

  /** Reports are made by `supportReport`. */
  constructor(text: string, json: SupportReportJSON) {
    this.#text = text;
    this.#json = json;
  }

  /** When it happened, in UTC as RFC 3339; null without `now`. */
  get timestamp(): string | null {
    return this.#json.timestamp;
  }

  /** The id that the server gave the request. */
  get requestId(): string | null {
    return this.#json.request_id;
  }

  /** The HTTP status, or how the transport failed. */
  get failure(): string {
    return this.#json.failure;
  }

  /** The error body's code, or its type where it has no code. */
  get errorCode(): string | null {
    return this.#json.error_code;
  }

  /** The error envelope, or a body that is no such envelope, cut to 2048 bytes. */
  get body(): string | null {
    return this.#json.body;
  }

  /** The endpoint called, without query or credentials. */
  get endpoint(): string | null {
    return this.#json.endpoint;
  }

  /** The report as text, one fact a line. */
  toString(): string {
    return this.#text;
  }

  /** What `JSON.stringify` writes. */
  toJSON(): SupportReportJSON {
    return { ...this.#json };
  }

  /** What `console.log` shows in Node, Deno and Bun. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.#text;
  }
}

/**
 * The report of a failure for the vendor's support.
 *
 * @param facts How the attempt ended; `now`: when it did; `endpoint`: the URL that was called.
 * @throws {TypeError | RangeError} where an argument is of a wrong type or out of its range.
 */
export function supportReport(
  facts: Failure & { now?: Date | number | undefined; endpoint?: string | URL | undefined },
): SupportReport {
  const endpoint = facts.endpoint instanceof URL ? facts.endpoint.href : facts.endpoint;
  const [report, json] = core().support_report(
    ...failureArguments(facts, requestIdNames),
    time("now", facts.now),
    text("endpoint", endpoint),
  ) as [string, string];
  return new SupportReport(report, JSON.parse(json));
}
