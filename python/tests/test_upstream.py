"""`Upstream`: what each method answers, and what `retry` and `aretry` do by it. Nothing sleeps."""

from __future__ import annotations

import copy
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import holdoff
from script import (
    POLICY,
    Script,
    Time,
    policy_like_tessera,
    response,
    run_in_asyncio,
    run_in_trio,
    run_sync,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

NOW = 1_768_478_400_000
HOLD = policy_like_tessera(upstream={"hold": {}})
BUDGET = policy_like_tessera(upstream={"budget": {"capacity": 2, "cost": 1, "refund": True}})
BREAKER = policy_like_tessera(
    upstream={
        "breaker": {
            "failures": 2,
            "probe_base_ms": 1000,
            "probe_factor": 2,
            "probe_cap_ms": 4000,
            "start_percent": 10,
            "percent_per_second": 10,
            "least_per_minute": 6,
        }
    }
)
PACE = policy_like_tessera(
    upstream={"pace": {"decrease_percent": 50, "percent_per_second": 1, "least_per_minute": 6}}
)


@pytest.fixture
def upstream() -> holdoff.Upstream:
    return holdoff.Upstream()


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture(params=[run_sync, run_in_asyncio, run_in_trio])
def run(request: pytest.FixtureRequest) -> Any:
    return request.param


def limit(upstream: holdoff.Upstream, policy: holdoff.Policy, seconds: int, now: int = NOW) -> None:
    """Let some call be told to come back later."""
    upstream.decide(policy, status=429, headers={"retry-after": str(seconds)}, now=now)


def fail(upstream: holdoff.Upstream, policy: holdoff.Policy, now: int = NOW) -> holdoff.Decision:
    return upstream.decide(policy, status=500, now=now, draw=0)


def test_what_one_call_is_told_holds_all_others(upstream: holdoff.Upstream) -> None:
    assert upstream.admit(HOLD, now=NOW, seed=7) == holdoff.Admission("send")
    limit(upstream, HOLD, 3)
    admission = upstream.admit(HOLD, now=NOW + 1000, seed=8)
    assert (admission.action, admission.after_ms, admission.source) == ("wait", 2000, "hold")
    assert admission.ticket > 0
    assert admission.decision is None
    later = upstream.admit(HOLD, ticket=admission.ticket, now=NOW + 3000, seed=8)
    assert later.action == "send"


@pytest.mark.parametrize(
    ("policy", "call", "reason"),
    [
        (HOLD, {"elapsed_ms": 1000, "deadline_ms": 2999}, "deadline"),
        (policy_like_tessera(upstream={"hold": {}, "max_wait_ms": 1999}), {}, "held"),
    ],
    ids=["deadline", "held"],
)
def test_who_would_wait_too_long_is_refused(
    upstream: holdoff.Upstream, policy: holdoff.Policy, call: Any, reason: str
) -> None:
    limit(upstream, policy, 3)
    admission = upstream.admit(policy, now=NOW + 1000, **call)
    decision = admission.decision
    assert admission.action == "refuse"
    assert decision is not None
    assert (decision.action, decision.reason) == ("stop", reason)
    assert (decision.source, decision.after_ms) == ("hold", 2000)
    assert decision.class_ == "rate_limited"
    assert decision.advice.startswith("come back after the wait")


def test_retries_are_paid_from_the_budget_and_a_success_gives_it_back(
    upstream: holdoff.Upstream,
) -> None:
    decisions = [fail(upstream, BUDGET) for _ in range(3)]
    assert [decision.action for decision in decisions] == ["retry", "retry", "stop"]
    assert decisions[0] == BUDGET.decide(status=500, now=NOW, draw=0)
    assert decisions[2].reason == "budget_exhausted"
    upstream.succeed(BUDGET, now=NOW)
    assert fail(upstream, BUDGET).reason == "budget_exhausted"
    upstream.succeed(BUDGET, after=decisions[0], now=NOW)
    assert fail(upstream, BUDGET).action == "retry"


def test_an_explanation_takes_the_failure_in_and_says_so(upstream: holdoff.Upstream) -> None:
    facts: holdoff.Facts = {"status": 500, "now": NOW, "draw": 0}
    assert upstream.explain(BUDGET, **facts).decision.action == "retry"
    explanation = upstream.explain(BUDGET, **facts)
    assert explanation.steps[-2] == (
        "upstream",
        "the retry is paid from the budget, which has 0 tokens left",
    )
    explanation = upstream.explain(BUDGET, **facts)
    assert explanation.decision.reason == "budget_exhausted"
    assert "too few for a retry" in str(explanation)


def test_a_breaker_lets_one_probe_through_and_closes_when_it_succeeds(
    upstream: holdoff.Upstream,
) -> None:
    fail(upstream, BREAKER)
    fail(upstream, BREAKER)
    admission = upstream.admit(BREAKER, now=NOW, draw=0, attempt=1)
    assert (admission.action, admission.after_ms, admission.source) == ("wait", 1000, "breaker")
    assert upstream.admit(BREAKER, now=NOW + 1000, attempt=1).action == "send"
    assert upstream.admit(BREAKER, now=NOW + 1000, draw=0, attempt=1).after_ms == 2000
    upstream.succeed(BREAKER, now=NOW + 1100)
    assert upstream.admit(BREAKER, now=NOW + 1100, attempt=1).action == "send"


def test_a_success_between_failures_keeps_the_breaker_closed(upstream: holdoff.Upstream) -> None:
    for second in range(9):
        fail(upstream, BREAKER, NOW + second * 1000)
        upstream.succeed(BREAKER, now=NOW + second * 1000)
    fail(upstream, BREAKER, NOW + 9000)
    assert upstream.admit(BREAKER, now=NOW + 9000).action == "send"


@pytest.mark.parametrize(
    ("policy", "call"), [(POLICY, {"now": NOW}), (HOLD, {})], ids=["no upstream", "no time"]
)
def test_without_rules_or_the_time_it_takes_no_part(
    upstream: holdoff.Upstream, policy: holdoff.Policy, call: Any
) -> None:
    limit(upstream, HOLD, 3)
    before = upstream.to_json()
    facts: Any = {"status": 429, "headers": {"retry-after": "9"}, "seed": 7} | call
    assert upstream.decide(policy, **facts) == policy.decide(**facts)
    assert upstream.explain(policy, **facts).decision == policy.decide(**facts)
    assert upstream.admit(policy, **call).action == "send"
    upstream.succeed(policy, **call)
    assert upstream.to_json() == before


def test_the_state_survives_as_json(upstream: holdoff.Upstream) -> None:
    limit(upstream, HOLD, 3)
    again = holdoff.Upstream.from_json(upstream.to_json())
    assert again.to_json() == upstream.to_json() != holdoff.Upstream().to_json()
    assert again.admit(HOLD, now=NOW).after_ms == 3000
    assert json.loads(upstream.to_json())["now_ms"] == NOW
    assert repr(upstream) == f"<Upstream {upstream.to_json()}>"


@pytest.mark.parametrize("text", ["", "1", '{"now": 1}', '{"now_ms": -1}'])
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(holdoff.PolicyError, match=r"^upstream: not a state that was written by"):
        holdoff.Upstream.from_json(text)


def test_of_two_copies_the_later_hold_counts(upstream: holdoff.Upstream) -> None:
    other = holdoff.Upstream()
    limit(upstream, HOLD, 3)
    limit(other, HOLD, 5, NOW - 1000)
    upstream.merge(other)
    assert upstream.admit(HOLD, now=NOW).after_ms == 4000
    assert other.admit(HOLD, now=NOW).after_ms == 4000
    upstream.merge(upstream)
    assert upstream.admit(HOLD, now=NOW).after_ms == 4000


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))]
)
def test_a_copy_shares_nothing(upstream: holdoff.Upstream, copied: Callable[[Any], Any]) -> None:
    limit(upstream, HOLD, 3)
    copies = [copied(upstream) for _ in range(10)]
    limit(upstream, HOLD, 9)
    assert upstream.admit(HOLD, now=NOW).after_ms == 9000
    del upstream
    assert [it.admit(HOLD, now=NOW).after_ms for it in copies] == [3000] * 10


def test_facts_and_tickets_are_checked(upstream: holdoff.Upstream) -> None:
    wrong: Any = {"now": "today"}
    with pytest.raises(TypeError, match=r"^now: `'today'` is not a whole number"):
        upstream.admit(HOLD, **wrong)
    with pytest.raises(ValueError, match=r"^elapsed_ms: `-1` is not a whole number"):
        upstream.succeed(HOLD, elapsed_ms=-1)
    with pytest.raises(TypeError, match="either `status` or `transport` must be given"):
        upstream.decide(HOLD, now=NOW)
    with pytest.raises(ValueError, match="4294967296"):
        upstream.admit(HOLD, ticket=2**32, now=NOW)


def test_20_threads_may_share_one() -> None:
    """Each token is paid out once, and nobody waits for another for ever."""
    policy = policy_like_tessera(upstream={"budget": {"capacity": 1000, "cost": 1}})
    upstream, other = holdoff.Upstream(), holdoff.Upstream()

    def work(_: int) -> int:
        paid = 0
        for number in range(100):
            assert upstream.admit(policy, now=NOW + number).action == "send"
            paid += fail(upstream, policy, NOW + number).action == "retry"
            upstream.succeed(policy, now=NOW + number)
            other.merge(upstream)
            holdoff.Upstream.from_json(upstream.to_json()).merge(other)
        return paid

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(work, range(20))) == 1000


def test_two_that_are_merged_into_each_other_do_not_wait_for_ever() -> None:
    one, two = holdoff.Upstream(), holdoff.Upstream()

    def merge(number: int) -> None:
        for _ in range(500):
            (one if number % 2 else two).merge(two if number % 2 else one)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(merge, range(20)))
    assert one.to_json() == two.to_json()


# What `retry` and `aretry` do.


def test_a_call_waits_until_its_first_attempt_may_be_sent(
    run: Any, clock: Time, upstream: holdoff.Upstream
) -> None:
    success = response(200)
    run = partial(run, clock=clock, policy=HOLD, upstream=upstream)
    run(Script(response(429, {"retry-after": "7"})), max_retries=0)
    assert clock.slept == []
    script = Script(success)
    assert run(script) is success
    assert clock.slept == [7]
    assert script.attempts == [0]
    assert run(Script(success), upstream=None) is success
    assert clock.slept == [7]


def test_a_call_that_is_refused_before_its_first_attempt_is_held_back(
    run: Any, clock: Time, upstream: holdoff.Upstream
) -> None:
    limit(upstream, HOLD, 7)
    events: list[holdoff.DecisionEvent] = []
    script = Script(response(200))
    options: Any = {"policy": HOLD, "upstream": upstream, "deadline_ms": 6999}
    with pytest.raises(holdoff.HeldBackError) as caught:
        run(script, clock, on_decision=events.append, **options)
    assert script.attempts == clock.slept == events == []
    decision = caught.value.decision
    assert (decision.reason, decision.source, decision.after_ms) == ("deadline", "hold", 7000)
    assert holdoff.decision_of(caught.value) is decision
    assert str(caught.value) == (
        "not sent: `hold` holds it back for 7000 ms: "
        "come back after the wait, or give the call more time"
    )
    assert pickle.loads(pickle.dumps(caught.value)).decision == decision


@pytest.fixture
def told_to_wait(upstream: holdoff.Upstream) -> Callable[[holdoff.DecisionEvent], None]:
    """As soon as a call waits for its retry, another is told to come back in a minute."""

    def tell(event: holdoff.DecisionEvent) -> None:
        if event.wait_ms is not None:
            limit(upstream, HOLD, 60)

    return tell


def test_a_call_that_is_refused_later_ends_with_its_last_response(
    run: Any, clock: Time, upstream: holdoff.Upstream, told_to_wait: Any
) -> None:
    events: list[holdoff.DecisionEvent] = []
    outcome = response(503, {"retry-after": "2"})

    def hear(event: holdoff.DecisionEvent) -> None:
        events.append(event)
        told_to_wait(event)

    script = Script(outcome)
    options: Any = {"policy": HOLD, "upstream": upstream, "deadline_ms": 30_000}
    assert run(script, clock, on_decision=hear, **options) is outcome
    assert script.attempts == [0]
    assert clock.slept == [2]
    first, last = events
    assert last.decision == holdoff.decision_of(outcome) != first.decision
    assert (last.decision.reason, last.decision.source) == ("deadline", "hold")
    assert last.decision.after_ms == 58_000
    assert (first.attempt, first.elapsed_ms, first.wait_ms) == (0, 0, 2000)
    assert (last.attempt, last.elapsed_ms, last.wait_ms) == (0, 2000, None)
    assert last.response is outcome


def test_a_call_that_is_refused_later_ends_with_its_last_exception(
    run: Any, clock: Time, upstream: holdoff.Upstream, told_to_wait: Any
) -> None:
    error = httpx.ConnectError("no route")
    options: Any = {"policy": HOLD, "upstream": upstream, "deadline_ms": 30_000}
    with pytest.raises(httpx.ConnectError) as caught:
        run(Script(error), clock, on_decision=told_to_wait, **options)
    assert caught.value is error
    assert error.__cause__ is error.__context__ is None
    decision = holdoff.decision_of(error)
    assert decision is not None
    assert (decision.reason, decision.source) == ("deadline", "hold")


def test_the_body_of_the_last_response_can_be_read_after_the_wait(
    run: Any, clock: Time, upstream: holdoff.Upstream, told_to_wait: Any
) -> None:
    rules = [{"status": [503], "verdict": "retry", "class": "overloaded"}]
    policy = policy_like_tessera(rules=rules, upstream={"hold": {}})
    assert not policy.reads_body

    class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"why"

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"why"

    outcome = httpx.Response(503, headers={"content-length": "3"}, stream=Body())
    options: Any = {"policy": policy, "upstream": upstream, "deadline_ms": 30_000}
    run(Script(outcome), clock, on_decision=told_to_wait, **options)
    assert outcome.text == "why"
    assert outcome.is_closed


def test_a_call_that_succeeds_pays_its_retries_back(
    run: Any, clock: Time, upstream: holdoff.Upstream
) -> None:
    success = response(302)
    for _ in range(5):
        script = Script(response(500), success)
        assert run(script, clock, policy=BUDGET, upstream=upstream) is success
    assert json.loads(upstream.to_json())["budget"]["spent"] == 0


def test_a_call_ends_when_the_budget_is_used_up(
    run: Any, clock: Time, upstream: holdoff.Upstream
) -> None:
    outcome = response(500)
    script = Script(outcome)
    assert run(script, clock, policy=BUDGET, upstream=upstream) is outcome
    assert script.attempts == [0, 1, 2]
    decision = holdoff.decision_of(outcome)
    assert decision is not None
    assert decision.reason == "budget_exhausted"


def test_a_success_closes_the_breaker(run: Any, clock: Time, upstream: holdoff.Upstream) -> None:
    success = response(200)
    script = Script(response(500, {"retry-after": "1"}), response(500), success)
    assert run(script, clock, policy=BREAKER, upstream=upstream, seed=7) is success
    # Its own backoff was longer than the wait for the probe.
    assert len(clock.slept) == 2
    assert json.loads(upstream.to_json())["breaker"]["next_probe_ms"] is None


def test_who_was_given_a_slot_is_sent_when_it_comes(
    run: Any, clock: Time, upstream: holdoff.Upstream
) -> None:
    success = response(200)
    run = partial(run, clock=clock, policy=PACE, upstream=upstream)
    for _ in range(3):
        run(Script(success))
        clock.sleep(1)
    run(Script(response(429)), max_retries=0)
    clock.slept.append(1)
    waits = len(clock.slept)
    for _ in range(2):
        assert run(Script(success)) is success
    # The first goes out at once, the second at half the usual rate.
    assert len(clock.slept) == waits + 1
    assert 1.9 < clock.slept[-1] <= 2


def test_raising_from_sleep_ends_a_call_that_is_held(
    run: Any, clock: Time, upstream: holdoff.Upstream
) -> None:
    class StoppedError(Exception):
        pass

    class Stopped(Time):
        def sleep(self, seconds: float) -> None:
            raise StoppedError

        async def asleep(self, seconds: float) -> None:
            raise StoppedError

    limit(upstream, HOLD, 7)
    script = Script(response(200))
    with pytest.raises(StoppedError):
        run(script, Stopped(), policy=HOLD, upstream=upstream)
    assert script.attempts == []


def test_a_bug_tells_nothing_of_the_server(
    run: Any, clock: Time, upstream: holdoff.Upstream
) -> None:
    run(Script(response(200)), clock, policy=BREAKER, upstream=upstream)
    before = upstream.to_json()
    with pytest.raises(KeyError):
        run(Script(KeyError("x")), clock, policy=BREAKER, upstream=upstream)
    assert json.loads(upstream.to_json())["breaker"] == json.loads(before)["breaker"]
