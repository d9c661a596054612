/**
 * A span for each attempt, by OpenTelemetry's conventions for HTTP clients. It needs
 * `@opentelemetry/api`.
 */

import {
  context,
  createContextKey,
  propagation,
  SpanKind,
  SpanStatusCode,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import type { AttemptSpan, Telemetry } from "./adapter.js";

export type { AttemptSpan, Telemetry } from "./adapter.js";

/**
 * What the instrumentations of HTTP clients look for to be silent. `@opentelemetry/core` makes the same
 * key; equal names are equal keys.
 */
const SUPPRESS_TRACING = createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

/**
 * What an adapter's `telemetry` takes: `withRetry(fetch, { telemetry: openTelemetry() })`.
 *
 * Each attempt is a CLIENT span with the stable attributes of the HTTP conventions
 * (`http.request.resend_count` from the first resend on) and, where it failed, the event
 * `holdoff.decision`. The trace context goes out with the request, and instrumentation of the transport
 * beneath is silent meanwhile, so that there is one span for each attempt. `url.full` is without
 * credentials and query.
 *
 * @param options.tracerProvider In place of the global one.
 */
export function openTelemetry(
  options: { tracerProvider?: TracerProvider | undefined } = {},
): Telemetry {
  const provider = options.tracerProvider ?? trace.getTracerProvider();
  const tracer = provider.getTracer("holdoff");
  return {
    start({ method, url, attempt }): AttemptSpan {
      const attributes = {
        "http.request.method": method,
        ...server(url),
        ...(attempt > 0 && { "http.request.resend_count": attempt }),
      };
      const span = tracer.startSpan(method, { kind: SpanKind.CLIENT, attributes });
      const active = trace.setSpan(context.active(), span);
      const headers: Record<string, string> = {};
      propagation.inject(active, headers);
      return {
        headers,
        run: (send) => context.with(active.setValue(SUPPRESS_TRACING, true), send),
        end({ status, error, decision }) {
          if (status !== undefined) span.setAttribute("http.response.status_code", status);
          if (decision !== undefined) {
            const { action, reason, source, afterMs } = decision;
            span.addEvent("holdoff.decision", { action, reason, source, after_ms: afterMs });
          }
          const type = error === undefined ? decision && String(status) : errorType(error);
          if (type !== undefined) {
            span.setAttribute("error.type", type);
            span.setStatus({ code: SpanStatusCode.ERROR });
          }
          span.end();
        },
      };
    },
  };
}

/** The error's code, which tells more than its class: most of fetch's are a TypeError. */
function errorType(error: unknown): string {
  const { cause, code, name } = Object(error) as Error & { code?: unknown };
  const known = [Object(cause).code, code].find((value) => typeof value === "string");
  return known ?? name ?? "_OTHER";
}

function server(url: string) {
  try {
    const { hostname, port, protocol } = new URL(url);
    const standard = protocol === "https:" ? 443 : 80;
    return {
      "url.full": url,
      "server.address": hostname,
      "server.port": port === "" ? standard : Number(port),
    };
  } catch {
    return {};
  }
}
