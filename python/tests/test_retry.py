"""When `retry` and `aretry` go on, what they give back, and what they tell. Nothing sleeps here."""

from __future__ import annotations

import asyncio
import inspect
import threading
from contextlib import suppress
from functools import partial
from typing import Any

import httpx
import pytest
import requests
import trio

import holdoff
from holdoff._call import Call
from holdoff._request import pack
from script import (
    POLICY,
    QUICK,
    Script,
    Time,
    in_asyncio,
    policy_like_tessera,
    response,
    run_in_asyncio,
    run_in_trio,
    run_sync,
)


@pytest.fixture(params=[run_sync, run_in_asyncio, run_in_trio])
def run(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def clock() -> Time:
    return Time()


def test_a_success_is_given_back_at_once(run: Any, clock: Time) -> None:
    events: list[holdoff.DecisionEvent] = []
    for outcome in (response(200), response(304), "no response at all", None):
        assert run(Script(outcome), clock, on_decision=events.append) is outcome
        assert holdoff.decision_of(outcome) is None
    assert events == []
    assert clock.slept == []


def test_a_call_goes_on_until_it_succeeds(run: Any, clock: Time) -> None:
    success = response(200)
    limited = response(429, {"retry-after": "7"})
    script = Script(response(503), httpx.ReadTimeout(""), limited, success)
    assert run(script, clock) is success
    assert script.attempts == [0, 1, 2, 3]
    assert 1 <= clock.slept[0] <= 2
    assert 2 <= clock.slept[1] <= 3
    assert clock.slept[2] == 7


def test_every_decision_is_reported(run: Any, clock: Time) -> None:
    events: list[holdoff.DecisionEvent] = []
    first, error, last = response(503), httpx.ConnectError(""), response(404)
    run(Script(first, error, last), clock, seed=7, on_decision=events.append)

    waits = [
        POLICY.decide(status=503, attempt=0, seed=7).after_ms,
        POLICY.decide(transport="connect", attempt=1, seed=7).after_ms,
    ]
    assert [event.attempt for event in events] == [0, 1, 2]
    assert [event.response for event in events] == [first, None, last]
    assert [event.error for event in events] == [None, error, None]
    assert [event.decision.action for event in events] == ["retry", "retry", "stop"]
    assert [event.wait_ms for event in events] == [*waits, None]
    assert [event.elapsed_ms for event in events] == [0, waits[0], sum(waits)]


def test_the_last_response_is_given_back_with_the_decision(run: Any, clock: Time) -> None:
    outcome = response(400, text="what is wrong")
    assert run(Script(outcome), clock) is outcome
    assert holdoff.decision_of(outcome) == POLICY.decide(status=400)
    assert outcome.text == "what is wrong"


def test_the_last_exception_is_raised_unchanged(run: Any, clock: Time) -> None:
    error = httpx.ConnectError("no route", request=httpx.Request("GET", "http://h/"))
    script = Script(error)
    with pytest.raises(httpx.ConnectError) as caught:
        run(script, clock)
    assert caught.value is error
    assert error.__cause__ is error.__context__ is None
    decision = holdoff.decision_of(error)
    assert decision is not None
    assert (decision.action, decision.reason) == ("escalate", "retries_exhausted")
    assert script.attempts == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("bug", [KeyError("x"), httpx.InvalidURL(""), FileNotFoundError(2, "")])
def test_a_bug_is_raised_at_once(run: Any, clock: Time, bug: Exception) -> None:
    script = Script(bug)
    with pytest.raises(type(bug)) as caught:
        run(script, clock)
    assert caught.value is bug
    assert holdoff.decision_of(bug) is None
    assert script.attempts == [0]


def test_what_is_raised_for_a_response_is_decided_by_the_response(run: Any, clock: Time) -> None:
    request = httpx.Request("GET", "http://h/")
    limited = httpx.Response(429, headers={"retry-after": "9"}, request=request)
    missing = requests.Response()
    missing.status_code = 404
    script = Script(
        httpx.HTTPStatusError("", request=request, response=limited),
        requests.HTTPError(response=missing),
    )
    with pytest.raises(requests.HTTPError) as caught:
        run(script, clock)
    assert clock.slept == [9]
    decision = holdoff.decision_of(caught.value)
    assert decision is not None
    assert decision.class_ == "not_found"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"max_retries": 0}, "retries_exhausted"),
        ({"replayable": False}, "not_replayable"),
        ({"delivered": True}, "delivered"),
        ({"delivered": lambda: True}, "delivered"),
        ({"deadline_ms": 500}, "deadline"),
        ({"method": "POST"}, "not_idempotent"),
        ({"idempotent": False}, "not_idempotent"),
    ],
    ids=str,
)
def test_the_facts_of_the_call_reach_the_policy(
    run: Any, clock: Time, options: dict[str, Any], reason: str
) -> None:
    outcome = response(503)
    run(Script(outcome), clock, policy=policy_like_tessera(methods=["GET"]), **options)
    decision = holdoff.decision_of(outcome)
    assert decision is not None
    assert decision.reason == reason
    assert clock.slept == []


def test_without_a_policy_the_recommended_one_decides(clock: Time) -> None:
    events: list[holdoff.DecisionEvent] = []
    body = '{"error": {"code": "insufficient_quota"}}'
    exhausted = response(429, {"retry-after-ms": "2000"}, body)
    script = Script(response(429, {"retry-after-ms": "2000"}), exhausted)
    options: Any = {"on_decision": events.append, "seed": 7, "clock": clock}
    assert holdoff.retry(script, sleep=clock.sleep, **options) is exhausted
    in_asyncio(lambda: holdoff.aretry(script.awaited, sleep=clock.asleep, **options))
    policy = holdoff.Policy.recommended()
    assert [event.decision for event in events] == [
        policy.decide(status=429, headers={"retry-after-ms": "2000"}, seed=7),
        policy.decide(status=429, body=body, attempt=1),
    ] * 2
    assert events[1].decision.class_ == "quota_exhausted"


def sent(method: str) -> httpx.Request:
    return httpx.Request(method, "http://h/")


def by_requests(method: str) -> requests.PreparedRequest:
    return requests.Request(method, "http://h/").prepare()


def redirected(first: str, last: str) -> httpx.Response:
    history = [httpx.Response(303, request=sent(first))]
    return httpx.Response(504, request=sent(last), history=history)


POSSIBLY_EXECUTED = [
    httpx.Response(504, request=sent("POST")),
    httpx.ReadTimeout("", request=sent("POST")),
    requests.ReadTimeout(request=by_requests("POST")),
    redirected("POST", "GET"),
]


@pytest.mark.parametrize("outcome", POSSIBLY_EXECUTED, ids=repr)
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "possibly_executed"),
        ({"idempotent": False}, "possibly_executed"),
        ({"idempotent": True}, "retries_exhausted"),
        ({"method": "PUT"}, "retries_exhausted"),
    ],
    ids=str,
)
def test_what_may_have_been_executed_is_sent_again_only_if_that_is_safe(
    run: Any, clock: Time, outcome: Any, options: dict[str, Any], reason: str
) -> None:
    with suppress(httpx.ReadTimeout, requests.ReadTimeout):
        run(Script(outcome), clock, policy=None, **options)
    decision = holdoff.decision_of(outcome)
    assert decision is not None
    assert decision.reason == reason


@pytest.mark.parametrize(
    "outcome",
    [
        httpx.Response(504),  # of no request
        httpx.Response(504, request=sent("GET")),
        httpx.Response(504, request=sent("X" * 256)),
        redirected("GET", "POST"),
        httpx.ConnectTimeout("", request=sent("POST")),
        httpx.ReadTimeout(""),
        requests.ReadTimeout(),
        TimeoutError(),
    ],
    ids=lambda outcome: f"{outcome!r:.50}",
)
def test_what_is_safe_or_not_known_goes_on(run: Any, clock: Time, outcome: Any) -> None:
    success = response(200)
    assert run(Script(outcome, success), clock, policy=None) is success


def test_the_method_that_a_response_told_holds_for_the_exception_after_it(
    run: Any, clock: Time
) -> None:
    error = TimeoutError()
    with pytest.raises(TimeoutError):
        run(Script(httpx.Response(503, request=sent("POST")), error), clock, policy=None)
    decision = holdoff.decision_of(error)
    assert decision is not None
    assert decision.reason == "possibly_executed"


def test_no_wait_goes_beyond_the_deadline(run: Any, clock: Time) -> None:
    outcome = response(503)
    run(Script(outcome), clock, deadline_ms=10_000)
    decision = holdoff.decision_of(outcome)
    assert decision is not None
    assert decision.reason == "deadline"
    assert clock.monotonic() <= 10 < clock.monotonic() + decision.after_ms / 1000


def test_a_date_is_measured_by_the_clock(run: Any, clock: Time) -> None:
    later = response(503, {"retry-after": "Thu, 15 Jan 2026 12:00:20 GMT"})
    run(Script(later, response(200)), clock)
    assert clock.slept == [20]


def test_one_seed_serves_the_whole_call(run: Any, clock: Time) -> None:
    run(Script(response(500)), clock, seed=2)
    decisions = [POLICY.decide(status=500, attempt=attempt, seed=2) for attempt in range(5)]
    assert clock.slept == [decision.after_ms / 1000 for decision in decisions]


def test_without_a_seed_no_two_calls_wait_alike(run: Any) -> None:
    clocks = [Time() for _ in range(20)]
    for clock in clocks:
        run(Script(response(500)), clock)
    assert len({tuple(clock.slept) for clock in clocks}) == 20


def test_an_unknown_option_is_refused_before_the_first_attempt(run: Any, clock: Time) -> None:
    script = Script(response(200))
    with pytest.raises(TypeError, match="unexpected keyword argument 'retries'"):
        run(script, clock, retries=3)
    assert script.attempts == []


def test_what_takes_no_attribute_is_given_back_without_a_decision(run: Any, clock: Time) -> None:
    class Slotted:
        __slots__ = ("status",)

    outcome = Slotted()
    outcome.status = 400
    assert run(Script(outcome), clock) is outcome
    assert holdoff.decision_of(outcome) is None


def test_an_interrupt_is_never_held_back(run: Any, clock: Time) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(Script(KeyboardInterrupt()), clock)


def test_raising_from_sleep_ends_the_call(clock: Time) -> None:
    class StoppedError(Exception):
        pass

    stop = threading.Event()
    stop.set()

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise StoppedError

    script = Script(response(503))
    with pytest.raises(StoppedError):
        holdoff.retry(script, policy=POLICY, sleep=sleep, clock=clock)
    assert script.attempts == [0]


def test_being_cancelled_ends_a_wait_in_asyncio() -> None:
    script = Script(response(503, {"retry-after": "60"}))

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(holdoff.aretry(script.awaited, policy=POLICY), 0.01)

    asyncio.run(asyncio.wait_for(main(), 5))
    assert script.attempts == [0]


def test_being_cancelled_ends_a_wait_in_trio() -> None:
    script = Script(response(503, {"retry-after": "60"}))

    async def main() -> bool:
        with trio.move_on_after(0.01) as scope:
            await holdoff.aretry(script.awaited, policy=POLICY)
        return scope.cancelled_caught

    assert trio.run(main)
    assert script.attempts == [0]


def test_the_default_sleep_is_that_of_the_running_loop() -> None:
    success = response(200)
    for loop in (in_asyncio, trio.run):
        script = Script(response(503), success)
        assert loop(partial(holdoff.aretry, script.awaited, policy=QUICK)) is success
    assert holdoff.retry(Script(response(503), success), policy=QUICK) is success


def test_what_is_taken_is_what_is_declared() -> None:
    assert set(inspect.signature(Call).parameters) == {
        "policy",
        *holdoff.RetryOptions.__annotations__,
    }
    parameters = set(inspect.signature(pack).parameters) - {"names", "reads_body"}
    assert parameters == set(holdoff.Facts.__annotations__)
