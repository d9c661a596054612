"""What a vendor's support asks for after a failure, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from holdoff import _native
from holdoff._headers import HeaderNames
from holdoff._library import readable
from holdoff._request import pack, pack_call

if TYPE_CHECKING:
    from datetime import datetime

    from holdoff._codes import Phase, TransportKind
    from holdoff._headers import Headers

_HEADERS = HeaderNames(_native.request_id_headers())


@dataclass(frozen=True)
class SupportReport:
    """A report of one failure. `str` gives it as text, ready to paste in a mail.

    It never holds a key or a prompt: no request header, nothing of the request body, the endpoint
    without query or credentials, and of an error body only the error envelope.

    Attributes:
        timestamp: When it happened, in UTC as RFC 3339.
        request_id: The id that the server gave the request.
        failure: The HTTP status, or how the transport failed.
        error_code: The error body's code, or its type where it has no code.
        body: The error envelope, or a body that is no such envelope, cut to 2048 bytes.
        endpoint: The endpoint called.
    """

    timestamp: str | None
    request_id: str | None
    failure: str
    error_code: str | None
    body: str | None
    endpoint: str | None
    _text: str = field(repr=False)

    def __str__(self) -> str:
        """Give the report as text, one fact a line."""
        return self._text


def support_report(
    *,
    status: int | None = None,
    headers: Headers | None = None,
    body: bytes | str | None = None,
    transport: TransportKind | None = None,
    phase: Phase | None = None,
    now: datetime | int | None = None,
    endpoint: str | None = None,
) -> SupportReport:
    """Report a failure at `now` when calling `endpoint` (a URL); the other facts as in `Facts`."""
    request = pack(
        _HEADERS,
        True,
        status=status,
        headers=headers,
        body=body,
        transport=transport,
        phase=phase,
        now=now,
    )
    parts = readable(_native.support_report(request, endpoint))
    return SupportReport(
        timestamp=parts.timestamp,
        request_id=parts.request_id,
        failure=parts.failure,
        error_code=parts.error_code,
        body=parts.body,
        endpoint=parts.endpoint,
        _text=parts.text,
    )


def public_endpoint(url: str) -> str:
    """Tell an endpoint without its query and credentials, as a report does."""
    parts = readable(_native.support_report(pack_call(), url))
    return parts.endpoint or ""
