"""Real clients against a real server that misbehaves."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import pytest
import requests
import trio

import holdoff
from script import DEFAULTS, QUICK, policy_like_tessera

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Server


BODY = {"a": 1}


def by_httpx(url: str, **options: Any) -> Any:
    with httpx.Client(timeout=0.3) as client:
        return holdoff.retry(lambda attempt: client.post(url, json=BODY), **(DEFAULTS | options))


def by_requests(url: str, **options: Any) -> Any:
    with requests.Session() as session:
        return holdoff.retry(
            lambda attempt: session.post(url, json=BODY, timeout=0.3), **(DEFAULTS | options)
        )


async def by_httpx_async(url: str, **options: Any) -> Any:
    async with httpx.AsyncClient(timeout=0.3) as client:
        return await holdoff.aretry(
            lambda attempt: client.post(url, json=BODY), **(DEFAULTS | options)
        )


def by_httpx_in_asyncio(url: str, **options: Any) -> Any:
    return asyncio.run(by_httpx_async(url, **options))


def by_httpx_in_trio(url: str, **options: Any) -> Any:
    return trio.run(partial(by_httpx_async, url, **options))


def by_aiohttp(url: str, **options: Any) -> Any:
    async def post() -> Any:
        timeout = aiohttp.ClientTimeout(sock_read=0.3)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            response = await holdoff.aretry(
                lambda attempt: session.post(url, json=BODY), **(DEFAULTS | options)
            )
            await response.read()
            return response

    return asyncio.run(post())


@pytest.fixture(params=[by_httpx, by_requests, by_httpx_in_asyncio, by_httpx_in_trio, by_aiohttp])
def post(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return request.param


def test_it_waits_as_long_as_the_server_asks(post: Any, server: Server) -> None:
    events: list[holdoff.DecisionEvent] = []
    response = post(server.url("/rate-limited"), on_decision=events.append)
    assert holdoff.decision_of(response) is None
    first, second = server.requests("/rate-limited")
    assert second["at_ms"] - first["at_ms"] >= 1000
    assert first["body"] == second["body"] != ""
    assert [event.decision.source for event in events] == ["retry-after"]
    assert [event.decision.reason for event in events] == ["error_type"]


def test_a_date_is_waited_for(post: Any, server: Server) -> None:
    post(server.url("/rate-limited-date"))
    first, second = server.requests("/rate-limited-date")
    # A date has whole seconds only.
    assert 0 < second["at_ms"] - first["at_ms"] < 3000


def test_the_last_response_can_be_read(post: Any, server: Server) -> None:
    response = post(server.url("/always-failing"), policy=QUICK)
    assert "api_error" in text_of(response)
    decision = holdoff.decision_of(response)
    assert decision is not None
    assert (decision.action, decision.class_) == ("escalate", "server_error")
    assert len(server.requests("/always-failing")) == 6


def test_what_cannot_be_helped_is_tried_once(post: Any, server: Server) -> None:
    for path, kind in (("/bad-request", "invalid_request"), ("/not-found", "not_found")):
        decision = holdoff.decision_of(post(server.url(path)))
        assert decision is not None
        assert (decision.action, decision.class_) == ("stop", kind)
        assert len(server.requests(path)) == 1


@pytest.mark.parametrize(
    ("path", "requests"), [("/reset", 3), ("/closed", 2), ("/hanging", 2), ("/overloaded", 3)]
)
def test_transport_failures_pass(post: Any, server: Server, path: str, requests: int) -> None:
    post(server.url(path), policy=QUICK)
    assert len(server.requests(path)) == requests


def test_the_last_exception_is_that_of_the_client(server: Server) -> None:
    with pytest.raises(httpx.ReadTimeout) as caught:
        by_httpx(server.url("/hanging"), max_retries=0)
    decision = holdoff.decision_of(caught.value)
    assert decision is not None
    assert (decision.reason, decision.class_) == ("retries_exhausted", "timeout")


def test_the_method_is_taken_from_the_client(post: Any, server: Server) -> None:
    response = post(server.url("/overloaded"), policy=policy_like_tessera(methods=["GET"]))
    decision = holdoff.decision_of(response)
    assert decision is not None
    assert decision.reason == "not_idempotent"
    assert len(server.requests("/overloaded")) == 1


@pytest.mark.parametrize("post", [by_httpx, by_requests])
def test_a_post_that_the_server_got_is_sent_again_only_if_that_is_safe(
    post: Any, server: Server
) -> None:
    with pytest.raises((httpx.ReadTimeout, requests.ReadTimeout)) as caught:
        post(server.url("/hanging"), policy=None)
    decision = holdoff.decision_of(caught.value)
    assert decision is not None
    assert decision.reason == "possibly_executed"
    assert len(server.requests("/hanging")) == 1

    post(server.url("/closed"), policy=None, idempotent=True)
    assert len(server.requests("/closed")) == 2


def test_a_stalled_error_body_does_not_hold_up_an_asynchronous_call(server: Server) -> None:
    """Of a streamed response: otherwise the client itself waits for the body."""
    events: list[holdoff.DecisionEvent] = []

    async def post() -> httpx.Response:
        async with httpx.AsyncClient(timeout=None) as client:
            request = client.build_request("POST", server.url("/stalled-error-body"))
            return await holdoff.aretry(
                lambda attempt: client.send(request, stream=True),
                policy=QUICK,
                on_decision=events.append,
            )

    began = time.monotonic()
    assert asyncio.run(post()).status_code == 200
    assert time.monotonic() - began < 5
    assert [event.decision.reason for event in events] == ["status"]


def test_a_stalled_error_body_of_a_synchronous_client_ends_by_its_own_limit(
    server: Server,
) -> None:
    with requests.Session() as session:
        response = holdoff.retry(
            lambda attempt: session.post(
                server.url("/stalled-error-body"), stream=True, timeout=0.2
            ),
            policy=QUICK,
        )
        assert response.json() == {"ok": True}


def test_a_stream_that_is_cut_after_something_was_shown_is_not_begun_again(
    server: Server,
) -> None:
    shown: list[str] = []

    def show(attempt: int) -> httpx.Response:
        with httpx.stream("POST", server.url("/stream-cut")) as response:
            shown.extend(line for line in response.iter_lines() if line)
            return response

    with pytest.raises(httpx.RemoteProtocolError) as caught:
        holdoff.retry(show, policy=QUICK, delivered=lambda: bool(shown))
    decision = holdoff.decision_of(caught.value)
    assert decision is not None
    assert decision.reason == "delivered"
    assert len(server.requests("/stream-cut")) == 1


def test_connections_are_given_back(server: Server) -> None:
    """With room for one connection, a second attempt needs that of the first."""
    limits = httpx.Limits(max_connections=1)
    with httpx.Client(limits=limits, timeout=httpx.Timeout(1, pool=0.1)) as client:

        def send(attempt: int) -> httpx.Response:
            request = client.build_request("POST", server.url("/overloaded"))
            return client.send(request, stream=True)

        response = holdoff.retry(send, policy=QUICK)
        assert response.status_code == 200
        response.close()


def text_of(response: Any) -> str:
    """The body, with whichever client."""
    if isinstance(response, aiohttp.ClientResponse):
        assert response._body is not None
        return response._body.decode()
    text: str = response.text
    return text
