"""What the server says of the error in the response's body."""

from __future__ import annotations

from dataclasses import dataclass

from holdoff import _native
from holdoff._request import body_bytes


@dataclass(frozen=True)
class ErrorBody:
    """The envelope `{"error": {"message", "type", "code", "param"}}`, where parts may be missing.

    Attributes:
        message: What went wrong, for a person.
        type: The vendor's kind of error, such as `"rate_limit_error"`.
        code: The vendor's code for the error.
        param: The request's parameter that is at fault.
    """

    message: str | None
    type: str | None
    code: str | None
    param: str | None


def parse_error(body: bytes | str) -> ErrorBody | None:
    """Read the error envelope in a response's body, or `None` where there is none.

    Any bytes are accepted, and only the first 64 KiB are looked at. Of JSON that is cut or broken,
    the parts before the fault count.
    """
    parts = _native.parse_error(body_bytes(body))
    if parts is None:
        return None
    return ErrorBody(parts.message, parts.kind, parts.code, parts.param)
