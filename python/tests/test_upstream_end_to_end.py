"""20 calls at once that share an `Upstream`, in threads and in asyncio, against a real server."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import holdoff
from conftest import Server, serving
from script import DOCUMENT, policy_like_tessera

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CALLS = 20
BACKOFF = DOCUMENT["backoff"] | {"base_ms": 1, "cap_ms": 1, "jitter": {"kind": "none"}}
HOLD = policy_like_tessera(backoff=BACKOFF, upstream={"hold": {"spread_ms": 500}})
BREAKER = policy_like_tessera(
    backoff=BACKOFF,
    upstream={
        "breaker": {
            "failures": 2,
            "probe_base_ms": 300,
            "probe_factor": 2,
            "probe_cap_ms": 600,
            "start_percent": 10,
            "percent_per_second": 100,
            "least_per_minute": 600,
        }
    },
)
OUTAGE = {
    "/outage": {
        "steps": [{"status": 503}, {"status": 503}, {"status": 503}],
        "then": {"delay_ms": 200, "body": {"ok": True}},
    }
}


def in_threads(url: str, failures: int, **options: Any) -> list[httpx.Response]:
    heard = threading.Semaphore(0)

    def report(event: holdoff.DecisionEvent) -> None:
        heard.release()

    with httpx.Client() as client, ThreadPoolExecutor(CALLS) as pool:

        def call(**more: Any) -> httpx.Response:
            return holdoff.retry(lambda attempt: client.get(url), **options, **more)

        calls = [pool.submit(call, on_decision=report)]
        for _ in range(failures):
            assert heard.acquire(timeout=10)
        calls += [pool.submit(call) for _ in range(CALLS - 1)]
        return [call.result(timeout=30) for call in calls]


def in_asyncio(url: str, failures: int, **options: Any) -> list[httpx.Response]:
    async def main() -> list[httpx.Response]:
        heard = asyncio.Semaphore(0)

        def report(event: holdoff.DecisionEvent) -> None:
            heard.release()

        async with httpx.AsyncClient() as client:

            async def call(**more: Any) -> httpx.Response:
                return await holdoff.aretry(lambda attempt: client.get(url), **options, **more)

            calls = [asyncio.create_task(call(on_decision=report))]
            for _ in range(failures):
                await asyncio.wait_for(heard.acquire(), 10)
            calls += [asyncio.create_task(call()) for _ in range(CALLS - 1)]
            return await asyncio.wait_for(asyncio.gather(*calls), 30)

    return asyncio.run(main())


@pytest.fixture(params=[in_threads, in_asyncio])
def run(request: pytest.FixtureRequest) -> Callable[..., list[httpx.Response]]:
    """Begins one call, and once it has failed so many times, 19 more."""
    return request.param


@pytest.fixture(scope="module")
def outage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    scenario: Path = tmp_path_factory.mktemp("outage") / "scenario.json"
    scenario.write_text(json.dumps(OUTAGE))
    with serving(scenario) as address:
        yield address


def test_what_one_call_is_told_holds_all_others(run: Any, server: Server) -> None:
    responses = run(
        server.url("/rate-limited"), failures=1, policy=HOLD, upstream=holdoff.Upstream()
    )
    assert [response.status_code for response in responses] == [200] * CALLS
    first, *others = (request["at_ms"] for request in server.requests("/rate-limited"))
    assert len(others) == CALLS
    assert min(others) - first >= 990
    # They are released over half a second, and not all at once.
    assert 100 < max(others) - min(others) < 2000


def test_without_an_upstream_nobody_is_held(run: Any, server: Server) -> None:
    run(server.url("/rate-limited"), failures=1, policy=HOLD)
    first, *others = (request["at_ms"] for request in server.requests("/rate-limited"))
    assert sum(at_ms - first < 990 for at_ms in others) > CALLS / 2


def test_a_breaker_opens_for_all_and_closes_for_all(
    run: Any, outage: str, request: pytest.FixtureRequest
) -> None:
    server = Server(outage, request.node.name)
    upstream = holdoff.Upstream()
    responses = run(server.url("/outage"), failures=2, policy=BREAKER, upstream=upstream)
    assert [response.status_code for response in responses] == [200] * CALLS
    _, second, failed, succeeded, *others = (
        request["at_ms"] for request in server.requests("/outage")
    )
    assert len(others) == CALLS - 1
    # Two single probes, 300 and 600 ms later as the client sees it; the second succeeds after 200.
    assert failed - second > 200
    assert succeeded - failed > 400
    assert min(others) - succeeded >= 200
    assert json.loads(upstream.to_json())["breaker"]["next_probe_ms"] is None
