"""What holds for every input."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import holdoff

# The machine may be busy.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

RECOMMENDED = holdoff.Policy.recommended()
DOCUMENT = json.loads(RECOMMENDED.to_json())
NO_HINTS = {"none", "backoff", "hold", "breaker", "pace"}
SOURCES = [source for source in get_args(holdoff.Source) if source not in NO_HINTS]
EVERY_SOURCE = holdoff.Policy(
    DOCUMENT
    | {
        "name": "every source",
        "retries": 1000,
        "hint": DOCUMENT["hint"] | {"sources": SOURCES, "max_ms": 2**31 - 1},
    }
)
POLICIES = [holdoff.Policy.tessera(), RECOMMENDED, EVERY_SOURCE]

EARLIEST = datetime(1970, 1, 2)  # noqa: DTZ001, a day later, whatever the zone

texts = st.text(st.characters(exclude_categories=()))  # with lone surrogates
hostile = st.text("0129.,;:=\"'()+-_ \t\r\n\0\\/TZGMtrqwehdmsnuµμ%kK\u212a", max_size=40)
likely = st.sampled_from(
    [
        "Thu, 15 Jan 2026 12:00:30 GMT",
        "Thursday, 15-Jan-26 12:00:30 GMT",
        "Thu Jan 15 12:00:30 2026",
        "Thu Jan 15 2026 13:00:30 GMT+0100 (Central European Standard Time)",
        "2026-01-15T12:00:30.5+01:00",
        "1768478430",
        "1768478430000",
        "6m0s",
        "120ms",
        '"default";r=0;t=30',
        "limit=10, remaining=0, reset=30",
        "rejected",
        "true",
        "false",
        "-1",
        "0",
    ]
)
numbers = st.integers().map(str) | st.floats().map(str)
words = hostile | likely | numbers | texts

names = st.sampled_from(EVERY_SOURCE.headers)
names = names | names.map(str.upper) | names.map(lambda name: name.replace("k", "\u212a")) | texts
values = likely | likely | words | st.binary()
pairs = st.lists(st.tuples(names, values | st.lists(values)))
headers = pairs | pairs.map(dict)

# What vendors call the parts of their error bodies, and what they say there.
PARTS = """
    @type __type code detail details error error_code error_description errors headers limit_source
    message Message metadata msg object ok param quotaId raw_status_code response retryable
    retryDelay retry_after Retry-After status statusCode success title type violations
    X-RateLimit-Remaining X-RateLimit-Reset
"""
parts = st.sampled_from(PARTS.split())
said = st.sampled_from(
    [
        "error",
        "rate_limit_exceeded",
        "insufficient_quota",
        "overloaded_error",
        "RESOURCE_EXHAUSTED",
        "type.googleapis.com/google.rpc.RetryInfo",
        "type.googleapis.com/google.rpc.QuotaFailure",
        "GenerateRequestsPerDayPerProject",
        "openrouter_free_tier_daily",
        "You have exceeded a secondary rate limit",
        "Please try again in 1h2m3.5s.",
        "Limit 10, Requested 20",
        "1.5s",
    ]
)
scalars = said | words | st.none() | st.booleans() | st.integers() | st.floats()
members = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(parts, inner, max_size=6)
)
objects = st.dictionaries(parts, members, max_size=6)
documents = (objects | objects.map(lambda error: {"error": error})).map(json.dumps)
bodies = (
    st.binary()
    | texts
    | documents
    | documents.map(lambda document: f"[{document}]")
    | documents.map(lambda document: json.dumps({"error": {"message": document}}))
    | documents.map(lambda document: f"event: error\ndata: {document}\n\n")
    | st.builds(lambda document, end: document[:end], documents, st.integers(0, 200))
)

statuses = st.sampled_from([200, 403, 429, 503]) | st.integers(400, 599) | st.integers(0, 999)
whole = st.integers(0, 2**64 - 2)
calls = st.fixed_dictionaries(
    {},
    optional={
        "attempt": st.integers(0, 2**32 - 1) | st.integers(0, 6),
        "seed": st.integers(0, 2**64 - 1),
        "draw": st.floats(0, 1, exclude_max=True),
        "now": whole | st.datetimes(EARLIEST, timezones=st.timezones()),
        "elapsed_ms": whole,
        "deadline_ms": whole,
        "max_retries": whole,
        "method": texts.filter(lambda method: len(method) < 60) | st.sampled_from(["GET", "POST"]),
        "idempotent": st.none() | st.booleans(),
        "replayable": st.none() | st.booleans(),
        "delivered": st.none() | st.booleans(),
    },
)


@pytest.fixture(params=POLICIES, ids=lambda policy: policy.name, scope="module")
def policy(request: pytest.FixtureRequest) -> Any:
    return request.param


@given(statuses, headers, bodies, calls)
@settings(max_examples=300)
def test_every_response_gets_a_decision(
    policy: holdoff.Policy, status: int, headers: Any, body: bytes | str, call: dict[str, Any]
) -> None:
    check(policy, {"status": status, "headers": headers, "body": body, **call})


@given(
    st.sampled_from(get_args(holdoff.TransportKind)),
    st.none() | st.sampled_from(get_args(holdoff.Phase)),
    calls,
)
def test_every_transport_failure_gets_a_decision(
    policy: holdoff.Policy, kind: str, phase: str | None, call: dict[str, Any]
) -> None:
    check(policy, {"transport": kind, "phase": phase, **call})


@given(bodies)
@settings(max_examples=300)
def test_every_body_is_read(body: bytes | str) -> None:
    error = holdoff.parse_error(body)
    if error is not None:
        assert error.class_ in (None, *get_args(holdoff.FailureClass))
        texts = [error.message, error.type, error.code, error.param]
        assert all(part is None or isinstance(part, str) for part in texts)


HINTS: dict[str, Any] = {
    "grpc-retry-pushback-ms": lambda ms: {"grpc-retry-pushback-ms": f"{ms}"},
    "retry-after-ms": lambda ms: {"retry-after-ms": f"{ms}.0"},
    "x-ms-retry-after-ms": lambda ms: {"x-ms-retry-after-ms": f"{ms}"},
    "x-amz-retry-after": lambda ms: {"x-amz-retry-after": f"{ms}"},
    "retry-after": lambda ms: {"Retry-After": f"{ms}ms"},
    "ratelimit-reset": lambda ms: {"RateLimit-Reset": f"0{ms / 1000:.3f}"},
    "x-ratelimit-reset-after": lambda ms: {"X-RateLimit-Reset-After": f"{ms / 1000:.3f}"},
    "x-ratelimit-retry-after": lambda ms: {"x-ratelimit-retry-after": [f"{ms}ms", "0"]},
    "x-ratelimit-reset": lambda ms: {
        "x-ratelimit-reset-tokens": f"{ms}ms",
        "x-ratelimit-remaining-tokens": "0",
    },
    "x-rate-limit-reset": lambda ms: {"x-rate-limit-reset": f"{ms}ms"},
}


@given(
    st.dictionaries(st.sampled_from(list(HINTS)), st.integers(1, 10**9), min_size=1),
    st.integers(0, 5),
    st.integers(0, 2**64 - 1),
)
def test_no_retry_comes_before_the_hint(
    policy: holdoff.Policy, hints: dict[str, int], attempt: int, seed: int
) -> None:
    lines: dict[str, Any] = {}
    for source, ms in hints.items():
        lines |= HINTS[source](ms)
    decision = policy.decide(status=429, headers=lines, attempt=attempt, seed=seed)
    hint = json.loads(policy.to_json())["hint"]
    read = hints.keys() & set(hint["sources"])
    if decision.action == "retry":
        # How long until a limit is full again is passed over where it is too long.
        too_long = hints.get("x-ratelimit-reset", 0) > hint["max_ms"]
        assert decision.source in (read or {"backoff"}) | ({"backoff"} if too_long else set())
    if decision.source in hints:
        assert decision.after_ms >= hints[decision.source]


def check(policy: holdoff.Policy, facts: dict[str, Any]) -> None:
    facts.setdefault("seed", 0)
    decision = policy.decide(**facts)
    assert decision.action in get_args(holdoff.Action)
    assert 0 <= decision.after_ms < 2**31
    assert 0 < decision.bits < 2**49
    assert decision.advice
    assert repr(decision)
    assert policy.decide(**facts) == decision

    explanation = policy.explain(**facts)
    assert explanation.decision == decision
    assert explanation.steps[-1].topic == "decision"
    if decision.action == "retry" and decision.source != "backoff":
        steps = [step.text for step in explanation.steps if step.topic == "hint"]
        asked = [int(ms) for text in steps for ms in re.findall(r" asks for (\d+) ms$", text)]
        assert decision.after_ms >= asked[0]
