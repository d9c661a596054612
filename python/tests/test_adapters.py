"""Each client with its adapter, against a real server that misbehaves."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import io
import json
import logging
import random
import re
import socket
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import aiohttp
import httpx
import httpx2
import pytest
import requests
import trio
from requests.adapters import HTTPAdapter

import holdoff
from clients import (
    CLIENTS,
    EXCEPTIONS,
    PAYLOAD,
    QUICK,
    Sent,
    in_aiohttp,
    in_httpx,
    in_httpx2,
    quick,
)
from conftest import Server, serving
from holdoff.aiohttp import RetryMiddleware
from holdoff.httpx import AsyncRetryTransport, RetryTransport
from holdoff.requests import RetryAdapter
from holdoff.retrying import say_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCENARIO = Path(__file__).parent / "adapters.json"
TIMEOUTS = (httpx.ReadTimeout, httpx2.ReadTimeout, requests.ReadTimeout, aiohttp.ServerTimeoutError)


@pytest.fixture(scope="module")
def faults() -> Iterator[str]:
    """The misbehaving server, with a scenario of its own for the adapters."""
    with serving(SCENARIO) as address:
        yield address


@pytest.fixture(params=CLIENTS)
def send(request: pytest.FixtureRequest) -> Callable[..., Sent]:
    return CLIENTS[request.param]


def decision_of(outcome: object) -> holdoff.Decision:
    decision = holdoff.decision_of(outcome)
    assert decision is not None
    return decision


def test_each_form_of_a_hint_is_waited_for(send: Any, server: Server) -> None:
    least = {"/seconds": 1000, "/date": 1, "/milliseconds": 150, "/reset-header": 1000}
    with ThreadPoolExecutor() as pool:
        assert {sent.status for sent in pool.map(send, map(server.url, least))} == {200}
    for path, least_ms in least.items():
        first, second = server.requests(path)
        assert least_ms <= second["at_ms"] - first["at_ms"] < 4000, path
        assert first["body"] == second["body"] == PAYLOAD.decode()


@pytest.mark.parametrize(
    ("path", "requests"),
    [("/unavailable", 2), ("/reset", 3), ("/closed", 2), ("/truncated", 2), ("/reset-body", 2)],
)
def test_what_passes_is_tried_again(send: Any, server: Server, path: str, requests: int) -> None:
    sent = send(server.url(path), policy=QUICK, idempotent=True)
    assert (sent.status, sent.body) == (200, b'{"ok":true}')
    assert holdoff.decision_of(sent.response) is None
    assert [request["body"] for request in server.requests(path)] == [PAYLOAD.decode()] * requests


@pytest.mark.parametrize("path", ["/reset", "/closed", "/truncated", "/reset-body"])
def test_a_post_that_may_have_been_executed_is_not_repeated(
    send: Any, server: Server, path: str
) -> None:
    with pytest.raises(EXCEPTIONS) as caught:
        send(server.url(path), policy=QUICK)
    assert decision_of(caught.value).reason == "possibly_executed"
    assert len(server.requests(path)) == 1


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_the_client_has_no_second_try_of_its_own(send: Any, server: Server, method: str) -> None:
    with pytest.raises(EXCEPTIONS):
        send(server.url("/closed-twice"), method, policy=QUICK, max_retries=1)
    assert len(server.requests("/closed-twice")) == 2


def test_nobody_listens(send: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        events: list[holdoff.DecisionEvent] = []
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with pytest.raises(EXCEPTIONS) as caught:
            send(url, policy=QUICK, on_decision=events.append)
    assert decision_of(caught.value).reason == "retries_exhausted"
    assert [event.decision.action for event in events] == ["retry", "retry", "escalate"]
    assert all(event.error is not None for event in events)


@pytest.mark.parametrize("path", ["/hanging", "/stalled"])
def test_the_deadline_cuts_an_attempt_off(send: Any, server: Server, path: str) -> None:
    began = time.monotonic()
    with pytest.raises(TIMEOUTS) as caught:
        send(server.url(path), policy=QUICK, idempotent=True, deadline_ms=250)
    assert 0.2 < time.monotonic() - began < 2
    assert decision_of(caught.value).class_ == "timeout"
    assert len(server.requests(path)) == 1


def test_no_wait_goes_beyond_the_deadline(send: Any, server: Server) -> None:
    sent = send(server.url("/long-wait"), deadline_ms=5000)
    assert (sent.status, decision_of(sent.response).reason) == (429, "deadline")
    assert len(server.requests("/long-wait")) == 1


def test_what_is_streamed_after_the_deadline_has_the_clients_own_limits(server: Server) -> None:
    began = time.monotonic()
    with httpx.Client(transport=RetryTransport(deadline_ms=200), timeout=0.5) as client:
        with client.stream("GET", server.url("/text-that-stops")) as response:
            time.sleep(0.2)
            with pytest.raises(httpx.ReadTimeout):
                response.read()
        assert time.monotonic() - began >= 0.7

    async def main() -> None:
        transport = AsyncRetryTransport(deadline_ms=200)
        async with httpx.AsyncClient(transport=transport, timeout=0.5) as client:
            await client.get(server.url("/events-that-stop"))

    began = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        asyncio.run(main())
    assert time.monotonic() - began >= 0.5


def test_the_total_of_aiohttp_ends_an_attempt_for_good(server: Server) -> None:
    async def main(path: str) -> None:
        timeout = aiohttp.ClientTimeout(total=0.2)
        middlewares = [RetryMiddleware(upstream=None)]
        async with aiohttp.ClientSession(timeout=timeout, middlewares=middlewares) as session:
            await session.get(server.url(path))

    for path in ("/hanging", "/stalled"):
        began = time.monotonic()
        with pytest.raises(asyncio.TimeoutError):
            asyncio.run(main(path))
        assert 0.1 < time.monotonic() - began < 1
        assert len(server.requests(path)) == 1


def test_a_stream_is_not_begun_again_after_its_first_byte(send: Any, server: Server) -> None:
    with pytest.raises(EXCEPTIONS):
        send(server.url("/cut-after-first"), policy=QUICK, idempotent=True)
    assert len(server.requests("/cut-after-first")) == 1


CLOSED_EARLY = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <async_generator object PoolByteStream"
)
"""In trio, httpx leaves the stream of a response that is closed early to the garbage collector."""


@CLOSED_EARLY
@pytest.mark.parametrize("path", ["/cut-before-first", "/error-event"])
def test_a_stream_is_begun_again_before_it(send: Any, server: Server, path: str) -> None:
    sent = send(server.url(path), policy=QUICK, idempotent=True)
    assert sent.body == b'data: {"delta":"Hel"}\n\ndata: [DONE]\n\n'
    assert len(server.requests(path)) == 2


def test_ten_megabytes_are_sent_again(send: Any, server: Server) -> None:
    body = random.Random(7).randbytes(10_000_000)
    send(server.url("/unavailable"), body=body, policy=QUICK)
    sent = [request["body_sha256"] for request in server.requests("/unavailable")]
    assert sent == [hashlib.sha256(body).hexdigest()] * 2


@pytest.mark.parametrize("send", [CLIENTS["httpx2"], CLIENTS["requests"], CLIENTS["aiohttp"]])
def test_a_file_is_rewound_to_where_it_was(send: Any, server: Server) -> None:
    file = io.BytesIO(b"not this" + PAYLOAD)
    file.seek(8)
    send(server.url("/unavailable"), body=file, policy=QUICK)
    sent = [request["body"] for request in server.requests("/unavailable")]
    assert sent == [PAYLOAD.decode()] * 2


def test_what_can_be_sent_once_is_sent_once(send: Any, server: Server) -> None:
    sent = send(server.url("/unavailable"), body=iter([b"a", b"b"]), policy=QUICK)
    assert (sent.status, decision_of(sent.response).reason) == (503, "not_replayable")
    assert [request["body"] for request in server.requests("/unavailable")] == ["ab"]


def test_an_asynchronous_file_is_sent_once(server: Server, tmp_path: Path) -> None:
    """Only who awaits its methods could rewind it."""
    path = tmp_path / "file"
    path.write_bytes(PAYLOAD)

    async def main() -> httpx.Response:
        transport = AsyncRetryTransport(policy=QUICK)
        async with (
            await trio.open_file(path, "rb") as file,
            httpx.AsyncClient(transport=transport) as client,
        ):
            return await client.post(server.url("/unavailable"), content=file)

    assert decision_of(trio.run(main)).reason == "not_replayable"
    assert [request["body"] for request in server.requests("/unavailable")] == [PAYLOAD.decode()]


def test_the_last_response_is_as_it_came(send: Any, server: Server) -> None:
    events: list[holdoff.DecisionEvent] = []
    sent = send(server.url("/failing?key=secret"), policy=QUICK, on_decision=events.append)
    assert (sent.status, json.loads(sent.body)["error"]["message"]) == (500, "broken")
    assert decision_of(sent.response).action == "escalate"
    *retries, last = events
    assert [event.report for event in retries] == [None, None]
    assert [event.explanation is not None for event in events] == [True] * 3
    report = last.report
    assert report is not None
    assert (report.request_id, report.failure) == ("req_7", "HTTP status 500")
    assert report.endpoint == server.url("/failing")
    assert last.response is sent.response


def test_an_error_of_unknown_length_is_looked_at(send: Any, server: Server) -> None:
    sent = send(server.url("/used-up"))
    assert json.loads(sent.body)["error"]["code"] == "insufficient_quota"
    assert decision_of(sent.response).class_ == "quota_exhausted"
    assert len(server.requests("/used-up")) == 1


def test_an_idempotency_key_is_the_same_on_all_attempts(send: Any, server: Server) -> None:
    policy = quick(idempotency_key_header="Idempotency-Key")
    assert policy.idempotency_key_header == "Idempotency-Key"
    send(server.url("/reset"), policy=policy)
    keys = [request["headers"]["idempotency-key"] for request in server.requests("/reset")]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert UUID(keys[0]).version == 4

    send(server.url("/closed"), policy=policy, headers={"idempotency-key": "mine"})
    sent = [request["headers"]["idempotency-key"] for request in server.requests("/closed")]
    assert sent == ["mine", "mine"]

    send(server.url("/truncated"), "GET", None, policy=policy)
    for request in server.requests("/truncated"):
        assert "idempotency-key" not in request["headers"]


@CLOSED_EARLY
def test_connections_are_given_back(send: Any) -> None:
    with serving(SCENARIO) as address:
        for path in ("/unavailable", "/closed", "/truncated", "/failing", "/error-event"):
            send(address + path, policy=QUICK, idempotent=True)
        gc.collect()  # requests leaves a closed session's sockets to its responses.
        left = time.monotonic() + 2
        while connections(address)["open"] and time.monotonic() < left:
            time.sleep(0.01)
        assert connections(address)["open"] == 0


def test_a_failed_attempt_leaves_no_connection_while_the_client_lives() -> None:
    with serving(SCENARIO) as address:
        transport = RetryTransport(policy=QUICK, idempotent=True)
        session = requests.Session()
        session.mount("http://", RetryAdapter(policy=QUICK, idempotent=True))
        with httpx.Client(transport=transport) as client, session:
            for path in ("/unavailable", "/failing", "/used-up", "/error-event"):
                client.post(address + path)
            assert connections(address)["open"] <= 1
            for key in ("a", "b"):
                session.post(f"{address}/~{key}/failing")
                session.post(f"{address}/~{key}/unavailable")
            assert connections(address)["open"] <= 2


def connections(address: str) -> Any:
    with urllib.request.urlopen(f"{address}/__connections") as response:
        return json.load(response)


def test_cancelling_ends_a_wait_in_asyncio(server: Server) -> None:
    for number, send in enumerate((in_httpx, in_aiohttp)):

        async def call(send: Any = send, path: str = f"/long-wait?{number}") -> None:
            await asyncio.wait_for(send(server.url(path)), 0.3)

        began = time.monotonic()
        with pytest.raises(asyncio.TimeoutError):
            asyncio.run(call())
        assert time.monotonic() - began < 1.5
    assert len(server.requests("/long-wait")) == 2


def test_cancelling_ends_a_wait_in_trio(server: Server) -> None:
    async def call() -> bool:
        with trio.move_on_after(0.3) as scope:
            await in_httpx2(server.url("/long-wait"))
        return scope.cancelled_caught

    began = time.monotonic()
    assert trio.run(call)
    assert time.monotonic() - began < 1.5
    assert len(server.requests("/long-wait")) == 1


@pytest.mark.parametrize("name", ["httpx", "httpx2", "requests"])
def test_what_sleep_raises_ends_a_wait_in_threads(name: str, server: Server) -> None:
    def stop(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        CLIENTS[name](server.url("/long-wait"), sleep=stop)
    assert len(server.requests("/long-wait")) == 1


CALLS = 1000
HOLD = quick(upstream={"hold": {"spread_ms": 300}})


async def calls_by_httpx(url: str) -> set[int]:
    """By ten clients, since the pool of one takes half a minute for a thousand at once."""
    upstream = holdoff.Upstream()

    async def hundred() -> list[httpx.Response]:
        transport = AsyncRetryTransport(policy=HOLD, upstream=upstream)
        async with httpx.AsyncClient(transport=transport, timeout=None) as client:
            return await asyncio.gather(*(client.get(url) for _ in range(CALLS // 10)))

    hundreds = await asyncio.gather(*(hundred() for _ in range(10)))
    return {response.status_code for responses in hundreds for response in responses}


async def calls_by_aiohttp(url: str) -> set[int]:
    async with aiohttp.ClientSession(middlewares=[RetryMiddleware(policy=HOLD)]) as session:

        async def call() -> int:
            async with session.get(url) as response:
                return response.status

        return set(await asyncio.gather(*(call() for _ in range(CALLS))))


def calls_by_requests(url: str) -> set[int]:
    with requests.Session() as session, ThreadPoolExecutor(100) as pool:
        session.mount("http://", RetryAdapter(policy=HOLD, pool_maxsize=100, pool_block=True))
        return set(pool.map(lambda _: session.get(url).status_code, range(CALLS)))


@pytest.mark.parametrize(
    "calls",
    [
        lambda url: asyncio.run(calls_by_httpx(url)),
        lambda url: asyncio.run(calls_by_aiohttp(url)),
        calls_by_requests,
    ],
    ids=["httpx", "aiohttp", "requests"],
)
def test_a_thousand_calls_share_what_one_is_told(calls: Any, server: Server) -> None:
    """Each call of an adapter shares the `Upstream` of its origin; 8 of them are turned away."""
    assert calls(server.url("/busy")) == {200}
    times = [request["at_ms"] for request in server.requests("/busy")]
    assert len(times) == CALLS + 8
    assert times[-1] - times[0] >= 300


def test_options_of_one_request(server: Server) -> None:
    with httpx.Client(transport=RetryTransport(policy=QUICK)) as client:
        extensions = {"holdoff": {"idempotent": True}}
        assert client.post(server.url("/closed"), extensions=extensions).status_code == 200
        extensions = {"holdoff": {"deadline_ms": 200}}
        with pytest.raises(httpx.ReadTimeout):
            client.post(server.url("/hanging"), extensions=extensions)


def test_a_call_that_is_held_back_fails_as_the_client_does(send: Any, server: Server) -> None:
    upstream = holdoff.Upstream()
    policy = holdoff.Policy.recommended()
    now = int(time.time() * 1000)
    upstream.decide(policy, status=503, headers={"retry-after": "60"}, now=now)
    kinds = (httpx.HTTPError, httpx2.HTTPError, requests.RequestException, aiohttp.ClientError)
    with pytest.raises(kinds) as caught:
        send(server.url("/unavailable"), upstream=upstream, deadline_ms=1000)
    assert isinstance(caught.value, holdoff.HeldBackError)
    assert caught.value.decision.source == "hold"
    assert holdoff.decision_of(caught.value) == caught.value.decision
    assert server.requests("/unavailable") == []


def test_a_log_line_for_each_decision(
    send: Any, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="holdoff")
    url = server.url("/milliseconds?key=secret").replace("//", "//user:secret@", 1)
    send(url, seed=7, upstream=None)
    send(server.url("/used-up"))
    send(server.url("/failing"), policy=QUICK, max_retries=0)
    where = server.url("")
    assert "secret" not in caplog.text
    records = [record for record in caplog.records if record.name == "holdoff"]
    lines = [re.sub(r"after \d+ ms", "after … ms", record.getMessage()) for record in records]
    assert [record.levelname for record in records] == ["INFO", "DEBUG", "ERROR"]
    assert lines == [
        f"POST {where}/milliseconds: attempt 0: retry after … ms "
        "(rate_limited, status, retry-after-ms)",
        f"POST {where}/used-up: attempt 0: stop (quota_exhausted, error_class, none)",
        f"POST {where}/failing: attempt 0: escalate (server_error, retries_exhausted, none)",
    ]


def test_an_adapter_inside_an_adapter_is_noticed_once(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    say_once.cache_clear()
    with httpx.Client(transport=RetryTransport(RetryTransport(policy=QUICK))) as client:
        client.get(server.url("/unavailable"))
        client.get(server.url("/unavailable"))
    assert caplog.text.count("a retry inside a retry") == 1


def test_an_option_that_there_is_not() -> None:
    with pytest.raises(TypeError, match="`retries` is not an option of an adapter, which are `pol"):
        RetryTransport(retries=3)  # type: ignore[call-arg]
    with (
        httpx.Client(transport=RetryTransport()) as client,
        pytest.raises(TypeError, match="`deadline` is not an option of an adapter"),
    ):
        client.get("http://127.0.0.1:1", extensions={"holdoff": {"deadline": 3}})


def test_an_error_that_breaks_off_fails_as_without_the_adapter(server: Server) -> None:
    messages = set()
    for adapter in (RetryAdapter(policy=QUICK), HTTPAdapter()):
        with requests.Session() as session:
            session.mount("http://", adapter)
            with pytest.raises(requests.exceptions.ChunkedEncodingError) as caught:
                session.get(server.url("/invalid-and-truncated"))
        messages.add(str(caught.value))
    assert len(messages) == 1


def test_a_large_body_is_handed_over_as_it_comes(server: Server, tmp_path: Path) -> None:
    """JSON of more than 1 MiB, of which the beginning was read."""
    body = json.dumps(["x" * 100] * 30_000)
    scenario = tmp_path / "scenario.json"
    chunks = [body[at : at + 100_000] for at in range(0, len(body), 100_000)]
    headers = {"content-type": "application/json"}
    scenario.write_text(json.dumps({"/large": {"then": {"headers": headers, "chunks": chunks}}}))
    with serving(scenario) as address:
        for send in CLIENTS.values():
            assert send(f"{address}/large").body == body.encode()


def test_a_stream_of_requests_still_streams(server: Server) -> None:
    with requests.Session() as session:
        session.mount("http://", RetryAdapter(policy=QUICK))
        response = session.get(server.url("/cut-before-first"), stream=True)
        assert response.raw.read(5) == b"data:"
        assert response.raw.read() == b' {"delta":"Hel"}\n\ndata: [DONE]\n\n'
