"""What holds for every input."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import holdoff

POLICY = holdoff.Policy.tessera()

texts = st.text(st.characters(exclude_categories=()))  # with lone surrogates
names = st.sampled_from(["retry-after", "Retry-After", "date", "AGE", "x"]) | texts
values = texts | st.binary() | st.integers().map(str) | st.floats().map(str)
pairs = st.lists(st.tuples(names, values | st.lists(values)))
headers = pairs | pairs.map(dict)
bodies = (
    st.binary()
    | texts
    | (texts | st.sampled_from(["rate_limit_error", "api_error"])).map(
        lambda kind: f'{{"error": {{"type": "{kind}"}}}}'
    )
)
whole = st.integers(0, 2**64 - 2)
calls = st.fixed_dictionaries(
    {},
    optional={
        "attempt": st.integers(0, 2**32 - 1) | st.integers(0, 6),
        "seed": st.integers(0, 2**64 - 1),
        "draw": st.floats(0, 1, exclude_max=True),
        "now": whole | st.datetimes(timezones=st.timezones()).filter(lambda now: now.year > 1970),
        "elapsed_ms": whole,
        "deadline_ms": whole,
        "max_retries": whole,
        "method": texts.filter(lambda method: len(method) < 60),
        "idempotent": st.none() | st.booleans(),
        "replayable": st.none() | st.booleans(),
        "delivered": st.none() | st.booleans(),
    },
)


@given(st.integers(0, 999), headers, bodies, calls)
def test_every_response_gets_a_decision(
    status: int, headers: Any, body: bytes | str, call: dict[str, Any]
) -> None:
    check({"status": status, "headers": headers, "body": body, **call})


@given(
    st.sampled_from(["dns", "connect", "tls", "reset", "timeout", "protocol", "aborted"]),
    st.sampled_from([None, "connect", "sent", "body"]),
    calls,
)
def test_every_transport_failure_gets_a_decision(
    kind: str, phase: str | None, call: dict[str, Any]
) -> None:
    check({"transport": kind, "phase": phase, **call})


@given(bodies)
def test_every_body_is_read(body: bytes | str) -> None:
    error = holdoff.parse_error(body)
    assert error is None or all(
        part is None or isinstance(part, str) for part in vars(error).values()
    )


def check(facts: dict[str, Any]) -> None:
    facts.setdefault("seed", 0)
    decision = POLICY.decide(**facts)
    assert decision.action in ("retry", "stop", "escalate")
    assert 0 <= decision.after_ms <= 2**31 - 1
    assert 0 < decision.bits < 2**49
    assert decision.advice
    assert repr(decision)
    assert POLICY.decide(**facts) == decision
    assert POLICY.explain(**facts).decision == decision
