"""`Policy` and its answers: what facts may look like, and what is said of wrong ones."""

from __future__ import annotations

import copy
import gc
import json
import pickle
from datetime import datetime, timedelta, timezone
from email.message import Message
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest
import urllib3
from multidict import CIMultiDict, CIMultiDictProxy
from requests.structures import CaseInsensitiveDict

import holdoff
from script import DOCUMENT, POLICY

if TYPE_CHECKING:
    from collections.abc import Callable

MINE: dict[str, Any] = DOCUMENT | {"name": "mine", "description": "", "rules": []}


def test_a_decision_tells_what_to_do_and_why() -> None:
    decision = POLICY.decide(status=429, headers={"retry-after": "3"}, seed=7)
    assert decision.action == "retry"
    assert decision.after_ms == 3000
    assert decision.class_ == "rate_limited"
    assert decision.reason == "status"
    assert decision.source == "retry-after"
    assert decision.advice == "the quota of the current window is used up: back off"
    assert repr(decision) == (
        "Decision(action='retry', after_ms=3000, class_='rate_limited', reason='status', "
        "source='retry-after')"
    )


def test_decisions_are_equal_by_what_they_say() -> None:
    facts: holdoff.Facts = {"status": 503, "attempt": 2, "seed": 7}
    decision = POLICY.decide(**facts)
    again = holdoff.Policy(POLICY.to_json()).decide(**facts)
    assert decision == again
    assert hash(decision) == hash(again)
    assert decision.bits == again.bits < 2**49
    assert decision != POLICY.decide(status=503, attempt=3, seed=7)
    assert decision != decision.bits


def test_a_decision_cannot_be_changed() -> None:
    decision: Any = POLICY.decide(status=503)
    for name in ("action", "after_ms", "bits", "other"):
        with pytest.raises(AttributeError):
            setattr(decision, name, 0)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))]
)
def test_copies_and_pickles_outlive_what_they_are_made_of(copied: Callable[[Any], Any]) -> None:
    policy = holdoff.Policy(MINE)
    explanation = policy.explain(status=503)
    copies = [copied((policy, explanation)) for _ in range(10)]
    told = (policy.to_json(), str(explanation), explanation.decision, explanation.decision.advice)
    del policy, explanation
    gc.collect()
    for own, explained in copies:
        decision = explained.decision
        assert (own.to_json(), str(explained), decision, decision.advice) == told


def test_an_explanation_ends_in_the_decision() -> None:
    explanation = POLICY.explain(status=503, attempt=1, draw=0.5)
    assert explanation.decision == POLICY.decide(status=503, attempt=1, draw=0.5)
    assert explanation.steps[0] == ("failure", "attempt 1 ended with status 503")
    assert explanation.steps[-1] == ("decision", "retry after 2500 ms, by backoff")
    lines = [f"{step.topic:<9} {step.text}" for step in explanation.steps]
    assert str(explanation) == "\n".join(lines)


def test_without_a_seed_waits_differ() -> None:
    waits = {POLICY.decide(status=503).after_ms for _ in range(50)}
    assert len(waits) > 10
    assert len({holdoff.fresh_seed() for _ in range(50)}) == 50


def test_a_policy_tells_what_it_is() -> None:
    assert set(holdoff.PRESET_NAMES) >= {"recommended", "tessera"}
    assert POLICY.name == "tessera"
    assert "error page" in POLICY.description
    assert "retry-after" in POLICY.headers
    assert POLICY.reads_body
    assert json.loads(POLICY.to_json())["retries"] == 5
    assert repr(POLICY) == "<Policy 'tessera'>"


def test_a_policy_may_be_a_dict_or_text() -> None:
    rule = {"status": [418], "verdict": "retry", "class": "other"}
    document = MINE | {"rules": [rule]}
    for policy in (holdoff.Policy(document), holdoff.Policy(json.dumps(document))):
        assert policy.decide(status=418).action == "retry"
        assert not policy.reads_body
        assert policy.description == ""


def test_policies_go_away_with_their_last_user() -> None:
    decision = holdoff.Policy(MINE).decide(status=500)
    assert decision.advice


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ("{", "policy: not JSON: EOF while parsing an object at line 1 column 1"),
        (MINE | {"retries": "many"}, "retries: `many` is not a whole number from 0 to 1000"),
    ],
)
def test_a_wrong_policy_is_refused_in_the_words_of_the_core(document: Any, error: str) -> None:
    with pytest.raises(holdoff.PolicyError) as caught:
        holdoff.Policy(document)
    assert str(caught.value) == error
    assert isinstance(caught.value, ValueError)


def test_an_unknown_preset_is_refused_and_the_known_are_named() -> None:
    with pytest.raises(holdoff.PolicyError) as caught:
        holdoff.Policy.preset("tesera")
    clients = dict.fromkeys(name.split("@")[0] for name in holdoff.PRESET_NAMES)
    known = ", ".join(f"`{name}`" for name in clients)
    assert str(caught.value) == f"policy: `tesera` is not a preset; known are {known}"


def test_a_client_is_named_alone_by_a_range_or_by_a_version() -> None:
    named = [
        holdoff.Policy.preset(name).name
        for name in ("openai-python", "openai-python@<=2.51", "openai-python@2.40.0")
    ]
    assert named == ["openai-python@>=2.52.1", "openai-python@<=2.51", "openai-python@<=2.51"]
    known = r"known are `openai-python@>=2\.52\.1`, `openai-"
    with pytest.raises(holdoff.PolicyError, match=known):
        holdoff.Policy.preset("openai-python@2.52.0")


PAIRS = [("Content-Type", "text/html"), ("Retry-After", "3"), ("RETRY-AFTER", "7")]
MESSAGE = Message()
for pair in PAIRS:
    MESSAGE.add_header(*pair)


@pytest.mark.parametrize(
    "headers",
    [
        httpx.Headers(PAIRS),
        httpx2.Headers(PAIRS),
        urllib3.HTTPHeaderDict(PAIRS),
        CIMultiDict(PAIRS),
        CIMultiDictProxy(CIMultiDict(PAIRS)),
        MESSAGE,
        PAIRS,
        iter(PAIRS),
        tuple((name.encode(), value.encode()) for name, value in PAIRS),
        {"retry-after": ["3", "7"]},
        {"Retry-After": ("3", b"7")},
        {"Retry-After": "3", "RETRY-AFTER": "7"},
    ],
    ids=lambda headers: type(headers).__name__,
)
def test_repeated_headers_are_read_whatever_they_are_kept_in(headers: Any) -> None:
    decision = POLICY.decide(status=429, headers=headers)
    assert (decision.source, decision.after_ms) == ("retry-after", 7000)


@pytest.mark.parametrize(
    "headers",
    [
        CaseInsensitiveDict({"Retry-After": "3"}),
        {"Retry-After": "3"},
        {b"retry-after": b"3"},
    ],
)
def test_single_headers_are_read_whatever_they_are_kept_in(headers: Any) -> None:
    assert POLICY.decide(status=429, headers=headers).after_ms == 3000


@pytest.mark.parametrize("value", ["3", " 3\t", "3\r", "\n3", "3\n", "3\0", b"\0\r\n3"])
def test_white_space_around_a_value_is_nothing(value: str | bytes) -> None:
    decision = POLICY.decide(status=429, headers={"retry-after": value})
    assert (decision.source, decision.after_ms) == ("retry-after", 3000)


@pytest.mark.parametrize("value", ["3\r\nretry-after: 9", "3\0003", "\ud800", "", "ü", b"\xff"])
def test_a_value_that_cannot_be_read_is_no_hint(value: str | bytes) -> None:
    decision = POLICY.decide(status=429, headers={"retry-after": value})
    assert decision.source == "backoff"


def test_headers_that_are_not_read_may_hold_anything() -> None:
    headers: Any = {"retry-after": "3", "x-other": object()}
    assert POLICY.decide(status=429, headers=headers).after_ms == 3000


@pytest.mark.parametrize("kind", [str, str.encode, lambda text: bytearray(text.encode())])
def test_a_body_may_be_text_or_bytes(kind: Any) -> None:
    body = kind('{"error": {"type": "invalid_request_error"}}')
    assert POLICY.decide(status=503, body=body).reason == "error_type"


def test_of_a_body_only_the_first_64_kib_count() -> None:
    error = '{"error": {"type": "invalid_request_error"}}'
    for filler, reason in ((65536 - len(error), "error_type"), (65536, "status")):
        body = " " * filler + error
        assert POLICY.decide(status=503, body=body).reason == reason
        assert POLICY.decide(status=503, body=body.encode()).reason == reason


def test_now_may_be_a_datetime_in_any_zone_or_milliseconds() -> None:
    headers = {"retry-after": "Thu, 15 Jan 2026 12:00:03 GMT"}
    utc = datetime(2026, 1, 15, 12, tzinfo=timezone.utc)
    for now in (utc, utc.astimezone(timezone(timedelta(hours=5))), 1_768_478_400_000):
        assert POLICY.decide(status=429, headers=headers, now=now).after_ms == 3000


def test_the_greatest_numbers_are_taken() -> None:
    decision = POLICY.decide(
        status=999,
        attempt=2**32 - 1,
        seed=2**64 - 1,
        now=2**64 - 2,
        elapsed_ms=2**64 - 2,
        deadline_ms=2**64 - 2,
        max_retries=2**64 - 2,
    )
    assert decision.action == "stop"


@pytest.mark.parametrize(
    ("facts", "error", "sentence"),
    [
        ({}, TypeError, "either `status` or `transport` must be given"),
        ({"status": 1000}, ValueError, "status: `1000` is not a whole number from 0 to 999"),
        ({"status": "429"}, TypeError, "status: `'429'` is not a whole number from 0 to 999"),
        (
            {"transport": "dsn"},
            ValueError,
            "transport: `dsn` is not one of `dns`, `connect`, `tls`, `reset`, `timeout`, "
            "`protocol`, `aborted`",
        ),
        (
            {"transport": "dns", "phase": []},
            ValueError,
            "phase: `[]` is not one of `connect`, `sent`, `body`",
        ),
        ({"attempt": -1}, ValueError, "attempt: `-1` is not a whole number from 0 to 4294967295"),
        ({"attempt": 1.5}, TypeError, "attempt: `1.5` is not a whole number from 0 to 4294967295"),
        (
            {"attempt": None},
            TypeError,
            "attempt: `None` is not a whole number from 0 to 4294967295",
        ),
        (
            {"seed": 2**64},
            ValueError,
            f"seed: `{2**64}` is not a whole number from 0 to {2**64 - 1}",
        ),
        ({"draw": 1}, ValueError, "draw: `1` is not a number from 0 to less than 1"),
        (
            {"draw": float("nan")},
            ValueError,
            "draw: `nan` is not a number from 0 to less than 1",
        ),
        ({"draw": "0.5"}, TypeError, "draw: `'0.5'` is not a number"),
        (
            {"now": datetime(2026, 1, 1)},  # noqa: DTZ001
            ValueError,
            "now: `2026-01-01 00:00:00` is not a time with a zone, "
            "such as datetime.now(timezone.utc)",
        ),
        ({"now": 1.5}, TypeError, f"now: `1.5` is not a whole number from 0 to {2**64 - 2}"),
        (
            {"elapsed_ms": 2**64 - 1},
            ValueError,
            f"elapsed_ms: `{2**64 - 1}` is not a whole number from 0 to {2**64 - 2}",
        ),
        (
            {"deadline_ms": -5},
            ValueError,
            f"deadline_ms: `-5` is not a whole number from 0 to {2**64 - 2}",
        ),
        (
            {"max_retries": "5"},
            TypeError,
            f"max_retries: `'5'` is not a whole number from 0 to {2**64 - 2}",
        ),
        ({"method": 5}, TypeError, "method: `5` is not text of at most 255 bytes"),
        (
            {"method": "X" * 256},
            ValueError,
            f"method: `'{'X' * 59}` is not text of at most 255 bytes",
        ),
        ({"idempotent": "no"}, TypeError, "idempotent: `'no'` is not True, False or None"),
        ({"delivered": []}, TypeError, "delivered: `[]` is not True, False or None"),
        ({"body": {"error": {}}}, TypeError, "body: `{'error': {}}` is not bytes or str"),
        ({"headers": 5}, TypeError, "headers: `5` is not a mapping or pairs of text"),
        ({"headers": "a: b"}, TypeError, "headers: `'a: b'` is not a mapping or pairs of text"),
        (
            {"headers": {"retry-after": 3}},
            TypeError,
            "headers: `{'retry-after': 3}` is not a mapping or pairs of text",
        ),
    ],
)
def test_wrong_facts_are_refused_in_a_sentence(
    facts: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    if facts and "transport" not in facts:
        facts = {"status": 429, **facts}
    for answer in (POLICY.decide, POLICY.explain):
        with pytest.raises(error) as caught:
            answer(**facts)
        assert str(caught.value) == sentence
        assert type(caught.value) is error


def test_an_unknown_fact_is_refused() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'retry_after'"):
        POLICY.decide(status=429, retry_after=3)  # type: ignore[call-arg]


def test_an_error_body_is_read_from_text_and_bytes() -> None:
    body = '{"error": {"message": "m", "type": "t", "code": 5}}'
    expected = holdoff.ErrorBody("m", "t", "5", None, None)
    assert holdoff.parse_error(body) == holdoff.parse_error(body.encode()) == expected
    error = holdoff.parse_error('{"error": {"code": "insufficient_quota"}}')
    assert error is not None
    assert error.class_ == "quota_exhausted"
    assert holdoff.parse_error(b"<html>") is None


def test_a_support_report_reads_its_own_headers() -> None:
    report = holdoff.support_report(
        status=503,
        headers=httpx.Headers({"X-Request-Id": "req_1"}),
        body=b'{"error": {"code": "busy"}}',
        now=datetime(2026, 1, 15, 12, tzinfo=timezone.utc),
        endpoint="https://me:secret@api.example.com/v1?key=secret",
    )
    assert report.request_id == "req_1"
    assert report.error_code == "busy"
    assert report.endpoint == "https://api.example.com/v1"
    assert str(report).startswith("time        2026-01-15T12:00:00Z\nrequest id  req_1\n")
    assert "secret" not in f"{report}{report!r}"
