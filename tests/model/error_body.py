"""The error that a response body tells of, in any of the shapes that servers are known to send."""

import json
import math
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from typing import Any

from error_class import error_class
from values import BLANKS

MAX_BODY_BYTES = 64 * 1024
DEEPEST = 127
MESSAGES = ("message", "Message", "detail", "error_description", "title")
STATUSES = ("code", "status", "raw_status_code", "statusCode")


@dataclass(frozen=True)
class ErrorBody:
    message: str | None
    type: str | None
    code: str | None
    param: str | None
    marked: bool  # whether the body says itself that it is an error
    status: int | None
    retry_after: Any
    retryable: bool | None
    details: Any
    metadata: Any

    def parts(self):
        names = ("message", "type", "code", "param")
        return {name: getattr(self, name) for name in names} | {"class": error_class(self)}

    def details_of_type(self, name):
        return [
            detail
            for detail in (self.details if isinstance(self.details, list) else [])
            if isinstance(detail, dict) and (text_of(detail.get("@type")) or "").endswith(name)
        ]


def parse_error(body):
    """The error of a response body; `None` where there is none."""
    text = body.encode()[:MAX_BODY_BYTES].decode(errors="replace").strip(BLANKS)
    text = text.removeprefix("\ufeff").strip(BLANKS)
    if text.startswith(("event:", "data:", "id:", "retry:", ":")):
        for name, data in events(text):
            document = parse_json(data)
            if document is None:
                continue
            outer = object_of(document)
            if name == "error" or (outer is not None and error_object(outer)[1]):
                error = read_error(outer)
                if error:
                    return replace(error, marked=True)
        return None
    return read_error(object_of(parse_json(text)))


def events(text):
    """The name and the data of each server-sent event."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    for filled, event in groupby(lines, key=bool):
        if filled:
            fields = [line.partition(":") for line in event if ":" in line]
            names = [value.strip(BLANKS) for field, _, value in fields if field == "event"]
            data = [value.removeprefix(" ") for field, _, value in fields if field == "data"]
            yield (names or [""])[-1], "\n".join(data)


def object_of(document):
    """The object that may hold an error: the document, or the first of its elements."""
    if isinstance(document, list):
        document = document[0] if document else None
    return document if isinstance(document, dict) else None


def error_object(outer):
    """The object with the parts of the error, and whether that is marked as an error."""
    error, response, errors = (outer.get(name) for name in ("error", "response", "errors"))
    if isinstance(error, dict):
        return error, True
    if isinstance(error, str) and error:
        return outer, True
    if isinstance(response, dict) and isinstance(response.get("error"), dict):
        return response["error"], True
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return errors[0], True
    marked = "error" in (outer.get("type"), outer.get("object"))
    return outer, marked or outer.get("ok") is False or outer.get("success") is False


def read_error(outer, innermost=False):
    if outer is None:
        return None
    inner, marked = error_object(outer)
    own = inner is outer  # the parts stand in the document itself
    word = outer.get("error") if own and isinstance(outer.get("error"), str) else ""
    is_code = word and not re.search(r"\s", word)
    code = word if is_code else first_text(inner, "code", "error_code")
    message = word if word and not is_code else message_of(inner, outer)
    error = ErrorBody(
        message=message,
        # At the top, the type `error` says only that this is one.
        type=type_of({**inner, "type": None} if own and outer.get("type") == "error" else inner),
        code=code,
        param=first_text(inner, "param"),
        marked=marked,
        status=status_of(inner, outer),
        retry_after=first(inner.get("retry_after"), outer.get("retry_after")),
        retryable=first(boolean(inner.get("retryable")), boolean(outer.get("retryable"))),
        details=inner.get("details"),
        metadata=inner.get("metadata"),
    )
    said = (error.message, error.type, error.code, error.param, error.retry_after, error.retryable)
    if own and first(*said, retry_delay(error)) is None:
        return None
    if not innermost:
        told = read_error(object_of(parse_json(message or "")), innermost=True)
        if told and first(told.type, told.code) is not None:
            return replace(told, marked=marked)
    return error


def retry_delay(error):
    """The delay of the first google.rpc.RetryInfo."""
    infos = error.details_of_type("google.rpc.RetryInfo")
    return text_of(infos[0].get("retryDelay")) if infos else None


def message_of(inner, outer):
    detail = inner.get("detail")
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        # FastAPI lists what is wrong with a request.
        detail = detail[0].get("msg")
        inner = inner | {"detail": detail if isinstance(detail, str) else None}
    return first(first_text(inner, *MESSAGES), first_text(outer, "message"))


def type_of(inner):
    status = inner.get("status")
    name = first_text(inner, "__type")
    return first(
        first_text(inner, "type"),
        # A word of google.rpc.Code, and not a text for 404 or for "error".
        status if isinstance(status, str) and re.fullmatch("[A-Z_]*", status) else None,
        name and name.rpartition("#")[2],
    )


def status_of(inner, outer):
    values = [*(inner.get(name) for name in STATUSES), outer.get("status")]
    return next((value for value in values if type(value) is int and 400 <= value <= 599), None)


def first(*values):
    return next((value for value in values if value is not None), None)


def first_text(members, *names):
    return first(*(text_of(members.get(name)) for name in names))


def text_of(value):
    """Texts, and whole numbers of up to 64 bits as their digits."""
    if type(value) is int:
        return str(value) if -(2**63) <= value < 2**64 else None
    return value if isinstance(value, str) else None


def boolean(value):
    return value if isinstance(value, bool) else None


# --- JSON ----------------------------------------------------------------------------------------


def parse_json(text):
    """A JSON object or list, with numbers that are exact; `None` for anything else."""
    if not text.strip(BLANKS).startswith(("{", "[")):
        return None
    try:
        document = DECODER.decode(text.strip(BLANKS))
    except (ValueError, RecursionError):
        return None
    return whole_characters(document) if depth(document) <= DEEPEST else None


def whole_characters(value):
    """The same, with a replacement for each half of a surrogate pair, which is no character."""
    match value:
        case str():
            return re.sub("[\ud800-\udfff]", "\ufffd", value)
        case list():
            return [whole_characters(element) for element in value]
        case dict():
            members = value.items()
            return {whole_characters(name): whole_characters(member) for name, member in members}
    return value


def depth(value):
    inner = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    )
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def _whole(digits):
    _fraction(digits)
    return int(digits) if digits != "-0" else Fraction(0)


def _fraction(digits):
    if math.isinf(float(digits)):
        raise ValueError("a number that no float can hold")
    return Fraction(digits)


def _constant(name):
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(parse_int=_whole, parse_float=_fraction, parse_constant=_constant)
