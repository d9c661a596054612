"""Waits and sends again, around any HTTP client. All decisions are the policy's."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypedDict, TypeVar

from holdoff._event_loop import sleep as event_loop_sleep
from holdoff._native import fresh_seed
from holdoff._response import (
    aclose,
    aread_body,
    close,
    is_error,
    method_of,
    read_body,
    response_of,
    status_of,
)
from holdoff._transport import TransportFailure, transport_failure
from holdoff.decision import Decision
from holdoff.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from typing_extensions import Unpack

R = TypeVar("R")


class RetryOptions(TypedDict, total=False):
    """The keyword arguments that `retry` and `aretry` share besides `policy`. All may be left out.

    Attributes:
        on_decision: Called with a `DecisionEvent` for each failed attempt, before the wait.
        deadline_ms: Milliseconds from the beginning of the call to the instant after which its
            answer is worthless. No wait goes beyond it.
        max_retries: How many retries the call may have, in place of the policy's own number.
        method: The request's method as it is sent, such as `"POST"`. Without it, what the client
            tells: httpx and requests in responses and exceptions, aiohttp in responses.
        idempotent: Whether sending the request twice has the effect of sending it once; also true
            where it carries an idempotency key that the server honours. If not known, the method
            tells it.
        replayable: Whether the request's body can be sent again.
        delivered: Whether the user was already given a part of the answer, or a function that tells
            it after a failed attempt.
        seed: The seed of the jitter, from 0 to 2^64 - 1; from the platform's entropy if not given.
        clock: What tells the time; the module `time` if not given.
    """

    on_decision: Callable[[DecisionEvent], object] | None
    deadline_ms: int | None
    max_retries: int | None
    method: str | None
    idempotent: bool | None
    replayable: bool | None
    delivered: Callable[[], bool] | bool | None
    seed: int | None
    clock: Clock


class Clock(Protocol):
    """What tells the time: the module `time`, or anything like it."""

    def time(self) -> float:
        """Tell the seconds since 1970, in UTC."""
        ...

    def monotonic(self) -> float:
        """Tell the seconds on a clock that never goes back."""
        ...


@dataclass(frozen=True)
class DecisionEvent:
    """What `on_decision` is told of a failed attempt.

    Attributes:
        decision: What the policy decided.
        attempt: The attempt that failed, from zero.
        elapsed_ms: Milliseconds since the call began.
        wait_ms: Milliseconds to the next attempt; `None` if the call ends here.
        response: The response that came, or `None`. Its body is closed if the call goes on.
        error: The exception that was raised, or `None`.
    """

    decision: Decision
    attempt: int
    elapsed_ms: int
    wait_ms: int | None
    response: Any | None
    error: Exception | None


def retry(
    function: Callable[[int], R],
    *,
    policy: Policy | None = None,
    sleep: Callable[[float], object] = time.sleep,
    **options: Unpack[RetryOptions],
) -> R:
    """Call `function(attempt)` until it succeeds, or the policy says that the call ends.

    The policy is `Policy.recommended()` unless another is given.

    The function sends one request, with any HTTP client, and is given the number of the attempt,
    from zero. What it returns is given back at once unless it is a response with a status of 400 or
    more. An error inside of a success, as in a stream, is for whoever reads it: `Policy.decide`
    tells what to do about it. What the function raises is raised again at once unless it is a
    transport failure (of httpx, requests, urllib3, aiohttp or the standard library, or caused by
    one), or was raised for such a response, as `raise_for_status` does.

    Some failures leave open whether the server executed the request, such as a time limit that
    passed after it was sent, or a 504. Then `Policy.recommended()` repeats only what is safe to
    repeat, by `idempotent` or else by `method` (RFC 9110 section 9.2.2): a POST ends there, with
    the reason `"possibly_executed"`, unless `idempotent=True`. Where neither is known, it goes on.

    When the call ends, the last response is given back as the client gave it, with its body still
    to be read, or the last exception is raised unchanged; `decision_of` tells the decision.

    `sleep` waits for so many seconds. What it raises ends the call, so a thread that may have to
    stop early can wait for a `threading.Event` there and raise if it is set. `RetryOptions`
    describes the other keyword arguments.

    The body of an error is looked at if it is in memory, or if its `Content-Length` is at most
    64 KiB; how long reading it may take is up to the client's own time limits.
    """
    call = _Call(policy or _recommended(), **options)
    while True:
        try:
            outcome = function(call.attempt)
        except Exception as error:
            failure = _failure(error)
            if failure is None or not _wait(call, failure, sleep):
                raise
        else:
            failure = _Failure(outcome) if is_error(outcome) else None
            if failure is None or not _wait(call, failure, sleep):
                return outcome


async def aretry(
    function: Callable[[int], Awaitable[R]],
    *,
    policy: Policy | None = None,
    sleep: Callable[[float], Awaitable[object]] = event_loop_sleep,
    **options: Unpack[RetryOptions],
) -> R:
    """Await `function(attempt)` until it succeeds, or the policy says that the call ends.

    As `retry`, for asynchronous clients. It runs in asyncio and in trio; for any other event loop
    give its own `sleep`. Cancelling it ends a wait at once. Reading the body of an error is given
    up after 2 seconds.
    """
    call = _Call(policy or _recommended(), **options)
    while True:
        try:
            outcome = await function(call.attempt)
        except Exception as error:
            failure = _failure(error)
            if failure is None or not await _await(call, failure, sleep):
                raise
        else:
            failure = _Failure(outcome) if is_error(outcome) else None
            if failure is None or not await _await(call, failure, sleep):
                return outcome


def decision_of(outcome: object) -> Decision | None:
    """Tell the decision that ended the call whose last response or exception this is.

    `None` for what did not come out of `retry` or `aretry`, or came out as a success.
    """
    return getattr(outcome, _DECISION, None)


_DECISION = "_holdoff_decision"


@cache
def _recommended() -> Policy:
    return Policy.recommended()


class _Failure(NamedTuple):
    """How an attempt ended."""

    response: Any | None
    error: Exception | None = None
    transport: TransportFailure | None = None


def _failure(error: Exception) -> _Failure | None:
    """Tell what an exception stands for, or `None` where it is no failure of the call."""
    # First, since aiohttp gives what it cannot read as HTTP the status 400.
    if transport := transport_failure(error):
        return _Failure(None, error, transport)
    response = response_of(error)
    return None if response is None else _Failure(response, error)


def _wait(call: _Call, failure: _Failure, sleep: Callable[[float], object]) -> bool:
    """Wait for the next attempt. Whether there is one."""
    body = read_body(failure.response) if call.policy.reads_body else None
    wait_ms = call.decide(failure, body)
    if wait_ms is None:
        return False
    close(failure.response)
    sleep(wait_ms / 1000)
    return True


async def _await(
    call: _Call, failure: _Failure, sleep: Callable[[float], Awaitable[object]]
) -> bool:
    """Wait for the next attempt. Whether there is one."""
    body = await aread_body(failure.response) if call.policy.reads_body else None
    wait_ms = call.decide(failure, body)
    if wait_ms is None:
        return False
    await aclose(failure.response)
    await sleep(wait_ms / 1000)
    return True


@dataclass
class _Call:
    """What the attempts of one call share: the policy, and the fields of `RetryOptions`."""

    policy: Policy
    on_decision: Callable[[DecisionEvent], object] | None = None
    deadline_ms: int | None = None
    max_retries: int | None = None
    method: str | None = None
    idempotent: bool | None = None
    replayable: bool | None = None
    delivered: Callable[[], bool] | bool | None = None
    seed: int | None = None
    clock: Clock = time

    def __post_init__(self) -> None:
        self.attempt = 0
        self.seed = fresh_seed() if self.seed is None else self.seed
        self.began = self.clock.monotonic()

    def decide(self, failure: _Failure, body: bytes | None) -> int | None:
        """Tell how long to wait for the next attempt, or `None` if the call ends."""
        response, error, transport = failure
        kind, phase = transport or (None, None)
        # Kept, since a later attempt may end in an exception that does not tell it.
        self.method = self.method or method_of(error if response is None else response)
        elapsed_ms = int((self.clock.monotonic() - self.began) * 1000)
        decision = self.policy.decide(
            status=status_of(response),
            headers=getattr(response, "headers", None),
            body=body,
            transport=kind,
            phase=phase,
            attempt=self.attempt,
            seed=self.seed,
            now=int(self.clock.time() * 1000),
            elapsed_ms=elapsed_ms,
            deadline_ms=self.deadline_ms,
            max_retries=self.max_retries,
            method=self.method,
            idempotent=self.idempotent,
            replayable=self.replayable,
            delivered=self.delivered() if callable(self.delivered) else self.delivered,
        )
        wait_ms = decision.after_ms if decision.action == "retry" else None
        if wait_ms is None:
            # An object that takes no attribute is given back without.
            with suppress(AttributeError):
                setattr(response if error is None else error, _DECISION, decision)
        if self.on_decision is not None:
            self.on_decision(
                DecisionEvent(decision, self.attempt, elapsed_ms, wait_ms, response, error)
            )
        self.attempt += 1
        return wait_ms
