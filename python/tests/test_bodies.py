"""What `retry` and `aretry` do with the bodies of responses that tell of an error."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import requests
import urllib3

import holdoff
from holdoff import _event_loop, _response
from script import (
    POLICY,
    Script,
    Time,
    in_asyncio,
    policy_like_tessera,
    response,
    run_in_asyncio,
    run_in_trio,
    run_sync,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ERROR = b'{"error": {"message": "busy", "type": "overloaded_error"}}'
LENGTH = {"content-length": str(len(ERROR))}


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that is still on its way, and says what became of it."""

    def __init__(self) -> None:
        self.read = self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        self.read = True
        yield ERROR

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.read = True
        yield ERROR

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


class StalledBody(Body):
    """A body of which nothing comes."""

    def __iter__(self) -> Iterator[bytes]:
        message = "the client's own time limit"
        raise httpx.ReadTimeout(message)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        await _event_loop.sleep(60)
        yield b""


@pytest.fixture(params=[run_sync, run_in_asyncio, run_in_trio])
def run(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize(
    ("headers", "read"),
    [
        (LENGTH, True),
        ({"content-length": "65536"}, True),
        ({"content-length": "65537"}, False),
        ({"content-length": "many"}, False),
        ({}, False),
    ],
    ids=str,
)
def test_of_a_stream_only_a_short_body_is_read(run: Any, headers: Any, read: bool) -> None:
    body, events = Body(), []
    streamed = httpx.Response(503, headers=headers, stream=body)
    run(Script(streamed, response(200)), Time(), on_decision=events.append)
    assert body.read is read
    assert body.closed
    assert events[0].decision.reason == ("error_type" if read else "status")


@pytest.mark.parametrize("headers", [LENGTH, {}], ids=str)
def test_a_body_that_is_given_back_can_still_be_read(headers: Any) -> None:
    streamed = httpx.Response(403, headers=headers, stream=Body())
    policy = policy_like_tessera(retries=0)
    assert run_sync(Script(streamed), Time(), policy=policy) is streamed
    assert streamed.read() == ERROR


def test_a_body_that_does_not_come_is_decided_without(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_response, "MOST_SECONDS", 0.01)
    body, events = StalledBody(), []
    streamed = httpx.Response(503, headers=LENGTH, stream=body)
    run(Script(streamed, response(200)), Time(), on_decision=events.append)
    assert events[0].decision.reason == "status"
    assert body.closed


def test_no_body_is_read_for_a_policy_that_reads_none(run: Any) -> None:
    rule = {"status": [503], "verdict": "retry", "class": "unavailable"}
    body = Body()
    streamed = httpx.Response(503, headers=LENGTH, stream=body)
    run(Script(streamed, response(200)), Time(), policy=policy_like_tessera(rules=[rule]))
    assert not body.read
    assert body.closed


def test_the_bodies_of_requests_and_urllib3_are_read() -> None:
    def unread() -> urllib3.HTTPResponse:
        return urllib3.HTTPResponse(BytesIO(ERROR), LENGTH, 503, preload_content=False)

    in_memory = urllib3.HTTPResponse(ERROR, status=503)
    streamed = requests.Response()
    streamed.status_code, streamed.raw = 503, unread()
    streamed.headers.update(LENGTH)
    events: list[holdoff.DecisionEvent] = []
    script = Script(in_memory, unread(), streamed, response(200))
    run_sync(script, Time(), on_decision=events.append)
    assert [event.decision.reason for event in events] == ["error_type"] * 3


def test_a_body_that_only_a_synchronous_client_can_read_is_left_alone_in_aretry() -> None:
    outcome = urllib3.HTTPResponse(BytesIO(ERROR), LENGTH, 403, preload_content=False)
    assert run_in_asyncio(Script(outcome), Time()) is outcome
    assert outcome.data == ERROR


def test_a_response_of_a_synchronous_client_serves_in_aretry() -> None:
    outcome = requests.Response()
    outcome.status_code, outcome.raw = 503, BytesIO(ERROR)
    assert outcome.content == ERROR  # requests has it in memory now
    events: list[holdoff.DecisionEvent] = []
    script = Script(outcome, response(200))
    in_asyncio(
        lambda: holdoff.aretry(
            script.awaited, policy=POLICY, sleep=Time().asleep, on_decision=events.append
        )
    )
    assert [event.decision.reason for event in events] == ["error_type"]
