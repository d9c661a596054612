"""Waits and sends again, around any HTTP client. All decisions are the policy's."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from inspect import isawaitable, iscoroutine
from typing import TYPE_CHECKING, TypeVar, cast

from holdoff._call import DECISION, Call, Failure, RetryOptions, failure_in, failure_of
from holdoff._event_loop import sleep as event_loop_sleep
from holdoff._response import aclose, aread_body, close, read_body
from holdoff.decision import Decision
from holdoff.policy import Policy
from holdoff.report import public_endpoint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from typing_extensions import Unpack

    from holdoff.explanation import Explanation

R = TypeVar("R")
T = TypeVar("T")


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
    call = Call(policy or recommended(), **options)
    if refusal := _hold(call, sleep):
        raise HeldBackError(refusal)
    while True:
        try:
            with _attempt(call):
                outcome = function(call.attempt)
        except Exception as error:
            failure = failure_of(error)
            if failure is None or not _wait(call, failure, sleep):
                raise
        else:
            failure = failure_in(outcome)
            if failure is None:
                at_once(call.succeed(outcome))
                return outcome
            if not _wait(call, failure, sleep):
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
    call = Call(policy or recommended(), **options)
    if refusal := await _ahold(call, sleep):
        raise HeldBackError(refusal)
    while True:
        try:
            with _attempt(call):
                outcome = await function(call.attempt)
        except Exception as error:
            failure = failure_of(error)
            if failure is None or not await _await(call, failure, sleep):
                raise
        else:
            failure = failure_in(outcome)
            if failure is None:
                await _awaited(call.succeed(outcome))
                return outcome
            if not await _await(call, failure, sleep):
                return outcome


def decision_of(outcome: object) -> Decision | None:
    """Tell the decision that ended the call whose last response or exception this is.

    Also for an exception that was raised for such a response, or because of such an exception, as
    by the clients of an API. `None` for what did not come out of `retry`, `aretry` or an adapter,
    or came out as a success.
    """
    for _ in range(_MOST_WRAPPINGS):
        if isinstance(outcome, HeldBackError):
            return outcome.decision
        for candidate in (outcome, getattr(outcome, "response", None)):
            decision = getattr(candidate, DECISION, None)
            if isinstance(decision, Decision):
                return decision
        outcome = getattr(outcome, "__cause__", None)
        if outcome is None:
            break
    return None


_MOST_WRAPPINGS = 10
"""Where exceptions that were made to cause each other end."""


_inside: ContextVar[str | None] = ContextVar("holdoff_inside_an_attempt", default=None)
_ANY = "any"


@contextmanager
def _attempt(call: Call) -> Iterator[None]:
    """Notice what else retries inside of this attempt; a call to elsewhere is one of its own."""
    endpoint = _ANY if call.endpoint is None else public_endpoint(call.endpoint)
    if (outer := _inside.get()) is not None and (outer == endpoint or _ANY in (outer, endpoint)):
        say_once(
            "a retry inside a retry: another `retry` or adapter of holdoff sends this again as "
            "well, so their attempts multiply; take one of them out"
        )
    token = _inside.set(endpoint)
    try:
        yield
    finally:
        _inside.reset(token)


@cache
def say_once(warning: str) -> None:
    """Log a warning that is worth it only once in a process."""
    logging.getLogger("holdoff").warning(warning)


@cache
def recommended() -> Policy:
    """Load the policy that decides where no other is given."""
    return Policy.recommended()


def _wait(call: Call, failure: Failure, sleep: Callable[[float], object]) -> bool:
    """Wait for the next attempt. Whether there is one."""
    if failure.body is None and call.reads_body:
        failure = failure._replace(body=read_body(failure.response))
    answer = cast("Decision | Explanation", at_once(call.decide(failure)))
    wait_ms = call.decided(failure, answer)
    if wait_ms is None:
        return False
    close(failure.response)
    sleep(wait_ms / 1000)
    if refusal := _hold(call, sleep):
        call.refuse(failure, refusal)
    return refusal is None


def _hold(call: Call, sleep: Callable[[float], object]) -> Decision | None:
    """Wait until the next attempt may be sent. The decision if it may not be at all."""
    ticket = 0
    while (admission := at_once(call.admit(ticket))).action == "wait":
        sleep(call.held_back(admission))
        ticket = admission.ticket
    return admission.decision


def at_once(answer: T | Awaitable[T]) -> T:
    """Take what an upstream answers."""
    if not isawaitable(answer):
        return answer
    if iscoroutine(answer):
        answer.close()
    message = "upstream: `retry` can't await what it answers; give it to `aretry`"
    raise TypeError(message)


async def _await(call: Call, failure: Failure, sleep: Callable[[float], Awaitable[object]]) -> bool:
    """Wait for the next attempt. Whether there is one."""
    if failure.body is None and call.reads_body:
        failure = failure._replace(body=await aread_body(failure.response))
    wait_ms = call.decided(failure, await _awaited(call.decide(failure)))
    if wait_ms is None:
        return False
    await aclose(failure.response)
    await sleep(wait_ms / 1000)
    if refusal := await _ahold(call, sleep):
        call.refuse(failure, refusal)
    return refusal is None


async def _ahold(call: Call, sleep: Callable[[float], Awaitable[object]]) -> Decision | None:
    """Wait until the next attempt may be sent. The decision if it may not be at all."""
    ticket = 0
    while (admission := await _awaited(call.admit(ticket))).action == "wait":
        await sleep(call.held_back(admission))
        ticket = admission.ticket
    return admission.decision


async def _awaited(answer: T | Awaitable[T]) -> T:
    """Take what an upstream answers, at once or later."""
    if not isawaitable(answer):
        return answer
    later: T = await answer
    return later
