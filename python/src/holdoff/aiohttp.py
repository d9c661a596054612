"""A middleware of aiohttp's client that retries.

    import aiohttp
    from holdoff.aiohttp import RetryMiddleware

    session = aiohttp.ClientSession(middlewares=[RetryMiddleware()])

One request can have a middleware with options of its own: `session.get(url, middlewares=[...])`.

A body that can be sent only once, as an asynchronous generator's, is not sent again: the call ends
with the reason `"not_replayable"`.
"""

from __future__ import annotations

import asyncio
import warnings
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import aiohttp

from holdoff import _event_loop
from holdoff._adapter import Adapter, AdapterOptions
from holdoff._response import MOST_SECONDS
from holdoff.retrying import aretry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
    from typing_extensions import Unpack

    from holdoff._adapter import AdapterCall, Beginning
    from holdoff._call import Answer

__all__ = ["AdapterOptions", "RetryMiddleware"]


class RetryMiddleware:
    """A middleware that has its requests sent until they succeed or the call ends.

    The session gives the last response or exception, as it came; `holdoff.decision_of` tells the
    decision. A call of which nothing was sent raises a `holdoff.HeldBackError`, which is an error
    of the client's own kind, too.
    Cancelling a call ends a wait at once. The `total` of a `ClientTimeout` spans all attempts and
    waits, its other limits hold for each attempt. aiohttp's own second try of requests with
    idempotent methods is prevented.
    """

    def __init__(
        self,
        *,
        sleep: Callable[[float], Awaitable[object]] = _event_loop.sleep,
        **options: Unpack[AdapterOptions],
    ) -> None:
        """Take the options; `sleep` waits for so many seconds."""
        self._sleep = sleep
        self._adapter = Adapter(aiohttp.ClientError, **options)

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send a request, and send it again."""
        _raise_again(request)

        def is_replayable() -> bool:
            body: Any = request.body
            # Before aiohttp 3.14.4, an iterator that was sent in part is not `consumed`.
            is_iterator = isinstance(body, aiohttp.AsyncIterablePayload)
            return isinstance(body, bytes) or not (is_iterator or getattr(body, "consumed", True))

        call = self._adapter.call(request.method, str(request.url), request.headers, is_replayable)

        async def send(attempt: int) -> Answer:
            async def exchange() -> Answer:
                try:
                    return await _look(call, request, await handler(request))
                except asyncio.TimeoutError as error:
                    if _is_out_of_time(request):
                        # The session's own timer makes of this what it always does.
                        raise asyncio.CancelledError from error
                    raise

            with call.attempt(attempt) as headers:
                request.headers.update(headers)
                seconds = call.seconds_left()
                if seconds is None:
                    return await exchange()
                answer = await _event_loop.within(seconds, exchange)
                if answer is None:
                    message = "no time is left for the response"
                    raise aiohttp.ServerTimeoutError(message)
                return answer

        with call:
            try:
                response: ClientResponse = call.outcome(
                    await aretry(send, policy=call.policy, sleep=self._sleep, **call.options)
                )
            except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
                _given_up.set((request, error))
                raise
            return response


_given_up: ContextVar[tuple[ClientRequest, Exception] | None] = ContextVar(
    "holdoff_aiohttp_given_up", default=None
)


def _raise_again(request: ClientRequest) -> None:
    """Give up for good.

    After these exceptions, `ClientSession` sends a request with an idempotent method once more
    through all middlewares. Only a private attribute of the session prevents that; but the two
    requests share the timer of the call.
    """
    given_up = _given_up.get()
    if given_up is None:
        return
    _given_up.set(None)
    before, error = given_up
    timer = getattr(request, "_timer", None)
    if timer is not None and timer is getattr(before, "_timer", None):
        raise error


def _is_out_of_time(request: ClientRequest) -> bool:
    """Whether the `total` of the call has passed. Only a private attribute tells it."""
    return bool(getattr(getattr(request, "_timer", None), "_cancelled", False))


async def _look(call: AdapterCall, request: ClientRequest, response: ClientResponse) -> Answer:
    """Read the beginning of the body, and put it back."""
    beginning = call.beginning(response.status, response.headers)
    if beginning.most:
        try:
            if beginning.status < 400:
                await _read(response, beginning)
            else:
                await _event_loop.within(MOST_SECONDS, lambda: _read(response, beginning))
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            if _is_out_of_time(request):
                response.close()
                raise
            if failed := beginning.broke_off(error):
                response.close()
                return failed
        except BaseException:  # as when the call is cancelled
            response.close()
            raise
        _put_back(response, b"".join(beginning.chunks))
    return call.answer(response, response.headers, beginning, b"".join(beginning.chunks))


async def _read(response: ClientResponse, beginning: Beginning) -> None:
    while chunk := await response.content.readany():
        if beginning.take(chunk):
            break


def _put_back(response: ClientResponse, body: bytes) -> None:
    with warnings.catch_warnings():
        # aiohttp has said since 2018 that it goes away, and has nothing in its place.
        warnings.simplefilter("ignore", DeprecationWarning)
        response.content.unread_data(body)
