"""Real exceptions of real clients, and the transport failures that they stand for."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import ssl
import threading
import urllib.request
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import httpx2
import pytest
import requests
import urllib3

from holdoff._transport import transport_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOWHERE = "http://no-such-host.invalid/"


async def with_aiohttp(url: str) -> None:
    timeout = aiohttp.ClientTimeout(total=None, sock_read=0.1)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.post(url) as response:
        await response.read()


def with_urllib(url: str) -> None:
    with urllib.request.urlopen(url, timeout=0.1) as response:
        response.read()


def with_httpx_async(url: str) -> None:
    async def get() -> None:
        async with httpx.AsyncClient(timeout=0.1) as client:
            await client.get(url)

    asyncio.run(get())


CLIENTS: dict[str, Callable[[str], object]] = {
    "httpx": lambda url: httpx.get(url, timeout=0.1),
    "httpx async": with_httpx_async,
    "httpx2": lambda url: httpx2.get(url, timeout=0.1),
    "requests": lambda url: requests.get(url, timeout=0.1),
    "urllib3": lambda url: urllib3.request("GET", url, timeout=0.1, retries=False),
    "urllib3 with retries": lambda url: urllib3.request("GET", url, timeout=0.1, retries=0),
    "aiohttp": lambda url: asyncio.run(with_aiohttp(url)),
    "urllib": with_urllib,
}


@pytest.fixture
def refusing() -> str:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def garbling() -> Iterator[str]:
    """A server that answers with something that is neither HTTP nor TLS."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"127.0.0.1:{server.getsockname()[1]}"
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def failure(client: str, url: str) -> Any:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        CLIENTS[client](url)
    return transport_failure(caught.value)


@pytest.mark.parametrize("client", CLIENTS)
class TestClients:
    def test_an_unknown_host(self, client: str) -> None:
        kind, phase = failure(client, NOWHERE)
        assert (kind, phase or "connect") == ("dns", "connect")

    def test_a_refused_connection(self, client: str, refusing: str) -> None:
        kind, phase = failure(client, f"http://{refusing}/")
        assert (kind, phase or "connect") == ("connect", "connect")

    def test_a_handshake_that_fails(self, client: str, garbling: str) -> None:
        kind, phase = failure(client, f"https://{garbling}/")
        assert (kind, phase or "connect") == ("tls", "connect")

    def test_an_answer_that_is_not_http(self, client: str, garbling: str) -> None:
        kind, phase = failure(client, f"http://{garbling}/")
        assert (kind, phase or "sent") == ("protocol", "sent")

    def test_no_answer(self, client: str, server: Any) -> None:
        kind, phase = failure(client, server.url("/hanging"))
        assert (kind, phase or "sent") == ("timeout", "sent")

    def test_a_reset(self, client: str, server: Any) -> None:
        kind, phase = failure(client, server.url("/reset"))
        assert (kind, phase or "sent") == ("reset", "sent")

    def test_a_connection_closed_without_an_answer(self, client: str, server: Any) -> None:
        kind, phase = failure(client, server.url("/closed"))
        # To tell this from other breaches of the protocol, httpx has only the text of its message.
        expected = "protocol" if client.startswith("httpx") else "reset"
        assert (kind, phase or "sent") == (expected, "sent")

    def test_a_body_that_is_cut(self, client: str, server: Any) -> None:
        kind, phase = failure(client, server.url("/truncated"))
        if client.startswith("httpx"):
            assert (kind, phase or "sent") == ("protocol", "sent")
        else:
            assert (kind, phase) == ("reset", "body")


def test_the_phase_is_told_where_a_client_tells_it() -> None:
    for error, phase in (
        (httpx.ConnectTimeout(""), "connect"),
        (httpx.PoolTimeout(""), "connect"),
        (httpx.WriteTimeout(""), None),
        (requests.ConnectTimeout(), "connect"),
        (requests.ReadTimeout(), None),
        (aiohttp.ConnectionTimeoutError(), "connect"),
        (aiohttp.SocketTimeoutError(), None),
        (asyncio.TimeoutError(), None),
    ):
        assert transport_failure(error) == ("timeout", phase), error


def test_a_wrapper_without_more_inside_stands_for_itself() -> None:
    assert transport_failure(httpx.ConnectError("")) == ("connect", "connect")
    assert transport_failure(requests.ConnectionError()) == ("reset", None)
    assert transport_failure(requests.exceptions.SSLError()) == ("tls", None)
    assert transport_failure(urllib3.exceptions.ProtocolError()) == ("protocol", None)


def test_the_phase_is_that_of_the_wrapper() -> None:
    error = httpx.ConnectError("")
    error.__cause__ = ssl.SSLEOFError()
    assert transport_failure(error) == ("reset", "connect")


def test_what_was_caused_by_a_transport_failure_is_one() -> None:
    wrapped = RuntimeError("the SDK's own words")
    wrapped.__cause__ = httpx.ReadTimeout("")
    assert transport_failure(wrapped) == ("timeout", None)
    wrapped.__cause__ = wrapped
    assert transport_failure(wrapped) is None


def test_a_network_that_is_away_is_told_by_its_number() -> None:
    assert transport_failure(OSError(101, "Network is unreachable")) == ("connect", None)
    assert transport_failure(OSError(113, "No route to host")) == ("connect", None)


@pytest.mark.parametrize(
    "error",
    [
        ValueError(),
        OSError(),
        FileNotFoundError(2, "No such file"),
        BrokenPipeError(32, "Broken pipe"),
        http.client.CannotSendRequest(),
        http.client.InvalidURL(),
        httpx.InvalidURL(""),
        httpx.LocalProtocolError(""),
        httpx.UnsupportedProtocol(""),
        httpx.DecodingError(""),
        httpx.TooManyRedirects(""),
        requests.exceptions.InvalidSchema(),
        requests.exceptions.RetryError(urllib3.exceptions.ResponseError()),
        urllib3.exceptions.LocationParseError(""),
        aiohttp.InvalidURL(""),
    ],
    ids=lambda error: f"{type(error).__module__}.{type(error).__name__}",
)
def test_other_exceptions_are_no_transport_failures(error: Exception) -> None:
    assert transport_failure(error) is None


def test_a_bug_while_handling_a_transport_failure_is_a_bug() -> None:
    bug = KeyError("missing")
    bug.__context__ = httpx.ReadTimeout("")
    assert transport_failure(bug) is None
