"""An adapter of requests that retries.

    import requests
    from holdoff.requests import RetryAdapter

    session = requests.Session()
    session.mount("https://", RetryAdapter())

A body that can be sent only once, as a generator's, is not sent again: the call ends with the
reason `"not_replayable"`. A file is rewound.
"""

from __future__ import annotations

import time
from io import BytesIO
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse, Timeout
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError, SSLError

from holdoff._adapter import Adapter, AdapterOptions
from holdoff.retrying import retry

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from requests import PreparedRequest, Response
    from typing_extensions import Unpack

    from holdoff._adapter import AdapterCall, Beginning
    from holdoff._call import Answer

__all__ = ["AdapterOptions", "RetryAdapter"]

_MOST_AT_ONCE = 2**16


class RetryAdapter(HTTPAdapter):
    """An adapter that sends its requests until they succeed or the call ends.

    The session gives the last response or exception, as it came; `holdoff.decision_of` tells the
    decision. A call of which nothing was sent raises a `holdoff.HeldBackError`, which is an error
    of the client's own kind, too.
    The `timeout` of a request holds for each attempt. urllib3's own retries are off.
    """

    __attrs__ = [*HTTPAdapter.__attrs__, "_sleep", "_adapter"]  # noqa: RUF012

    def __init__(
        self,
        *,
        pool_connections: int = 10,
        pool_maxsize: int = 10,
        pool_block: bool = False,
        sleep: Callable[[float], object] = time.sleep,
        **options: Unpack[AdapterOptions],
    ) -> None:
        """Take the pool's options as `HTTPAdapter` does; `sleep` waits for so many seconds."""
        super().__init__(pool_connections, pool_maxsize, max_retries=0, pool_block=pool_block)
        self._sleep = sleep
        self._adapter = Adapter(requests.RequestException, **options)

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        """Send a request, and send it again."""
        start = _position(request.body)
        call = self._adapter.call(
            request.method or "", request.url or "", request.headers, start is not None
        )

        def send(attempt: int) -> Answer:
            if attempt and start:
                start()
            with call.attempt(attempt) as headers:
                copy = request.copy()
                copy.headers.update(headers)
                left = _timeout(call, timeout)
                response = super(RetryAdapter, self).send(copy, stream, left, verify, cert, proxies)
                response.request = request
                return _look(call, response)

        with call:
            response: Response = call.outcome(
                retry(send, policy=call.policy, sleep=self._sleep, **call.options)
            )
            return response


def _position(body: Any) -> Callable[[], object] | None:
    """Make a function that has a body begin anew, or `None` if it can be sent only once."""
    if body is None or isinstance(body, (bytes, str)):
        return lambda: None
    try:
        start = body.tell()
        if not body.seekable():
            return None
    except (AttributeError, OSError):
        return None
    return lambda: body.seek(start)


def _timeout(call: AdapterCall, own: Any) -> Any:
    """Shorten the limits of an attempt to what is left of the call's time."""
    left = call.seconds_left()
    if left is None:
        return own
    if isinstance(own, Timeout):
        limits = [limit for limit in (left, own.total) if isinstance(limit, (int, float))]
        return Timeout(total=min(limits), connect=own.connect_timeout, read=own._read)
    connect, read = own if isinstance(own, tuple) else (own, own)
    return Timeout(total=left, connect=connect, read=read)


def _look(call: AdapterCall, response: Any) -> Answer:
    """Read the beginning of the body, so that all of it can still be read from the response."""
    beginning = call.beginning(response.status_code, response.headers)
    if beginning.most:
        raw = response.raw
        response.raw = _Whole(raw, beginning, response.request.method)
        try:
            while chunk := raw.read1(_MOST_AT_ONCE, decode_content=False):
                if call.is_too_late:
                    raise ReadTimeoutError(raw._pool, raw.geturl(), "no time is left")
                if beginning.take(chunk):
                    break
        except HTTPError as error:
            if failed := beginning.broke_off(_of_requests(error, call.is_too_late)):
                response.close()
                return failed
            beginning.error = error  # requests makes its own of this one again.
    body = b"".join(beginning.chunks)
    coding = response.headers.get("content-encoding")
    if coding and beginning.is_looked_at:
        body = _decoded(body, coding)
    return call.answer(response, response.headers, beginning, body)


def _of_requests(error: HTTPError, is_too_late: bool) -> Exception:
    """Tell what requests raises where urllib3 raises this in the midst of a body."""
    if isinstance(error, ReadTimeoutError) and is_too_late:
        return requests.ReadTimeout(error)
    if isinstance(error, ProtocolError):
        return requests.exceptions.ChunkedEncodingError(error)
    if isinstance(error, SSLError):
        return requests.exceptions.SSLError(error)
    return requests.ConnectionError(error) if isinstance(error, ReadTimeoutError) else error


def _decoded(body: bytes, coding: str) -> bytes:
    coded = HTTPResponse(BytesIO(body), headers={"content-encoding": coding}, preload_content=False)
    try:
        return coded.read(decode_content=True)
    except HTTPError:  # as where not all of it came
        return b""


class _Whole(HTTPResponse):
    """The response of urllib3 with the whole body, where its beginning was read already."""

    def __init__(self, raw: HTTPResponse, beginning: Beginning, method: str | None) -> None:
        super().__init__(
            body=_Body(raw, beginning),  # type: ignore[arg-type]
            headers=raw.headers,
            status=raw.status,
            version=raw.version,
            version_string=raw.version_string,
            reason=raw.reason,
            preload_content=False,
            decode_content=raw.decode_content,
            original_response=raw._original_response,
            retries=raw.retries,
            enforce_content_length=raw.enforce_content_length,
            request_method=method,
            request_url=raw.geturl(),
        )
        self._raw = raw

    def stream(
        self, amt: int | None = 2**16, decode_content: bool | None = None
    ) -> Generator[bytes]:
        if not self.chunked:
            yield from super().stream(amt, decode_content)
            return
        # As they come, like the chunks of the original.
        while data := self.read1(amt, decode_content):
            yield data

    def release_conn(self) -> None:
        self._raw.release_conn()


class _Body:
    """What a body is read from: its beginning, then the rest."""

    def __init__(self, raw: HTTPResponse, beginning: Beginning) -> None:
        self._raw = raw
        self._beginning = beginning
        self._position = 0
        self.closed = False

    def read(self, amount: int | None = None) -> bytes:
        if amount is None:
            return b"".join(iter(self.read1, b""))
        return self._first(amount) or self._raw.read(amount, decode_content=False)

    def read1(self, amount: int | None = None) -> bytes:
        return self._first(amount) or self._raw.read1(amount, decode_content=False)

    def close(self) -> None:
        self.closed = True
        self._raw.close()

    def _first(self, amount: int | None) -> bytes:
        chunks = self._beginning.chunks
        if len(chunks) > 1:
            chunks[:] = [b"".join(chunks)]
        whole = chunks[0] if chunks else b""
        end = len(whole) if amount is None else self._position + amount
        part = whole[self._position : end]
        self._position += len(part)
        if not part and self._beginning.error is not None:
            raise self._beginning.error
        return part
