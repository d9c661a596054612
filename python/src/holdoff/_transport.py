"""Which transport failure an exception of an HTTP client stands for.

Exceptions are recognised by the names of their classes, so that no client has to be imported. An
exception that is in no table is not a transport failure.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, TypeAlias

from holdoff._codes import Phase, TransportKind

if TYPE_CHECKING:
    from collections.abc import Iterator

TransportFailure: TypeAlias = tuple[TransportKind, Phase | None]
"""The kind, and the phase where it is not the one that is usual for the kind."""

_FAILURES: dict[str, TransportFailure] = {
    # Not BrokenPipeError: that may as well be the program's own standard output.
    "builtins.ConnectionAbortedError": ("reset", None),
    "builtins.ConnectionRefusedError": ("connect", None),
    "builtins.ConnectionResetError": ("reset", None),
    "builtins.TimeoutError": ("timeout", None),
    "asyncio.TimeoutError": ("timeout", None),  # a class of its own in Python 3.10
    "trio.TooSlowError": ("timeout", None),
    "socket.gaierror": ("dns", None),
    "ssl.SSLEOFError": ("reset", None),
    "ssl.SSLError": ("tls", None),
    "http.BadStatusLine": ("protocol", None),
    "http.IncompleteRead": ("reset", "body"),
    "http.LineTooLong": ("protocol", None),
    # httpx, and httpx2, which has the same names; so have httpcore and httpcore2.
    "httpx.ConnectTimeout": ("timeout", "connect"),
    "httpx.NetworkError": ("reset", None),
    "httpx.PoolTimeout": ("timeout", "connect"),
    "httpx.ProxyError": ("connect", None),
    "httpx.RemoteProtocolError": ("protocol", None),
    "httpx.TimeoutException": ("timeout", None),
    "requests.ChunkedEncodingError": ("reset", "body"),
    "requests.ConnectTimeout": ("timeout", "connect"),
    "requests.Timeout": ("timeout", None),
    "urllib3.ConnectTimeoutError": ("timeout", "connect"),
    "urllib3.NameResolutionError": ("dns", None),
    "urllib3.NewConnectionError": ("connect", None),
    "urllib3.TimeoutError": ("timeout", None),
    "aiohttp.ClientConnectorDNSError": ("dns", None),
    "aiohttp.ClientOSError": ("reset", None),
    "aiohttp.ClientPayloadError": ("reset", "body"),
    "aiohttp.ConnectionTimeoutError": ("timeout", "connect"),
    "aiohttp.HttpProcessingError": ("protocol", None),
    "aiohttp.ServerDisconnectedError": ("reset", None),
}

_WRAPPERS: dict[str, TransportFailure | None] = {
    # What they wrap says more than they do; without it, they stand for this.
    "httpcore.ConnectError": ("connect", "connect"),
    "httpx.ConnectError": ("connect", "connect"),
    "requests.ConnectionError": ("reset", None),
    "requests.ProxyError": ("connect", "connect"),
    "requests.SSLError": ("tls", None),
    "urllib.URLError": None,
    "urllib3.MaxRetryError": None,
    "urllib3.ProtocolError": ("protocol", None),
    "urllib3.ProxyError": ("connect", "connect"),
    "urllib3.SSLError": ("tls", None),
    "aiohttp.ClientConnectorError": ("connect", "connect"),
}

_UNREACHABLE = {errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH}

_MOST_WRAPPINGS = 10
"""Where exceptions that were made to cause each other end."""


def transport_failure(
    error: BaseException, wrappings: int = _MOST_WRAPPINGS
) -> TransportFailure | None:
    """Tell the transport failure that an exception stands for, or `None` if it stands for none."""
    own: TransportFailure | None = None
    wrapped: Iterator[BaseException] = iter([error.__cause__] if error.__cause__ else [])
    for name in _class_names(error):
        if name in _FAILURES:
            return _FAILURES[name]
        if name in _WRAPPERS:
            own, wrapped = _WRAPPERS[name], _wrapped(error)
            break
    if isinstance(error, OSError) and error.errno in _UNREACHABLE:
        return "connect", None
    if wrappings:
        for inner in wrapped:
            if found := transport_failure(inner, wrappings - 1):
                kind, phase = found
                return kind, own[1] if own and own[1] else phase
    return own


def _class_names(error: BaseException) -> Iterator[str]:
    for kind in type(error).__mro__:
        package = kind.__module__.partition(".")[0]
        yield f"{package.removesuffix('2')}.{kind.__name__}"


def _wrapped(error: BaseException) -> Iterator[BaseException]:
    for inner in (error.__cause__, getattr(error, "reason", None), *error.args):
        if isinstance(inner, BaseException):
            yield inner
