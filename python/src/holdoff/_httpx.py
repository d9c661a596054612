"""What the transports of `holdoff.httpx` and `holdoff.httpx2` do, with either of the libraries."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from holdoff import _event_loop
from holdoff._adapter import Adapter
from holdoff._response import MOST_SECONDS
from holdoff.retrying import aretry, retry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from holdoff._adapter import AdapterCall, AdapterOptions, Beginning
    from holdoff._call import Answer


class Sender:
    """Sends requests by a transport, until they succeed or the call ends."""

    def __init__(
        self,
        httpx: Any,
        transport: Any,
        sleep: Callable[[float], object],
        options: AdapterOptions,
    ) -> None:
        """Take the library, one of its transports, and the options."""
        self._httpx = httpx
        self._transport = transport
        self._sleep = sleep
        self._adapter = Adapter(httpx.TransportError, **options)

    def send(self, request: Any) -> Any:
        """Send one request."""
        call = _begun(self._adapter, request)
        rewind = _rewinder(request.stream)

        def send(attempt: int) -> Answer:
            if attempt:
                rewind()
            with call.attempt(attempt) as headers:
                copy = _copied(self._httpx, request, headers)
                timeouts = _Timeouts(call, request.extensions.get("timeout", {}))
                copy.extensions["timeout"] = timeouts
                return self._look(call, self._transport.handle_request(copy))

        with call:
            return call.outcome(retry(send, policy=call.policy, sleep=self._sleep, **call.options))

    def _look(self, call: AdapterCall, response: Any) -> Answer:
        beginning = call.beginning(response.status_code, response.headers)
        if beginning.most:
            rest = iter(response.stream)
            response.stream = _rest_of_body(self._httpx)(beginning, response.stream, rest)
            try:
                for chunk in rest:
                    if call.is_too_late:
                        raise _too_late(self._httpx)
                    if beginning.take(chunk):
                        break
            except self._httpx.HTTPError as error:
                if failed := beginning.broke_off(error):
                    response.close()
                    return failed
        return _answer(self._httpx, call, response, beginning)


class AsyncSender:
    """The same with an asynchronous transport."""

    def __init__(
        self,
        httpx: Any,
        transport: Any,
        sleep: Callable[[float], Awaitable[object]],
        options: AdapterOptions,
    ) -> None:
        """Take the library, one of its asynchronous transports, and the options."""
        self._httpx = httpx
        self._transport = transport
        self._sleep = sleep
        self._adapter = Adapter(httpx.TransportError, **options)

    async def send(self, request: Any) -> Any:
        """Send one request."""
        call = _begun(self._adapter, request)
        rewind = _rewinder(request.stream)

        async def send(attempt: int) -> Answer:
            if attempt:
                rewind()
            with call.attempt(attempt) as headers:
                copy = _copied(self._httpx, request, headers)

                async def exchange() -> Answer:
                    return await self._look(call, await self._transport.handle_async_request(copy))

                seconds = call.seconds_left()
                if seconds is None:
                    return await exchange()
                answer = await _event_loop.within(seconds, exchange)
                if answer is None:
                    raise _too_late(self._httpx)
                return answer

        with call:
            return call.outcome(
                await aretry(send, policy=call.policy, sleep=self._sleep, **call.options)
            )

    async def _look(self, call: AdapterCall, response: Any) -> Answer:
        beginning = call.beginning(response.status_code, response.headers)
        if beginning.most:
            rest = aiter(response.stream)
            response.stream = _rest_of_body(self._httpx)(beginning, response.stream, rest)

            async def read() -> bool:
                async for chunk in rest:
                    if beginning.take(chunk):
                        break
                return True

            try:
                if beginning.status < 400:
                    await read()
                elif not await _event_loop.within(MOST_SECONDS, read):
                    raise _too_late(self._httpx)
            except self._httpx.HTTPError as error:
                if failed := beginning.broke_off(error):
                    await response.aclose()
                    return failed
        return _answer(self._httpx, call, response, beginning)


def _begun(adapter: Adapter, request: Any) -> AdapterCall:
    return adapter.call(
        request.method,
        str(request.url),
        request.headers,
        _is_replayable(request.stream),
        **request.extensions.get("holdoff", {}),
    )


class _Timeouts(dict[str, Any]):
    """Time limits that never go beyond the call's deadline.

    The connection asks for one before each of its phases, so each gets what is left by then.
    """

    def __init__(self, call: AdapterCall, own: dict[str, Any]) -> None:
        super().__init__(own)
        self._call = call

    def get(self, key: str, default: Any = None) -> Any:
        return self._call.seconds_left(super().get(key, default))


def _copied(httpx: Any, request: Any, headers: dict[str, str]) -> Any:
    """Copy the request for one attempt."""
    copy = httpx.Request(
        request.method,
        request.url,
        headers=request.headers,
        stream=request.stream,
        extensions=dict(request.extensions),
    )
    copy.headers.update(headers)
    return copy


def _is_replayable(stream: Any) -> bool:
    """Whether this body of a request can be sent twice. Only private names of httpx tell it."""
    if hasattr(stream, "fields"):  # multipart, which rewinds its files
        files = (getattr(field, "file", b"") for field in stream.fields)
        return all(isinstance(file, (bytes, str)) or _can_rewind(file) for file in files)
    content = getattr(stream, "_stream", None)
    return isinstance(content, (bytes, list, tuple)) or _can_rewind(content)


def _rewinder(stream: Any) -> Callable[[], object]:
    """Make a function that has the body of a request begin anew."""
    content: Any = getattr(stream, "_stream", None)
    if not _can_rewind(content):
        return lambda: None
    start = content.tell()
    return lambda: content.seek(start)


def _can_rewind(file: Any) -> bool:
    # The methods of an asynchronous file would have to be awaited.
    is_asynchronous = hasattr(file, "__aiter__")
    return bool(not is_asynchronous and hasattr(file, "seekable") and file.seekable())


def _too_late(httpx: Any) -> Exception:
    timeout: Exception = httpx.ReadTimeout("no time is left for the response")
    return timeout


def _answer(httpx: Any, call: AdapterCall, response: Any, beginning: Beginning) -> Answer:
    body = b"".join(beginning.chunks)
    if beginning.is_looked_at and "content-encoding" in response.headers:
        try:
            body = httpx.Response(200, headers=response.headers, content=body).content
        except httpx.DecodingError:  # as where not all of it came
            body = b""
    return call.answer(response, response.headers, beginning, body)


@cache
def _rest_of_body(httpx: Any) -> Any:
    """Make the class whose instances the clients of this library take for a body."""

    class RestOfBody(httpx.SyncByteStream, httpx.AsyncByteStream):  # type: ignore[misc]
        """The whole body, where its beginning was read already."""

        def __init__(self, beginning: Beginning, stream: Any, rest: Any) -> None:
            self._beginning = beginning
            self._stream = stream
            self._rest = rest

        def __iter__(self) -> Iterator[bytes]:
            yield from self._beginning.chunks
            if self._beginning.error is not None:
                raise self._beginning.error
            yield from self._rest

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for chunk in self._beginning.chunks:
                yield chunk
            if self._beginning.error is not None:
                raise self._beginning.error
            async for chunk in self._rest:
                yield chunk

        def close(self) -> None:
            self._stream.close()

        async def aclose(self) -> None:
            # Trio complains of asynchronous generators that nobody closes.
            if hasattr(self._rest, "aclose"):
                await self._rest.aclose()
            await self._stream.aclose()

    return RestOfBody
