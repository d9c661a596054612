"""The failure of a case as urllib3 has it, for the clients that send by urllib3 or by requests."""

import http.client
import io
import math
import socket
import ssl
from collections.abc import Callable

from urllib3 import HTTPResponse
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)

from clients import loop

ERRORS: dict[tuple[str, str], Callable[[HTTPConnectionPool], Exception]] = {
    ("dns", "connect"): lambda _: NameResolutionError("host", None, socket.gaierror("no address")),
    ("connect", "connect"): lambda _: NewConnectionError(None, "connection refused"),
    ("tls", "connect"): lambda _: ssl.SSLCertVerificationError("certificate verify failed"),
    ("timeout", "connect"): lambda _: ConnectTimeoutError("connect timed out"),
    ("timeout", "sent"): lambda pool: ReadTimeoutError(pool, "/", "read timed out"),
    ("timeout", "body"): lambda _: TimeoutError("read timed out"),
    ("reset", "sent"): lambda _: ConnectionResetError("connection reset"),
    ("reset", "body"): lambda _: ConnectionResetError("connection reset"),
    ("protocol", "sent"): lambda _: http.client.BadStatusLine("garbage"),
    ("protocol", "body"): lambda _: http.client.IncompleteRead(b""),
}
"""What is raised where urllib3 connects, waits for the response and reads its body."""


def meet(case: dict, times: float = math.inf) -> None:
    """Lets every request by urllib3 fail as the case says. One that comes after so many `times` is
    a retry for which the client did not sleep."""
    left = times

    def make_request(pool, connection, method, url, **options) -> HTTPResponse:
        nonlocal left
        if left == 0:
            raise loop.Sleeping(0)
        left -= 1
        status = case["status"]
        body = io.BytesIO(b"" if status in (204, 304) else case["body"].encode())
        if case["transport"] is not None:
            error = ERRORS[case["transport"], case["phase"]](pool)
            if case["phase"] != "body":
                raise error
            body, status = Broken(error), 200
        return HTTPResponse(
            body,
            case["headers"],
            status,
            preload_content=options["preload_content"],
            decode_content=options["decode_content"],
            request_method=method,
            request_url=url,
        )

    HTTPConnectionPool._make_request = make_request


class Broken(io.RawIOBase):
    """A body that breaks off with an error."""

    def __init__(self, error: Exception):
        self.error = error

    def readable(self) -> bool:
        return True

    def readinto(self, _) -> int:
        raise self.error
