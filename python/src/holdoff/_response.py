"""What `retry` does with the response objects of HTTP clients.

They are recognised by their attributes, so that no client has to be imported.
"""

from __future__ import annotations

from contextlib import suppress
from inspect import iscoroutinefunction
from typing import Any

from holdoff import _event_loop
from holdoff._codes import MAX_BODY_BYTES
from holdoff._request import MOST_METHOD_BYTES

MOST_SECONDS = 2
"""How long an asynchronous client may take to read the body of an error. A synchronous client has
only its own time limits."""


def status_of(response: Any) -> int | None:
    """Tell the HTTP status, or `None` where this is no response."""
    for name in ("status_code", "status"):  # httpx and requests; urllib3 and aiohttp
        status = getattr(response, name, None)
        if isinstance(status, int) and 100 <= status <= 999:
            return status
    return None


def is_error(response: Any) -> bool:
    """Whether this is a response that tells of an error."""
    status = status_of(response)
    return status is not None and status >= 400


def response_of(error: Exception) -> Any | None:
    """Find the response that made a client raise, as `raise_for_status` does."""
    candidates = (getattr(error, "response", None), error)
    return next((response for response in candidates if is_error(response)), None)


def method_of(outcome: Any) -> str | None:
    """Tell the method of the request behind a response or exception, if the client tells it."""
    # What a redirect led to may have another method than what was sent first and would be again.
    for response in getattr(outcome, "history", None) or ():
        outcome = response
        break
    with suppress(Exception):  # httpx raises where there is no request
        request = getattr(outcome, "request", None) or outcome.request_info  # aiohttp
        if isinstance(request.method, str) and len(request.method.encode()) <= MOST_METHOD_BYTES:
            return request.method
    return None


def endpoint_of(outcome: Any) -> str | None:
    """Tell the URL of the request behind a response or exception, if the client tells it."""
    with suppress(Exception):  # httpx raises where there is no request
        request = getattr(outcome, "request", None) or outcome.request_info  # aiohttp
        return str(request.url)
    return None


def read_body(response: Any) -> bytes | None:
    """Read the body so that it stays readable; not one that is long or of unknown length."""
    body = _received_body(response)
    # What fails here says nothing of the failure that is to be decided on.
    with suppress(Exception):
        if body is None and _is_short(response):
            if hasattr(response, "is_stream_consumed"):  # httpx
                body = response.read()
            elif hasattr(response, "iter_content"):  # requests
                body = response.content
            elif hasattr(response, "drain_conn"):  # urllib3
                body = response.data
    return body


async def aread_body(response: Any) -> bytes | None:
    """Read the body as `read_body` does, with an asynchronous client."""
    body = _received_body(response)
    read = getattr(response, "aread", None) or getattr(response, "read", None)  # httpx; aiohttp
    with suppress(Exception):
        if body is None and iscoroutinefunction(read) and _is_short(response):
            body = await _event_loop.within(MOST_SECONDS, read)
    return body


def close(response: Any) -> None:
    """Give the connection back, whatever of the body is still on its way."""
    with suppress(Exception):
        response.close()


async def aclose(response: Any) -> None:
    """Give the connection of an asynchronous client back."""
    with suppress(Exception):
        if hasattr(response, "aclose"):  # httpx
            await response.aclose()
        else:  # aiohttp
            response.close()


def _received_body(response: Any) -> bytes | None:
    """The body, if the client has it in memory."""
    body = getattr(response, "_body", None)  # urllib3 and aiohttp, which have no public way to ask
    if body is None and getattr(response, "_content_consumed", True):  # the same for requests
        with suppress(Exception):  # httpx raises where the body was not read
            body = getattr(response, "content", None)
    return body if isinstance(body, bytes) else None


def _is_short(response: Any) -> bool:
    length = getattr(response, "headers", {}).get("content-length", "")
    return length.isdecimal() and int(length) <= MAX_BODY_BYTES
