"""Reads the error envelope of a response body."""

import json
import math

MAX_BODY_BYTES = 64 * 1024
PARTS = ("message", "type", "code", "param")
DEEPEST = 127


def parse_error(body):
    """The parts of `{"error": …}`, or `None` where the body is not JSON or has no such envelope."""
    text = body.encode()[:MAX_BODY_BYTES].decode(errors="replace")
    try:
        document = DECODER.decode(text)
        # Half of a surrogate pair is no character, which Python notices only here.
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    error = document.get("error") if isinstance(document, dict) else None
    if depth(document) > DEEPEST:
        return None
    if isinstance(error, str):
        return dict.fromkeys(PARTS) | {"message": error}
    if isinstance(error, dict):
        return {name: text_of(error.get(name)) for name in PARTS}
    return None


def text_of(value):
    """Texts, and whole numbers of up to 64 bits as their digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if -(2**63) <= value < 2**64 else None
    return value if isinstance(value, str) else None


def depth(value):
    inner = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    )
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def _whole(digits):
    _fraction(digits)
    return int(digits) if digits != "-0" else None


def _fraction(digits):
    if math.isinf(float(digits)):
        raise ValueError("a number that no float can hold")


def _constant(name):
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(parse_int=_whole, parse_float=_fraction, parse_constant=_constant)
