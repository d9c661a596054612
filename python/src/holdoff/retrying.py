"""Waits and sends again, around any HTTP client. All decisions are the policy's."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
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
from holdoff.upstream import SEND, Admission, Upstream

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from typing_extensions import Unpack

    from holdoff._request import CallFacts

R = TypeVar("R")


class RetryOptions(TypedDict, total=False):
    """The keyword arguments that `retry` and `aretry` share besides `policy`. All may be left out.

    Attributes:
        upstream: What the calls to one server share. Before each attempt, the call waits as long as
            it says, and a retry is paid from its budget. Only the policy's `upstream` says what
            that is; without one, it makes no difference.
        on_decision: Called with a `DecisionEvent` for each failed attempt, before the wait; and
            once more if `upstream` ends the call after it.
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

    upstream: Upstream | None
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
        decision: What was decided.
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


class HeldBackError(Exception):
    """What `retry` and `aretry` raise for a call whose `upstream` refuses its first attempt.

    Nothing was sent: the wait would be longer than the call's deadline or the policy allows.

    Attributes:
        decision: What holds the call back (`source`), for how long (`after_ms`), why that is too
            long (`reason`: `"deadline"` or `"held"`), and the class of what last failed.
    """

    def __init__(self, decision: Decision) -> None:
        """Put the decision into words."""
        super().__init__(decision)
        self.decision = decision

    def __str__(self) -> str:
        """Say what holds the call back, and what to do."""
        source, after_ms = self.decision.source, self.decision.after_ms
        return f"not sent: `{source}` holds it back for {after_ms} ms: {self.decision.advice}"


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

    With an `upstream`, a call that would have to wait too long for its first attempt raises
    `HeldBackError`.

    When the call ends, the last response is given back as the client gave it, with its body still
    to be read, or the last exception is raised unchanged; `decision_of` tells the decision.

    `sleep` waits for so many seconds. What it raises ends the call, so a thread that may have to
    stop early can wait for a `threading.Event` there and raise if it is set. `RetryOptions`
    describes the other keyword arguments.

    The body of an error is looked at if it is in memory, or if its `Content-Length` is at most
    64 KiB; how long reading it may take is up to the client's own time limits.
    """
    call = _Call(policy or _recommended(), **options)
    if refusal := _hold(call, sleep):
        raise HeldBackError(refusal)
    while True:
        try:
            outcome = function(call.attempt)
        except Exception as error:
            failure = _failure(error)
            if failure is None or not _wait(call, failure, sleep):
                raise
        else:
            if not is_error(outcome):
                call.succeed()
                return outcome
            if not _wait(call, _Failure(outcome), sleep):
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
    if refusal := await _ahold(call, sleep):
        raise HeldBackError(refusal)
    while True:
        try:
            outcome = await function(call.attempt)
        except Exception as error:
            failure = _failure(error)
            if failure is None or not await _await(call, failure, sleep):
                raise
        else:
            if not is_error(outcome):
                call.succeed()
                return outcome
            if not await _await(call, _Failure(outcome), sleep):
                return outcome


def decision_of(outcome: object) -> Decision | None:
    """Tell the decision that ended the call whose last response or exception this is.

    `None` for what did not come out of `retry` or `aretry`, or came out as a success.
    """
    if isinstance(outcome, HeldBackError):
        return outcome.decision
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
    body = read_body(failure.response) if call.reads_body else None
    wait_ms = call.decide(failure, body)
    if wait_ms is None:
        return False
    close(failure.response)
    sleep(wait_ms / 1000)
    if refusal := _hold(call, sleep):
        call.refuse(failure, refusal)
    return refusal is None


def _hold(call: _Call, sleep: Callable[[float], object]) -> Decision | None:
    """Wait until the next attempt may be sent. The decision if it may not be at all."""
    while (admission := call.admit()).action == "wait":
        sleep(admission.after_ms / 1000)
    return admission.decision


async def _await(
    call: _Call, failure: _Failure, sleep: Callable[[float], Awaitable[object]]
) -> bool:
    """Wait for the next attempt. Whether there is one."""
    body = await aread_body(failure.response) if call.reads_body else None
    wait_ms = call.decide(failure, body)
    if wait_ms is None:
        return False
    await aclose(failure.response)
    await sleep(wait_ms / 1000)
    if refusal := await _ahold(call, sleep):
        call.refuse(failure, refusal)
    return refusal is None


async def _ahold(call: _Call, sleep: Callable[[float], Awaitable[object]]) -> Decision | None:
    """Wait until the next attempt may be sent. The decision if it may not be at all."""
    while (admission := call.admit()).action == "wait":
        await sleep(admission.after_ms / 1000)
    return admission.decision


@dataclass
class _Call:
    """What the attempts of one call share: the policy, and the fields of `RetryOptions`."""

    policy: Policy
    upstream: Upstream | None = None
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
        self.ticket = 0
        self.decision: Decision | None = None
        self.seed = fresh_seed() if self.seed is None else self.seed
        self.began = self.clock.monotonic()
        # An upstream may end the call after the wait, when it is too late to read the body.
        self.reads_body = self.policy.reads_body or self.upstream is not None

    def admit(self) -> Admission:
        """Tell whether the next attempt may be sent."""
        if self.upstream is None:
            return SEND
        admission = self.upstream.admit(self.policy, ticket=self.ticket, **self.facts())
        self.ticket = admission.ticket
        return admission

    def succeed(self) -> None:
        """Take in that the attempt succeeded."""
        if self.upstream is not None:
            self.upstream.succeed(self.policy, after=self.decision, **self.facts())

    def decide(self, failure: _Failure, body: bytes | None) -> int | None:
        """Tell how long to wait for the next attempt, or `None` if the call ends."""
        response, error, transport = failure
        kind, phase = transport or (None, None)
        # Kept, since a later attempt may end in an exception that does not tell it.
        self.method = self.method or method_of(error if response is None else response)
        facts = self.facts()
        facts["delivered"] = self.delivered() if callable(self.delivered) else self.delivered
        shared = self.upstream
        decide = self.policy.decide if shared is None else partial(shared.decide, self.policy)
        self.decision = decision = decide(
            status=status_of(response),
            headers=getattr(response, "headers", None),
            body=body,
            transport=kind,
            phase=phase,
            **facts,
        )
        wait_ms = decision.after_ms if decision.action == "retry" else None
        self.tell(failure, decision, wait_ms)
        self.attempt += 1
        return wait_ms

    def refuse(self, failure: _Failure, refusal: Decision) -> None:
        """End the call with its last failure, since the next attempt may not be sent."""
        self.attempt -= 1  # It was never sent.
        self.tell(failure, refusal, None)

    def tell(self, failure: _Failure, decision: Decision, wait_ms: int | None) -> None:
        """Tell what was decided: who asked for it, and at the end also the outcome."""
        response, error, _ = failure
        if wait_ms is None:
            # An object that takes no attribute is given back without.
            with suppress(AttributeError):
                setattr(response if error is None else error, _DECISION, decision)
        if self.on_decision is not None:
            elapsed_ms = self.elapsed_ms()
            self.on_decision(
                DecisionEvent(decision, self.attempt, elapsed_ms, wait_ms, response, error)
            )

    def facts(self) -> CallFacts:
        """Tell what is known of the call now."""
        return {
            "attempt": self.attempt,
            "seed": self.seed,
            "now": int(self.clock.time() * 1000),
            "elapsed_ms": self.elapsed_ms(),
            "deadline_ms": self.deadline_ms,
            "max_retries": self.max_retries,
            "method": self.method,
            "idempotent": self.idempotent,
            "replayable": self.replayable,
        }

    def elapsed_ms(self) -> int:
        """Tell how long ago the call began."""
        return int((self.clock.monotonic() - self.began) * 1000)
