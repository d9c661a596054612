import { codeOf, wholeNumber } from "./arguments.js";
import { type BodyLike, bodyBytes } from "./body.js";
import { type Phase, phaseCodes, type TransportKind, transportCodes } from "./generated/codes.js";
import { type HeaderNames, type HeadersLike, headerBlock } from "./headers.js";

/** A response came. */
export interface ResponseFailure {
  /** The HTTP status, 0 to 999. */
  status: number;
  /** The response's headers. */
  headers?: HeadersLike | null | undefined;
  /** The response's body, or as much of it as was read. */
  body?: BodyLike | null | undefined;
}

/** No whole response came. */
export interface TransportFailure {
  /** How the connection failed. */
  transport: TransportKind;
  /** How far the attempt got; by default as far as such failures usually get. */
  phase?: Phase | null | undefined;
}

/** How an attempt ended. */
export type Failure = ResponseFailure | TransportFailure;

/** A failure as the core takes it: codes, of which 0 is none, and of the headers those `names`. */
export function failureArguments(
  failure: Partial<ResponseFailure & TransportFailure>,
  names: HeaderNames,
) {
  const [status, transport, phase] = failureCodes(failure);
  const headers = headerBlock(failure.headers, names);
  return [status, transport, phase, headers, bodyBytes(failure.body)] as const;
}

/** The status, or what the transport failure was and its phase. */
function failureCodes(
  failure: Partial<ResponseFailure & TransportFailure>,
): readonly [status: number, transport: number, phase: number] {
  if (failure.status != null) return [wholeNumber("status", failure.status, 999), 0, 0];
  const transport = codeOf("transport", failure.transport, transportCodes);
  if (transport === 0) {
    throw new TypeError(
      "status: missing; give the response's `status`, or `transport` if none came",
    );
  }
  return [0, transport, codeOf("phase", failure.phase, phaseCodes)];
}
