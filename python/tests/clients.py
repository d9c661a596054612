"""The clients that have adapters, each as one function that sends one request."""

from __future__ import annotations

import asyncio
import io
import json
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
import httpx
import httpx2
import requests
import trio

import holdoff
from holdoff.aiohttp import RetryMiddleware
from holdoff.httpx import AsyncRetryTransport, RetryTransport
from holdoff.httpx2 import AsyncRetryTransport as AsyncRetryTransport2
from holdoff.httpx2 import RetryTransport as RetryTransport2
from holdoff.requests import RetryAdapter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

RECOMMENDED: dict[str, Any] = json.loads(holdoff.Policy.recommended().to_json())


def quick(**other: Any) -> holdoff.Policy:
    """The recommended policy with waits of a few milliseconds, and other values for some fields."""
    backoff = RECOMMENDED["backoff"] | {"base_ms": 1, "cap_ms": 1, "min_ms": 1}
    document = RECOMMENDED | {"name": "quick", "retries": 2, "backoff": backoff}
    del document["upstream"]
    return holdoff.Policy(document | other)


QUICK = quick()

EXCEPTIONS = (httpx.HTTPError, httpx2.HTTPError, requests.RequestException, aiohttp.ClientError)
"""What the clients raise."""


class Sent(NamedTuple):
    """What came back: the client's response, and its body."""

    response: Any
    status: int
    body: bytes


PAYLOAD = b'{"a": 1}'


def by_httpx(url: str, method: str = "POST", body: Any = PAYLOAD, **options: Any) -> Sent:
    headers = options.pop("headers", None)
    with httpx.Client(transport=RetryTransport(**options), timeout=3) as client:
        response = client.request(method, url, content=body, headers=headers)
        return Sent(response, response.status_code, response.content)


def by_httpx2(url: str, method: str = "POST", body: Any = PAYLOAD, **options: Any) -> Sent:
    headers = options.pop("headers", None)
    with httpx2.Client(transport=RetryTransport2(**options), timeout=3) as client:
        response = client.request(method, url, content=body, headers=headers)
        return Sent(response, response.status_code, response.content)


def by_requests(url: str, method: str = "POST", body: Any = PAYLOAD, **options: Any) -> Sent:
    headers = options.pop("headers", None)
    with requests.Session() as session:
        session.mount("http://", RetryAdapter(**options))
        response = session.request(method, url, data=body, headers=headers, timeout=3)
        return Sent(response, response.status_code, response.content)


async def in_httpx(url: str, method: str = "POST", body: Any = PAYLOAD, **options: Any) -> Sent:
    headers = options.pop("headers", None)
    async with httpx.AsyncClient(transport=AsyncRetryTransport(**options), timeout=3) as client:
        response = await client.request(method, url, content=_asynchronous(body), headers=headers)
        return Sent(response, response.status_code, response.content)


async def in_httpx2(url: str, method: str = "POST", body: Any = PAYLOAD, **options: Any) -> Sent:
    headers = options.pop("headers", None)
    async with httpx2.AsyncClient(transport=AsyncRetryTransport2(**options), timeout=3) as client:
        response = await client.request(method, url, content=_asynchronous(body), headers=headers)
        return Sent(response, response.status_code, response.content)


async def in_aiohttp(url: str, method: str = "POST", body: Any = PAYLOAD, **options: Any) -> Sent:
    headers = options.pop("headers", None)
    if isinstance(body, bytes):
        body = io.BytesIO(body)  # It warns of long bytes.
    timeout = aiohttp.ClientTimeout(sock_read=3)
    async with (
        aiohttp.ClientSession(middlewares=[RetryMiddleware(**options)], timeout=timeout) as session,
        session.request(method, url, data=_asynchronous(body), headers=headers) as response,
    ):
        return Sent(response, response.status, await response.read())


def by_httpx_in_asyncio(url: str, *arguments: Any, **options: Any) -> Sent:
    return asyncio.run(in_httpx(url, *arguments, **options))


def by_httpx2_in_trio(url: str, *arguments: Any, **options: Any) -> Sent:
    return trio.run(partial(in_httpx2, url, *arguments, **options))


def by_aiohttp(url: str, *arguments: Any, **options: Any) -> Sent:
    return asyncio.run(in_aiohttp(url, *arguments, **options))


CLIENTS: dict[str, Callable[..., Sent]] = {
    "httpx": by_httpx,
    "httpx2": by_httpx2,
    "requests": by_requests,
    "httpx-asyncio": by_httpx_in_asyncio,
    "httpx2-trio": by_httpx2_in_trio,
    "aiohttp": by_aiohttp,
}


def _asynchronous(body: Any) -> Any:
    """An iterator as an asynchronous one; anything else as it is."""
    if not hasattr(body, "__next__") or hasattr(body, "read"):
        return body

    async def chunks(iterator: Iterator[bytes]) -> AsyncIterator[bytes]:
        for chunk in iterator:
            yield chunk

    return chunks(body)
