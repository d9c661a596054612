"""The clients of OpenAI and Anthropic with a transport that retries."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import anthropic
import openai
import pytest

import holdoff
from clients import QUICK
from conftest import Server, serving
from holdoff.httpx2 import AsyncRetryTransport, RetryTransport
from holdoff.retrying import say_once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openai.types.chat import ChatCompletionUserMessageParam

MESSAGES: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def faults() -> Iterator[str]:
    with serving(Path(__file__).parent / "adapters.json") as address:
        yield address


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    transport = RetryTransport(policy=QUICK, idempotent=True)
    http_client = openai.DefaultHttpx2Client(transport=transport)
    with openai.OpenAI(
        base_url=server.url("/v1"), api_key="sk", max_retries=0, http_client=http_client
    ) as client:
        yield client


def test_openai_gets_its_answer(client: openai.OpenAI, server: Server) -> None:
    assert client.timeout == openai.Timeout(timeout=600, connect=5)
    completion = client.chat.completions.create(model="m", messages=MESSAGES)
    assert completion.choices[0].message.content == "Hello"
    first, second, third = server.requests("/v1/chat/completions")
    assert second["at_ms"] - first["at_ms"] >= 200
    assert first["body_sha256"] == second["body_sha256"] == third["body_sha256"]


def test_openai_streams(client: openai.OpenAI, server: Server) -> None:
    client.base_url = server.url("/streaming")
    with client.chat.completions.create(model="m", messages=MESSAGES, stream=True) as stream:
        text = [chunk.choices[0].delta.content for chunk in stream]
    assert text == ["Hel", "lo"]
    assert len(server.requests("/streaming/chat/completions")) == 2


def test_openai_raises_what_it_always_does(client: openai.OpenAI, server: Server) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        client.post("/../failing", cast_to=object)
    decision = holdoff.decision_of(caught.value)
    assert decision is not None
    assert decision.reason == "retries_exhausted"
    assert len(server.requests("/v1/../failing")) + len(server.requests("/failing")) == 3

    with pytest.raises(openai.APIConnectionError) as lost:
        client.with_options(base_url="http://127.0.0.1:1").models.list()
    decision = holdoff.decision_of(lost.value)
    assert decision is not None
    assert decision.class_ == "transport"


def test_openai_asynchronous(server: Server) -> None:
    async def main() -> str | None:
        http_client = openai.DefaultAsyncHttpx2Client(transport=AsyncRetryTransport(policy=QUICK))
        async with openai.AsyncOpenAI(
            base_url=server.url("/streaming"),
            api_key="sk",
            max_retries=0,
            http_client=http_client,
        ) as client:
            stream = await client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert asyncio.run(main()) == "Hello"
    assert len(server.requests("/streaming/chat/completions")) == 2


def test_retries_of_openai_itself_are_noticed_once(
    client: openai.OpenAI, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    say_once.cache_clear()
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            client.with_options(max_retries=1, base_url=server.url("")).post(
                "/failing", cast_to=object
            )
    assert caplog.text.count("a retry inside a retry") == 1
    assert "`max_retries=0`" in caplog.text
    assert len(server.requests("/failing")) == 2 * 2 * 3


def test_anthropic_gets_its_answer(server: Server) -> None:
    http_client = anthropic.DefaultHttpxClient(transport=RetryTransport(policy=QUICK))
    with anthropic.Anthropic(
        base_url=server.url(""), api_key="sk", max_retries=0, http_client=http_client
    ) as client:
        message = client.messages.create(
            model="m", max_tokens=10, messages=[{"role": "user", "content": "Hello"}]
        )
    assert message.content[0].type == "text"
    assert message.content[0].text == "Hello"
    assert len(server.requests("/v1/messages")) == 2
