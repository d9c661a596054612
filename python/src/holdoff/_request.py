"""A failure and its call as one run of bytes: how they cross to the core."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta, timezone
from operator import index
from typing import TYPE_CHECKING, Any, SupportsIndex, TypedDict

from holdoff._codes import MAX_BODY_BYTES, PHASES, TRANSPORT_KINDS, Phase, TransportKind
from holdoff._headers import HeaderNames, Headers

if TYPE_CHECKING:
    from typing_extensions import Unpack


class CallFacts(TypedDict, total=False):
    """What is known of a call: the keyword arguments of `Upstream.admit` and `Upstream.succeed`.

    Any fact may be left out or `None`, which means that it is not known.

    Attributes:
        attempt: The attempt that just ended, or that is to be sent, from zero: 0 is the first
            request.
        seed: The seed of the jitter, from 0 to 2^64 - 1: one for each call, kept for all of its
            attempts. If not given, the random part comes from the platform's entropy.
        draw: The random part itself in place of a seed, as a fraction: 0 <= draw < 1.
        now: When the attempt ended, or is to be sent: a datetime with a time zone, or UTC
            milliseconds since 1970. If not known, an `Upstream` takes no part, and a hint given as
            a date can be read only if the response has its own `Date`.
        elapsed_ms: Milliseconds since the call began; 0 if not known.
        deadline_ms: Milliseconds from the beginning of the call to the instant after which its
            answer is worthless.
        max_retries: How many retries the call may have, in place of the policy's own number.
        method: The request's method as it was sent, such as `"POST"`.
        idempotent: Whether sending the request twice has the effect of sending it once; also true
            where it carries an idempotency key that the server honours. If not known, the method
            tells it (RFC 9110 section 9.2.2), where a policy asks at all.
        replayable: Whether the request's body can be sent again.
        delivered: Whether the user was already given a part of the answer.
    """

    attempt: int
    seed: int | None
    draw: float | None
    now: datetime | int | None
    elapsed_ms: int | None
    deadline_ms: int | None
    max_retries: int | None
    method: str | None
    idempotent: bool | None
    replayable: bool | None
    delivered: bool | None


class Facts(CallFacts, total=False):
    """The keyword arguments of `Policy.decide`: a failure, and what is known of its call.

    Either `status` or `transport` must be given; if both are, the status counts. Any other fact may
    be left out or `None`, which means that it is not known. `CallFacts` describes those of the
    call: `attempt`, `seed`, `now` and what follows it.

    Attributes:
        status: The HTTP status of the response, from 0 to 999.
        headers: The response's headers: whatever the HTTP client has them in, a mapping, or pairs.
        body: The response's body or its beginning. Only the first 64 KiB are looked at.
        transport: How the connection failed, where no whole response came.
        phase: How far the attempt got before the connection failed; what is usual for this kind of
            failure if not known.
    """

    status: int | None
    headers: Headers | None
    body: bytes | str | None
    transport: TransportKind | None
    phase: Phase | None


# The layout is that of `Request` in bindings/uniffi/src/request.rs.
_PACK = struct.Struct("<HBBIQQQQQBBI").pack
_UNKNOWN = 2**64 - 1
_YES_OR_NO = {None: 0, False: 1, True: 2}
_GIVEN_SEED = 0
_GIVEN_DRAW = 1 << 6
_FRESH_SEED = 2 << 6

MOST_METHOD_BYTES = 255
"""One byte holds the length of the method."""

_MOST = {
    "status": 999,
    "attempt": 2**32 - 1,
    "seed": 2**64 - 1,
    "now": _UNKNOWN - 1,
    "elapsed_ms": _UNKNOWN - 1,
    "deadline_ms": _UNKNOWN - 1,
    "max_retries": _UNKNOWN - 1,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def pack(
    names: HeaderNames,
    reads_body: bool,
    *,
    status: int | None = None,
    headers: Headers | None = None,
    body: bytes | str | None = None,
    transport: TransportKind | None = None,
    phase: Phase | None = None,
    attempt: int = 0,
    seed: int | None = None,
    draw: float | None = None,
    now: datetime | int | None = None,
    elapsed_ms: int | None = None,
    deadline_ms: int | None = None,
    max_retries: int | None = None,
    method: str | None = None,
    idempotent: bool | None = None,
    replayable: bool | None = None,
    delivered: bool | None = None,
) -> bytes:
    """Pack the facts, of the headers only those with these names."""
    kind_code = phase_code = 0
    lines = content = b""
    if status is not None:
        if headers is not None:
            lines = names.lines(headers)
        if reads_body and body is not None:
            content = body_bytes(body)
    elif transport is not None:
        kind_code = _code(TRANSPORT_KINDS, "transport", transport)
        if phase is not None:
            phase_code = _code(PHASES, "phase", phase)
    else:
        message = "either `status` or `transport` must be given"
        raise TypeError(message)

    if draw is not None:
        randomness, drawn_from = _draw_bits(draw), _GIVEN_DRAW
    elif seed is not None:
        randomness, drawn_from = seed, _GIVEN_SEED
    else:
        randomness, drawn_from = 0, _FRESH_SEED
    now_ms = _milliseconds(now) if isinstance(now, datetime) else now
    try:
        verb = b"" if method is None else method.encode("utf-8", "replace")
        head = _PACK(
            status or 0,
            kind_code,
            phase_code,
            attempt,
            randomness,
            _UNKNOWN if now_ms is None else now_ms,
            _UNKNOWN if elapsed_ms is None else elapsed_ms,
            _UNKNOWN if deadline_ms is None else deadline_ms,
            _UNKNOWN if max_retries is None else max_retries,
            _YES_OR_NO[idempotent]
            | _YES_OR_NO[replayable] << 2
            | _YES_OR_NO[delivered] << 4
            | drawn_from,
            len(verb),
            len(lines),
        )
    except (struct.error, AttributeError, KeyError, TypeError) as error:
        raise _complaint(locals()) from error
    unknown = _UNKNOWN in (now_ms, elapsed_ms, deadline_ms, max_retries)
    if unknown or (status or 0) > _MOST["status"]:
        raise _complaint(locals())
    return head + verb + lines + content


_NO_HEADERS = HeaderNames(())


def pack_call(**facts: Unpack[CallFacts]) -> bytes:
    """Pack what is known of a call, where it is not about a failure."""
    return pack(_NO_HEADERS, False, status=0, **facts)


def body_bytes(body: bytes | str) -> bytes:
    """Cut a body to what is looked at."""
    if isinstance(body, str):
        body = body[:MAX_BODY_BYTES].encode("utf-8", "replace")
    elif not isinstance(body, (bytes, bytearray, memoryview)):
        message = f"body: `{body!r:.60}` is not bytes or str"
        raise TypeError(message)
    return bytes(body[:MAX_BODY_BYTES])


def _code(codes: dict[str, int], fact: str, name: str) -> int:
    for known, code in codes.items():
        if known == name:
            return code
    message = f"{fact}: `{name}` is not one of `{'`, `'.join(codes)}`"
    raise ValueError(message)


def _draw_bits(draw: float) -> int:
    if not isinstance(draw, (float, int)):
        message = f"draw: `{draw!r}` is not a number"
        raise TypeError(message)
    if not 0 <= draw < 1:
        message = f"draw: `{draw}` is not a number from 0 to less than 1"
        raise ValueError(message)
    return int(draw * 2**64)


def _milliseconds(now: datetime) -> int:
    if now.utcoffset() is None:
        message = f"now: `{now}` is not a time with a zone, such as datetime.now(timezone.utc)"
        raise ValueError(message)
    return (now - _EPOCH) // timedelta(milliseconds=1)


def _complaint(facts: dict[str, Any]) -> Exception:
    """Say what is wrong with facts that cannot be packed."""
    for name, most in _MOST.items():
        number = facts["now_ms" if name == "now" else name]
        if number is None and name != "attempt":
            continue
        sentence = f"{name}: `{number!r}` is not a whole number from 0 to {most}"
        if not isinstance(number, SupportsIndex):
            return TypeError(sentence)
        if not 0 <= index(number) <= most:
            return ValueError(sentence)
    for name in ("idempotent", "replayable", "delivered"):
        if facts[name] not in (None, False, True):
            return TypeError(f"{name}: `{facts[name]!r}` is not True, False or None")
    sentence = f"method: `{facts['method']!r:.60}` is not text of at most {MOST_METHOD_BYTES} bytes"
    return (ValueError if isinstance(facts["method"], str) else TypeError)(sentence)
