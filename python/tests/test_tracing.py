"""OpenTelemetry's spans: one for each attempt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from clients import CLIENTS, EXCEPTIONS, QUICK
from conftest import Server, serving
from holdoff.httpx import RetryTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPORTER = InMemorySpanExporter()


@pytest.fixture(scope="module")
def faults() -> Iterator[str]:
    with serving(Path(__file__).parent / "adapters.json") as address:
        yield address


@pytest.fixture(scope="module", autouse=True)
def provider() -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(EXPORTER))
    trace.set_tracer_provider(provider)


@pytest.fixture(autouse=True)
def spans() -> InMemorySpanExporter:
    EXPORTER.clear()
    return EXPORTER


@pytest.mark.parametrize("name", CLIENTS)
def test_each_attempt_has_a_span(name: str, server: Server) -> None:
    with trace.get_tracer("test").start_as_current_span("all of it") as outer:
        CLIENTS[name](
            server.url("/unavailable?key=secret").replace("//", "//user:pass@"), policy=QUICK
        )
    first, second = (span for span in EXPORTER.get_finished_spans() if span.name != "all of it")
    common: dict[str, Any] = {
        "http.request.method": "POST",
        "server.address": "127.0.0.1",
        "server.port": int(server.url("").split(":")[2].partition("/")[0]),
        "url.full": server.url("/unavailable"),
    }
    assert dict(first.attributes or {}) == common | {
        "http.response.status_code": 503,
        "error.type": "503",
    }
    assert dict(second.attributes or {}) == common | {
        "http.response.status_code": 200,
        "http.request.resend_count": 1,
    }
    assert [span.kind for span in (first, second)] == [trace.SpanKind.CLIENT] * 2
    assert [span.name for span in (first, second)] == ["POST"] * 2
    assert (first.status.status_code, second.status.status_code) == (
        trace.StatusCode.ERROR,
        trace.StatusCode.UNSET,
    )
    (event,) = first.events
    assert event.name == "holdoff.decision"
    told = dict(event.attributes or {})
    assert told.pop("after_ms") in range(60)
    assert told == {"action": "retry", "reason": "status", "source": "backoff"}
    assert not second.events
    # Each request carries the context of its own span.
    for span, request in zip((first, second), server.requests("/unavailable"), strict=True):
        assert span.parent is not None
        assert span.context is not None
        assert span.parent.span_id == outer.get_span_context().span_id
        _, trace_id, span_id, _ = request["headers"]["traceparent"].split("-")
        assert int(trace_id, 16) == span.context.trace_id
        assert int(span_id, 16) == span.context.span_id


@pytest.mark.parametrize("name", CLIENTS)
def test_a_span_tells_the_exception(name: str, server: Server) -> None:
    with pytest.raises(EXCEPTIONS) as caught:
        CLIENTS[name](server.url("/closed"), policy=QUICK)
    (span,) = EXPORTER.get_finished_spans()
    kind = type(caught.value)
    assert span.attributes is not None
    assert span.attributes["error.type"] == f"{kind.__module__}.{kind.__qualname__}"


def test_the_transport_underneath_makes_no_spans_of_its_own(server: Server) -> None:
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument()
    try:
        with httpx.Client(transport=RetryTransport(policy=QUICK)) as client:
            client.get(server.url("/unavailable"))
    finally:
        instrumentor.uninstrument()
    assert len(EXPORTER.get_finished_spans()) == 2
