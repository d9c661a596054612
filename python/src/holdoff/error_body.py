"""What the server says of the error in the response's body."""

from __future__ import annotations

from dataclasses import dataclass

from holdoff import _native
from holdoff._codes import CLASSES, FailureClass
from holdoff._request import body_bytes


@dataclass(frozen=True)
class ErrorBody:
    """What an error body says, whichever vendor's shape it has. Any part may be missing.

    Attributes:
        message: What went wrong, for a person.
        type: The vendor's kind of error, such as `"rate_limit_error"` or `"RESOURCE_EXHAUSTED"`.
        code: The vendor's code for the error, such as `"insufficient_quota"`.
        param: The request's parameter that is at fault.
        class_: What kind of failure that is, where the vendor's words are known.
    """

    message: str | None
    type: str | None
    code: str | None
    param: str | None
    class_: FailureClass | None


def parse_error(body: bytes | str) -> ErrorBody | None:
    """Read the error in a response's body, or `None` where there is none.

    Any bytes are accepted, and only the first 64 KiB are looked at. The error may be an `error`
    object or text, RFC 9457 problem details, members of the document itself, the first of a list,
    or an error event in a stream. JSON that is cut or broken has none.
    """
    parts = _native.parse_error(body_bytes(body))
    if parts is None:
        return None
    code = parts.failure_class
    class_ = None if code is None else CLASSES[code]
    return ErrorBody(parts.message, parts.kind, parts.code, parts.param, class_)
