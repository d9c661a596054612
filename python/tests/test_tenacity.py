"""tenacity, deciding by a policy."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import tenacity

import holdoff
from clients import QUICK
from holdoff.tenacity import PolicyRetry
from script import Script, Time, response

RATE_LIMITED = response(429, {"retry-after": "3"})


def retrying(by_policy: PolicyRetry, clock: Time, retry: object = None) -> tenacity.Retrying:
    return tenacity.Retrying(
        retry=retry or by_policy.retry,  # type: ignore[arg-type]
        wait=by_policy.wait,
        stop=by_policy.stop,
        sleep=clock.sleep,
        reraise=True,
    )


def test_it_waits_as_the_policy_says() -> None:
    clock, events = Time(), list[holdoff.DecisionEvent]()
    by_policy = PolicyRetry(seed=7, on_decision=events.append)
    script = Script(RATE_LIMITED, httpx.ConnectError("refused"), response(200))
    outcome = retrying(by_policy, clock)(lambda: script(len(script.attempts)))
    assert outcome.status_code == 200
    assert clock.slept == [event.decision.after_ms / 1000 for event in events]
    assert clock.slept[0] >= 3
    assert [event.attempt for event in events] == [0, 1]


@pytest.mark.parametrize("last", [RATE_LIMITED, httpx.ConnectError("refused")])
def test_the_end_is_the_last_outcome(last: object) -> None:
    by_policy = PolicyRetry(max_retries=2)
    for _ in range(2):  # Each call counts for itself.
        clock, script = Time(), Script(last)
        call = retrying(by_policy, clock)
        if isinstance(last, Exception):
            with pytest.raises(httpx.ConnectError) as caught:
                call(lambda script=script: script(len(script.attempts)))
            assert caught.value is last
        else:
            assert call(lambda script=script: script(len(script.attempts))) is last
        assert len(clock.slept) == 2
        decision = holdoff.decision_of(last)
        assert decision is not None
        assert decision.reason == "retries_exhausted"


def test_what_is_no_failure_of_the_call_is_raised() -> None:
    with pytest.raises(KeyError):
        retrying(PolicyRetry(), Time())(lambda: {}["a"])


def test_stop_ends_what_another_condition_would_repeat() -> None:
    by_policy, script = PolicyRetry(policy=QUICK), Script(response(404))
    either = tenacity.retry_any(by_policy.retry, tenacity.retry_always)
    with pytest.raises(tenacity.RetryError):
        retrying(by_policy, Time(), either)(lambda: script(0))
    assert len(script.attempts) == 1


def test_a_clock_of_ones_own_tells_the_time() -> None:
    clock, events = Time(), list[holdoff.DecisionEvent]()
    by_policy = PolicyRetry(clock=clock, on_decision=events.append, max_retries=2)
    retrying(by_policy, clock)(lambda: RATE_LIMITED)
    first, second, third = events
    assert 0 <= first.elapsed_ms < 1000
    assert second.elapsed_ms >= 3000
    assert third.elapsed_ms >= 6000


def test_it_serves_asyncio_as_well() -> None:
    script = Script(response(503), response(200))
    by_policy = PolicyRetry(policy=QUICK)

    @tenacity.retry(retry=by_policy.retry, wait=by_policy.wait, stop=by_policy.stop, reraise=True)
    async def fetch() -> httpx.Response:
        outcome: httpx.Response = script(len(script.attempts))
        return outcome

    assert asyncio.run(fetch()).status_code == 200
    assert len(script.attempts) == 2


def test_it_has_no_place_for_an_upstream() -> None:
    with pytest.raises(TypeError, match="tenacity can't hold a call back"):
        PolicyRetry(upstream=holdoff.Upstream())
