"""One OpenTelemetry span for each attempt, where OpenTelemetry is installed.

By the conventions for HTTP clients: https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from holdoff._response import status_of
from holdoff.report import public_endpoint

context: Any = None
propagate: Any = None
trace: Any = None
SUPPRESS_HTTP = ""
with suppress(ImportError):
    from opentelemetry import context, propagate, trace
    from opentelemetry.context import _SUPPRESS_HTTP_INSTRUMENTATION_KEY as SUPPRESS_HTTP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from holdoff._call import DecisionEvent


class Trace:
    """The spans of one call. Without OpenTelemetry it does nothing."""

    def __init__(self, method: str, url: str) -> None:
        """Take what is called."""
        self._method = method
        self._url = url
        self._span: Any = None

    @contextmanager
    def attempt(self, number: int) -> Iterator[dict[str, str]]:
        """Begin the span of an attempt, and give the headers that carry it to the server.

        What is sent inside of this makes no spans of its own.
        """
        headers: dict[str, str] = {}
        if trace is None:
            yield headers
            return
        server = urlsplit(self._url)
        attributes: dict[str, str | int] = {
            "http.request.method": self._method,
            "server.address": server.hostname or "",
            "server.port": server.port or (443 if server.scheme == "https" else 80),
            "url.full": public_endpoint(self._url),
        }
        if number:
            attributes["http.request.resend_count"] = number
        self._span = trace.get_tracer("holdoff").start_span(
            self._method, kind=trace.SpanKind.CLIENT, attributes=attributes
        )
        inside = context.set_value(SUPPRESS_HTTP, True, trace.set_span_in_context(self._span))
        propagate.inject(headers, inside)
        token = context.attach(inside)
        try:
            yield headers
        finally:
            context.detach(token)

    def listener(
        self, on_decision: Callable[[DecisionEvent], object] | None
    ) -> Callable[[DecisionEvent], object] | None:
        """Make an `on_decision` that also ends the span of the attempt that failed."""
        if trace is None:
            return on_decision

        def listen(event: DecisionEvent) -> None:
            if self._span is not None:
                decision = event.decision
                told = {"action": decision.action, "reason": decision.reason}
                waits: dict[str, str | int] = {
                    "source": decision.source,
                    "after_ms": decision.after_ms,
                }
                self._span.add_event("holdoff.decision", told | waits)
                self.end(event.response, event.error)
            if on_decision is not None:
                on_decision(event)

        return listen

    def end(self, response: object = None, error: BaseException | None = None) -> None:
        """End the span of the attempt that is going on, if there is one."""
        if self._span is None:
            return
        status = status_of(response)
        kind = None
        if error is not None:
            kind = f"{type(error).__module__}.{type(error).__qualname__}"
        elif status is not None and status >= 400:
            kind = str(status)
        if status is not None:
            self._span.set_attribute("http.response.status_code", status)
        if kind is not None:
            self._span.set_attribute("error.type", kind)
            self._span.set_status(trace.StatusCode.ERROR)
        self._span.end()
        self._span = None
