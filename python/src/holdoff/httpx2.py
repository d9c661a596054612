"""Transports that retry, for the clients of httpx2 and what is built on them.

    import httpx2
    from holdoff.httpx2 import RetryTransport

    client = httpx2.Client(transport=RetryTransport())

The clients of OpenAI and Anthropic take it, with their own retries off:

    openai.OpenAI(
        max_retries=0, http_client=openai.DefaultHttpx2Client(transport=RetryTransport())
    )
    anthropic.Anthropic(
        max_retries=0, http_client=anthropic.DefaultHttpxClient(transport=RetryTransport())
    )

One request can have options of its own, the fields of `AdapterOptions`:

    client.post(url, json=order, extensions={"holdoff": {"idempotent": True, "deadline_ms": 5000}})

A body that can be sent only once, as a generator's, is not sent again: the call ends with the
reason `"not_replayable"`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx2

from holdoff import _event_loop
from holdoff._adapter import AdapterOptions
from holdoff._httpx import AsyncSender, Sender

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from typing_extensions import Unpack

__all__ = ["AdapterOptions", "AsyncRetryTransport", "RetryTransport"]


class RetryTransport(httpx2.BaseTransport):
    """A transport that sends its requests by another one, until they succeed or the call ends.

    The client gets the last response or exception, as it came; `holdoff.decision_of` tells the
    decision. A call of which nothing was sent raises a `holdoff.HeldBackError`, which is an error
    of the client's own kind, too.
    The client's own time limits hold for each attempt. With a `transport`, a client makes nothing
    of its `limits` and of the proxies of the environment: give them to the transport to wrap.
    """

    def __init__(
        self,
        transport: httpx2.BaseTransport | None = None,
        *,
        sleep: Callable[[float], object] = time.sleep,
        **options: Unpack[AdapterOptions],
    ) -> None:
        """Wrap a transport, or else `httpx2.HTTPTransport()`; `sleep` waits for so many seconds."""
        transport = httpx2.HTTPTransport() if transport is None else transport
        self._transport = transport
        self._sender = Sender(httpx2, transport, sleep, options)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, and send it again."""
        response: httpx2.Response = self._sender.send(request)
        return response

    def close(self) -> None:
        """Close the transport that this one wraps."""
        self._transport.close()


class AsyncRetryTransport(httpx2.AsyncBaseTransport):
    """The same for `httpx2.AsyncClient`, in asyncio and trio.

    Cancelling a call ends a wait at once.
    """

    def __init__(
        self,
        transport: httpx2.AsyncBaseTransport | None = None,
        *,
        sleep: Callable[[float], Awaitable[object]] = _event_loop.sleep,
        **options: Unpack[AdapterOptions],
    ) -> None:
        """Wrap a transport, or else `httpx2.AsyncHTTPTransport()`."""
        transport = httpx2.AsyncHTTPTransport() if transport is None else transport
        self._transport = transport
        self._sender = AsyncSender(httpx2, transport, sleep, options)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, and send it again."""
        response: httpx2.Response = await self._sender.send(request)
        return response

    async def aclose(self) -> None:
        """Close the transport that this one wraps."""
        await self._transport.aclose()
