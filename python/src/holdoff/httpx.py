"""Transports that retry, for the clients of httpx and what is built on them.

    import httpx
    from holdoff.httpx import RetryTransport

    client = httpx.Client(transport=RetryTransport())

`openai` and `anthropic` are built on httpx2 by now: see `holdoff.httpx2`.

One request can have options of its own, the fields of `AdapterOptions`:

    client.post(url, json=order, extensions={"holdoff": {"idempotent": True, "deadline_ms": 5000}})

A body that can be sent only once, as a generator's, is not sent again: the call ends with the
reason `"not_replayable"`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx

from holdoff import _event_loop
from holdoff._adapter import AdapterOptions
from holdoff._httpx import AsyncSender, Sender

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from typing_extensions import Unpack

__all__ = ["AdapterOptions", "AsyncRetryTransport", "RetryTransport"]


class RetryTransport(httpx.BaseTransport):
    """A transport that sends its requests by another one, until they succeed or the call ends.

    The client gets the last response or exception, as it came; `holdoff.decision_of` tells the
    decision. A call of which nothing was sent raises a `holdoff.HeldBackError`, which is an error
    of the client's own kind, too.
    The client's own time limits hold for each attempt. With a `transport`, a client makes nothing
    of its `limits` and of the proxies of the environment: give them to the transport to wrap.
    """

    def __init__(
        self,
        transport: httpx.BaseTransport | None = None,
        *,
        sleep: Callable[[float], object] = time.sleep,
        **options: Unpack[AdapterOptions],
    ) -> None:
        """Wrap a transport, or else `httpx.HTTPTransport()`; `sleep` waits for so many seconds."""
        transport = httpx.HTTPTransport() if transport is None else transport
        self._transport = transport
        self._sender = Sender(httpx, transport, sleep, options)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and send it again."""
        response: httpx.Response = self._sender.send(request)
        return response

    def close(self) -> None:
        """Close the transport that this one wraps."""
        self._transport.close()


class AsyncRetryTransport(httpx.AsyncBaseTransport):
    """The same for `httpx.AsyncClient`, in asyncio and trio.

    Cancelling a call ends a wait at once.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        sleep: Callable[[float], Awaitable[object]] = _event_loop.sleep,
        **options: Unpack[AdapterOptions],
    ) -> None:
        """Wrap a transport, or else `httpx.AsyncHTTPTransport()`."""
        transport = httpx.AsyncHTTPTransport() if transport is None else transport
        self._transport = transport
        self._sender = AsyncSender(httpx, transport, sleep, options)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and send it again."""
        response: httpx.Response = await self._sender.send(request)
        return response

    async def aclose(self) -> None:
        """Close the transport that this one wraps."""
        await self._transport.aclose()
