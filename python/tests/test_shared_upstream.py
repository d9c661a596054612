"""`holdoff.redis` against a real redis-server: what processes know of each other, and when."""

from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import os
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import redis
import redis.asyncio

import holdoff
from holdoff import _sharing
from holdoff.redis import AsyncSharedUpstream, SharedUpstream
from script import QUICK, policy_like_tessera, response
from sharing_process import HOLD, Told, call_on_and_on
from store import Store, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUDGET = policy_like_tessera(upstream={"budget": {"capacity": 100, "cost": 1}})
PROCESSES = 8


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("redis"))
    yield store
    store.kill()


@pytest.fixture
def store(running: Store) -> Store:
    """The server that the tests of one process share, empty."""
    running.client().flushall()
    running.client().config_resetstat()
    return running


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Store]:
    """A server of the test's own."""
    store = Store(tmp_path)
    yield store
    store.kill()


@pytest.fixture
def quick_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sharing, "_PAUSE_MS", 50)


class InAsyncio:
    """An `AsyncSharedUpstream` with the methods of a `SharedUpstream`."""

    def __init__(self, port: int, **options: Any) -> None:
        self._client = redis.asyncio.Redis(port=port)
        self._shared = AsyncSharedUpstream(self._client, **options)
        self._loop = asyncio.new_event_loop()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._shared, name)
        return lambda *args, **facts: self._loop.run_until_complete(method(*args, **facts))

    def close(self) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()


@pytest.fixture(params=["sync", "asyncio"])
def share(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Makes what stands for a process."""
    opened: list[InAsyncio] = []

    def make(port: int, **options: Any) -> Any:
        options = {"key": "api", "timeout_ms": 1000} | options
        if request.param == "sync":
            return SharedUpstream(redis.Redis(port=port), **options)
        opened.append(InAsyncio(port, **options))
        return opened[-1]

    yield make
    for upstream in opened:
        upstream.close()


def limit(upstream: Any, seconds: int) -> None:
    """Let some call be told to come back later."""
    upstream.decide(HOLD, status=429, headers={"retry-after": str(seconds)}, seed=1)


def held_ms(upstream: Any) -> int:
    """How long a call would have to wait."""
    after_ms: int = upstream.admit(HOLD, seed=2).after_ms
    return after_ms


def test_what_one_is_told_holds_the_others(store: Store, share: Any) -> None:
    one, other, stranger = share(store.port), share(store.port), share(store.port, key="else")
    assert held_ms(other) == 0
    limit(one, 30)
    time.sleep(0.02)
    assert 29_000 < held_ms(other) <= 30_000
    assert 29_000 < held_ms(one) <= 30_000
    assert held_ms(stranger) == 0


def test_it_answers_as_an_upstream_does(store: Store, share: Any) -> None:
    shared, alone = share(store.port), holdoff.Upstream()
    facts: Any = {"status": 503, "seed": 3, "attempt": 1}
    for policy in (QUICK, HOLD, BUDGET, holdoff.Policy.recommended()):
        now = int(time.time() * 1000)
        assert shared.decide(policy, **facts) == alone.decide(policy, now=now, **facts)
        explained = shared.explain(policy, **facts)
        assert explained.steps == alone.explain(policy, now=now, **facts).steps
        assert shared.admit(policy, seed=3) == alone.admit(policy, now=now, seed=3)
        assert shared.succeed(policy, after=explained.decision, attempt=1) is None


def test_the_key_expires_and_has_the_prefix(store: Store, share: Any) -> None:
    limit(share(store.port, prefix="mine:", expiry_ms=5000), 30)
    assert store.client().keys() == [b"mine:api"]
    assert 4000 < store.client().pttl("mine:api") <= 5000
    assert store.state("mine:api")["hold"]["until_ms"] > 0


def test_the_clock_is_the_stores(store: Store, share: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = time.time() + 7200
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: wrong)
        fast = share(store.port)
    fast.admit(HOLD, now=1)
    fast.decide(HOLD, status=429, headers={"retry-after": "30"}, now=int(wrong * 1000))
    time.sleep(0.02)
    assert 29_000 < held_ms(share(store.port)) <= 30_000


def test_what_only_counts_is_written_together(store: Store, share: Any) -> None:
    """While nothing fails, the store is asked once in 20 ms, and all calls are counted."""
    policy = holdoff.Policy.recommended()
    upstream = share(store.port)
    begin = time.monotonic()
    for _ in range(500):
        assert upstream.admit(policy).action == "send"
        upstream.succeed(policy)
    took_ms = (time.monotonic() - begin) * 1000
    assert store.asked() <= 2 * (took_ms / 20 + 2)
    # Were only those counted that ask the store, it would be 20 ms.
    rate = store.state()["rate"]
    assert 0 < rate["span_ms"] / rate["calls"] < 10


def test_a_success_of_one_counts_for_all(store: Store, share: Any) -> None:
    """A share of calls that always fails must not open the breaker on the rest."""
    policy = holdoff.Policy.recommended()
    failing, well = share(store.port), share(store.port)
    for _ in range(4):
        failing.decide(policy, status=500)
    assert store.state()["breaker"]["failures"] == 4
    well.admit(policy)
    well.succeed(policy)
    assert store.state()["breaker"]["failures"] == 0


def test_each_token_is_paid_out_once(store: Store) -> None:
    upstreams = [SharedUpstream(store.client(), key="api", timeout_ms=5000) for _ in range(2)]

    def work(number: int) -> int:
        decide = upstreams[number % 2].decide
        return sum(decide(BUDGET, status=500).action == "retry" for _ in range(20))

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(work, range(10))) == 100


def test_wrong_facts_and_options_are_told_to_who_gave_them(store: Store, share: Any) -> None:
    upstream = share(store.port)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"^elapsed_ms: `-1` is not a whole number"):
            upstream.succeed(HOLD, elapsed_ms=-1)
        with pytest.raises(TypeError, match="either `status` or `transport` must be given"):
            upstream.decide(HOLD)
    assert held_ms(upstream) == 0
    with pytest.raises(ValueError, match=r"^key: `''` is not a name for the server"):
        share(store.port, key="")
    with pytest.raises(ValueError, match=r"^max_age_ms: `0` is not a whole number from 1$"):
        share(store.port, max_age_ms=0)


# Where the store can't be used.


@pytest.mark.usefixtures("quick_pause")
def test_each_side_takes_in_what_the_other_knows(mortal: Store, share: Any) -> None:
    told = Told()
    one = share(mortal.port, timeout_ms=200, **told.options())
    other = share(mortal.port, timeout_ms=200)
    assert held_ms(one) == held_ms(other) == 0
    mortal.kill()
    limit(one, 30)
    assert 29_000 < held_ms(one) <= 30_000
    assert held_ms(other) == 0
    assert told.words == ["lost"]
    mortal.start()
    limit(share(mortal.port), 40)
    time.sleep(0.06)
    assert 39_000 < held_ms(one) <= 40_000
    assert 39_000 < held_ms(other) <= 40_000
    assert told.words == ["lost", "back"]


@pytest.mark.usefixtures("quick_pause")
def test_what_was_learnt_alone_is_known_to_all_then(mortal: Store, share: Any) -> None:
    one, other = share(mortal.port, timeout_ms=200), share(mortal.port)
    mortal.kill()
    limit(one, 30)
    mortal.start()
    time.sleep(0.06)
    assert 29_000 < held_ms(one) <= 30_000
    assert 29_000 < held_ms(other) <= 30_000


def test_a_store_that_is_not_there_is_logged_once(
    share: Any, caplog: pytest.LogCaptureFixture
) -> None:
    upstream = share(free_port(), timeout_ms=200)
    with caplog.at_level(logging.INFO, "holdoff"):
        for _ in range(3):
            limit(upstream, 30)
            assert 29_000 < held_ms(upstream) <= 30_000
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.message.startswith("the store of `holdoff:api` can't be used, so this process")


def test_a_store_that_does_not_answer_costs_the_time_limit_once(share: Any) -> None:
    told = Told()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        upstream = share(silent.getsockname()[1], timeout_ms=100, **told.options())
        begin = time.monotonic()
        for _ in range(100):
            assert held_ms(upstream) == 0
        assert 0.09 < time.monotonic() - begin < 0.9
    assert told.words == ["lost"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nobody forks here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_fork_while_a_thread_asks_the_store_does_not_hang() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor() as pool:
        client = redis.Redis(port=silent.getsockname()[1])
        upstream = SharedUpstream(client, key="api", timeout_ms=500)
        asking = pool.submit(upstream.admit, HOLD)
        time.sleep(0.1)
        child = multiprocessing.get_context("fork").Process(target=upstream.admit, args=(HOLD,))
        child.start()
        child.join(3)
        child.kill()
        assert child.exitcode == 0
        assert asking.result().action == "send"


@pytest.mark.usefixtures("quick_pause")
def test_something_else_at_the_key_is_left_alone(store: Store, share: Any) -> None:
    told = Told()
    upstream = share(store.port, **told.options())
    store.client().set("holdoff:api", "what another program keeps")
    limit(upstream, 30)
    assert told.words == ["lost"]
    assert store.client().get("holdoff:api") == b"what another program keeps"
    store.client().delete("holdoff:api")
    time.sleep(0.06)
    assert 29_000 < held_ms(upstream) <= 30_000
    assert told.words == ["lost", "back"]


def test_who_always_loses_the_race_answers_and_loses_no_hold(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = SharedUpstream(store.client(), key="api", timeout_ms=1000)
    with monkeypatch.context() as patch:
        read = upstream._client.eval
        patch.setattr(upstream._client, "eval", lambda *words: read(*words[:4], "", words[5]))
        limit(upstream, 30)
    assert store.client().keys() == []
    assert 29_000 < held_ms(upstream) <= 30_000
    other = SharedUpstream(store.client(), key="api", timeout_ms=1000)
    assert 29_000 < held_ms(other) <= 30_000


def test_a_call_that_is_cancelled_takes_no_other_along(store: Store) -> None:
    async def main() -> None:
        client = redis.asyncio.Redis(port=store.port)
        upstream = AsyncSharedUpstream(client, key="api", timeout_ms=1000)
        headers = {"retry-after": "30"}
        # The first asks the store; the second has the first take its change along.
        leader = asyncio.create_task(upstream.admit(HOLD))
        follower = asyncio.create_task(upstream.decide(HOLD, status=429, headers=headers))
        await asyncio.sleep(0)
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        assert (await follower).after_ms >= 30_000
        assert (await upstream.admit(HOLD)).after_ms > 29_000
        await client.aclose()

    asyncio.run(main())


# In `retry` and `aretry`.


def test_retry_waits_for_what_another_process_was_told(store: Store) -> None:
    one, other = (SharedUpstream(store.client(), key="api") for _ in range(2))
    outcomes = iter([response(429, {"retry-after": "1"}), response(200)])
    limited = holdoff.retry(lambda _: next(outcomes), policy=HOLD, upstream=one, max_retries=0)
    assert limited.status_code == 429
    time.sleep(0.02)
    begin = time.monotonic()
    assert holdoff.retry(lambda _: next(outcomes), policy=HOLD, upstream=other).status_code == 200
    assert 0.8 < time.monotonic() - begin < 2


def test_aretry_awaits_it_and_retry_says_that_it_cannot(store: Store) -> None:
    async def main() -> None:
        client = redis.asyncio.Redis(port=store.port)
        upstream = AsyncSharedUpstream(client, key="api")
        outcomes = iter([response(500), response(200)])

        async def send(_: int) -> Any:
            return next(outcomes)

        policy = policy_like_tessera(
            upstream={"budget": {"capacity": 2, "cost": 1}},
            backoff=json.loads(QUICK.to_json())["backoff"],
        )
        assert (await holdoff.aretry(send, policy=policy, upstream=upstream)).status_code == 200
        assert store.state()["budget"]["spent"] == 1000
        with pytest.raises(TypeError, match="can't await what it answers; give it to `aretry`"):
            holdoff.retry(lambda _: response(200), upstream=upstream)
        await client.aclose()

    asyncio.run(main())


def test_the_readmes_example_shares_what_it_learns(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    (code,) = [
        code
        for code in re.findall(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
        if "holdoff.redis" in code
    ]
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{store.port}")
    monkeypatch.setattr(httpx, "get", lambda _: response(200))
    names = {"holdoff": holdoff, "httpx": httpx, "os": os, "url": "https://api.example.com/"}
    exec(code, names)
    assert store.client().keys() == [b"holdoff:api.example.com"]


# Eight processes.


def test_eight_processes_keep_a_hold_though_the_store_is_killed(mortal: Store) -> None:
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    processes = [
        context.Process(target=call_on_and_on, args=(mortal.port, stop, results))
        for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    try:
        assert [results.get(timeout=60) for _ in processes] == ["ready"] * PROCESSES
        teller = SharedUpstream(mortal.client(), key="api")
        time.sleep(0.5)
        told_at = time.monotonic()
        limit(teller, 60)
        held_at = time.monotonic()
        time.sleep(0.5)
        mortal.kill()
        time.sleep(1)
        mortal.start()
        back_at = time.monotonic()
        time.sleep(2)
        # It has nothing but what the processes brought back.
        newcomer = SharedUpstream(mortal.client(), key="api", timeout_ms=1000)
        assert 50_000 < held_ms(newcomer) <= 60_000
    finally:
        stop.set()
    reports = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    for answers, words in reports:
        assert {action for at, action, _ in answers if at < told_at - 0.1} == {"send"}
        assert max(at - held_at for at, action, _ in answers if action == "send") < 0.05
        # All the time, with no call that failed or hung.
        assert len([at for at, _, _ in answers if at > back_at]) > 50
        assert max(took for _, _, took in answers) < 1
        assert words == ["lost", "back"]
