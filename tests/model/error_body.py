"""Reads the error envelope of a response body, however broken the body is."""

import json
import re
from contextlib import suppress

MAX_BODY_BYTES = 64 * 1024
PARTS = ("message", "type", "code", "param")
NUMBER_GOES_ON = re.compile(r"[\d.eE]")
WHITE_SPACE = re.compile(r"[ \t\n\r]*")


class Fault(Exception):
    """The body is not JSON from here on."""


def _constant(name):
    raise Fault(f"{name} is not JSON")


def _digits(number):
    """A whole number of up to 64 bits stays its digits; any other number is passed over."""
    return number if -(2**63) <= int(number) < 2**64 and number != "-0" else None


DECODER = json.JSONDecoder(parse_int=_digits, parse_float=lambda _: None, parse_constant=_constant)


def parse_error(body):
    """The parts of `{"error": …}` that come before any fault in the JSON, or `None`."""
    text = body.encode()[:MAX_BODY_BYTES].decode(errors="replace")
    found = None

    def envelope(key, at):
        nonlocal found
        if key == "error" and text.startswith("{", at):
            error = found = dict.fromkeys(PARTS)

            def part(name, at):
                value, end = _value(text, at)
                if name in PARTS:
                    error[name] = value if isinstance(value, str) else None
                return end

            return _members(text, at, part)
        digits_or_text, end = _value(text, at)
        if key == "error" and text.startswith('"', at):
            found = dict.fromkeys(PARTS) | {"message": digits_or_text}
        return end

    with suppress(Fault, ValueError, RecursionError):
        _members(text, _skip(text, 0), envelope)
    return found


def _members(text, at, member):
    """Gives each key of the object at `at`, and where its value begins, to `member`, which says
    where the value ends; returns where the object ends."""
    at = _skip(text, _expect(text, at, "{"))
    if text.startswith("}", at):
        return at + 1
    while True:
        if not text.startswith('"', at):
            raise Fault("no key")
        key, at = _value(text, at)
        at = _expect(text, _skip(text, at), ":")
        at = _skip(text, member(key, _skip(text, at)))
        if text.startswith("}", at):
            return at + 1
        at = _skip(text, _expect(text, at, ","))


def _value(text, at):
    try:
        value, end = DECODER.raw_decode(text, at)
    except StopIteration:
        raise Fault("no value") from None
    if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
        raise Fault("half a character")
    if text[end - 1].isdigit() and NUMBER_GOES_ON.match(text, end):
        raise Fault("half a number")
    return value, end


def _expect(text, at, char):
    if not text.startswith(char, at):
        raise Fault(f"no {char}")
    return at + 1


def _skip(text, at):
    return WHITE_SPACE.match(text, at).end()
