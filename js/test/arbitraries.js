// Failed attempts for the properties, likely and hostile ones alike.

import fc from "fast-check";
import { Policy } from "holdoff";

const recommended = Policy.recommended().toJSON();
/** Reads every source of hints, also the words of a message, the least trustworthy first. */
const everySource = new Policy({
  ...recommended,
  name: "every-source",
  hint: { ...recommended.hint, sources: [...recommended.hint.sources, "body-message"].reverse() },
});

export const policies = [Policy.tessera(), Policy.recommended(), everySource];

const headerNames = [...new Set(policies.flatMap((policy) => policy.headers))];
const unicode = fc.string({ unit: "binary" });
const wait = fc.oneof(
  fc.nat(200).map(String),
  fc.constantFrom(
    ...["1.5", "-1", "2147483648", "99999999999999999999", "1768478430", "1768478430123"],
    ...["6m0s", "1h2m3.5s", "120ms", "2026-01-15T12:00:30Z", "2026-01-15T13:00:30.5+01:00"],
    ...["Thu, 15 Jan 2026 12:00:30 GMT", "Thursday, 15-Jan-26 12:00:30 GMT"],
    ...["Thu Jan 15 2026 13:00:30 GMT+0100 (Central European Standard Time)", "soon", "Infinity"],
    ...['"default";r=0;t=30', "limit=10, remaining=0, reset=30", "rejected", "true", "false"],
  ),
);
const hostile = fc.string({
  unit: fc.constantFrom(
    ..."0123456789.,:;=-+ \t\r\n\0\"'`()?*@/TZGMThmsµμnu{}\\é\u00a0\u2028\ufeff",
  ),
});
export const headerValue = fc.oneof(
  { arbitrary: fc.constant("0"), weight: 2 },
  { arbitrary: wait, weight: 4 },
  fc.array(wait, { minLength: 2, maxLength: 3 }).map((waits) => waits.join(", ")),
  hostile,
  unicode,
);
export const headers = fc.dictionary(
  fc.constantFrom(...headerNames),
  fc.oneof(headerValue, fc.array(headerValue, { maxLength: 3 })),
  { maxKeys: 8 },
);

const word = fc.constantFrom(
  ...["insufficient_quota", "rate_limit_exceeded", "RESOURCE_EXHAUSTED", "overloaded_error"],
  ...["api_error", "timeout_error", "invalid_request_error", "UNAVAILABLE", "error", "busy"],
);
const message = fc.oneof(
  fc.constantFrom(
    "Please try again in 1h2m3.5s. Visit https://example.com to learn more.",
    "Retry after 5 seconds",
    "Limit 30,000, Used 1, Requested ~40,000",
    "You have exceeded a secondary rate limit",
    '{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}',
  ),
  unicode,
);
const part = fc.oneof({ arbitrary: word, weight: 3 }, fc.integer(), fc.jsonValue());
const error = fc.record(
  {
    message: fc.oneof({ arbitrary: message, weight: 3 }, fc.jsonValue()),
    type: part,
    code: part,
    status: fc.oneof(part, fc.integer({ min: 390, max: 610 })),
    retry_after: fc.oneof(fc.double(), fc.nat(200), headerValue),
    retryable: fc.oneof(fc.boolean(), fc.jsonValue()),
    details: fc.array(
      fc.record({
        "@type": fc.constantFrom("type.googleapis.com/google.rpc.RetryInfo", "google.rpc.Help"),
        retryDelay: fc.constantFrom("30s", "1.5s", "1m", "0s", "30"),
      }),
    ),
    metadata: fc.record({ headers: fc.oneof(headers, fc.jsonValue()) }),
  },
  { requiredKeys: [] },
);
const document = fc.oneof(
  { arbitrary: fc.record({ error }), weight: 3 },
  fc.record({ error: fc.oneof(word, message, fc.jsonValue()) }),
  fc.record({ type: fc.constant("error"), error }),
  fc.record({ response: fc.record({ error }) }),
  fc.record({ errors: fc.array(error) }),
  fc.array(fc.record({ error })),
  error,
);
const stream = fc
  .tuple(fc.constantFrom("message", "error"), document)
  .map(([event, data]) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\ndata: [DONE]\n\n`);
export const bodyText = fc.oneof(
  { arbitrary: document.map((document) => JSON.stringify(document)), weight: 4 },
  stream,
  fc.json(),
  unicode,
);
export const body = fc.oneof(
  { arbitrary: bodyText, weight: 3 },
  { arbitrary: document, weight: 3 },
  bodyText.map((text) => new TextEncoder().encode(text)),
  fc.uint8Array(),
  // Text that is no Unicode: halves of surrogate pairs.
  fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
);

const some = (arbitrary) => fc.option(arbitrary, { nil: undefined });
/** For what would end most calls before anything else counts. */
const seldom = (arbitrary) =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 15 }, { arbitrary, weight: 1 });
const response = fc.record({
  status: fc.oneof(
    { arbitrary: fc.constantFrom(429, 429, 500, 502, 503, 504, 529), weight: 4 },
    { arbitrary: fc.constantFrom(200, 400, 402, 403, 404, 409, 413), weight: 2 },
    { arbitrary: fc.integer({ min: 0, max: 999 }), weight: 1 },
  ),
  headers: some(headers),
});
const transport = fc.record({
  transport: fc.constantFrom("dns", "connect", "tls", "reset", "timeout", "protocol", "aborted"),
  phase: some(fc.constantFrom("connect", "sent", "body")),
});
const count = fc.oneof(
  { arbitrary: fc.nat(2), weight: 15 },
  { arbitrary: fc.nat(2 ** 31 - 1), weight: 1 },
);

/** A failure, a response with such a body for the most part, and its call. */
export const facts = (body) =>
  fc
    .record({
      failure: fc.oneof({ arbitrary: response, weight: 7 }, { arbitrary: transport, weight: 1 }),
      body: some(body),
      attempt: count,
      seed: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.maxSafeNat()),
      now: some(fc.date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true })),
      elapsedMs: some(fc.nat(9999)),
      deadlineMs: seldom(fc.nat(99_999)),
      maxRetries: seldom(count),
      method: some(fc.oneof(fc.constantFrom("GET", "POST", "get"), fc.string())),
      idempotent: some(fc.boolean()),
      replayable: seldom(fc.boolean()),
      delivered: seldom(fc.boolean()),
    })
    .map(({ failure, ...call }) => ({ ...failure, ...call }));
