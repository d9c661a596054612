"""One call while it is retried: what its attempts share, and what is told of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypedDict

from holdoff._codes import Phase, TransportKind
from holdoff._native import fresh_seed
from holdoff._response import endpoint_of, is_error, method_of, response_of, status_of
from holdoff._transport import TransportFailure, transport_failure
from holdoff.decision import Decision
from holdoff.explanation import Explanation
from holdoff.policy import Policy
from holdoff.report import SupportReport, public_endpoint, support_report
from holdoff.upstream import SEND, Admission, AsyncUpstreamLike, UpstreamLike

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from holdoff._request import CallFacts

_LOG = logging.getLogger("holdoff")
_LEVELS = {"retry": logging.INFO, "stop": logging.WARNING, "escalate": logging.ERROR}


class RetryOptions(TypedDict, total=False):
    """The keyword arguments that `retry` and `aretry` share besides `policy`. All may be left out.

    Attributes:
        upstream: What the calls to one server share. Before each attempt, the call waits as long as
            it says, and a retry is paid from its budget. Only the policy's `upstream` says what
            that is; without one, it makes no difference. An `Upstream`, or the `SharedUpstream` of
            `holdoff.redis`; for `aretry` also its `AsyncSharedUpstream`.
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
        replayable: Whether the request's body can be sent again, or a function that tells it after
            a failed attempt.
        delivered: Whether the user was already given a part of the answer, or a function that tells
            it after a failed attempt.
        endpoint: The URL that is called, for the log and the support report, which leave out its
            query and credentials. Without it, what the client tells.
        seed: The seed of the jitter, from 0 to 2^64 - 1; from the platform's entropy if not given.
        clock: What tells the time; the module `time` if not given.
    """

    upstream: UpstreamLike | AsyncUpstreamLike | None
    on_decision: Callable[[DecisionEvent], object] | None
    deadline_ms: int | None
    max_retries: int | None
    method: str | None
    idempotent: bool | None
    replayable: Callable[[], bool] | bool | None
    delivered: Callable[[], bool] | bool | None
    endpoint: str | None
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
        explanation: The steps that led to the decision; `None` where the `upstream` ended the call
            after its last failed attempt.
        report: What the vendor's support asks for, where the decision is to escalate; else `None`.
    """

    decision: Decision
    attempt: int
    elapsed_ms: int
    wait_ms: int | None
    response: Any | None
    error: Exception | None
    explanation: Explanation | None = None
    report: SupportReport | None = None


DECISION = "_holdoff_decision"
"""The attribute of the last response or exception that holds its decision."""


class Failure(NamedTuple):
    """How an attempt ended; `body` is that of the response where it was read already."""

    response: Any | None
    error: Exception | None = None
    transport: TransportFailure | None = None
    body: bytes | None = None


def failure_of(error: Exception) -> Failure | None:
    """Tell what an exception stands for, or `None` where it is no failure of the call."""
    # First, since aiohttp gives what it cannot read as HTTP the status 400.
    if transport := transport_failure(error):
        return Failure(None, error, transport)
    response = response_of(error)
    return None if response is None else Failure(response, error)


class Answer(NamedTuple):
    """What the function of an adapter returns: a response, and whether the attempt failed."""

    response: Any
    failure: Failure | None = None


def failure_in(outcome: object) -> Failure | None:
    """Tell how the attempt failed that ended with this, or `None` where it succeeded."""
    if isinstance(outcome, Answer):
        return outcome.failure
    return Failure(outcome) if is_error(outcome) else None


@dataclass
class Call:
    """What the attempts of one call share: the policy, and the fields of `RetryOptions`."""

    policy: Policy
    upstream: UpstreamLike | AsyncUpstreamLike | None = None
    on_decision: Callable[[DecisionEvent], object] | None = None
    deadline_ms: int | None = None
    max_retries: int | None = None
    method: str | None = None
    idempotent: bool | None = None
    replayable: Callable[[], bool] | bool | None = None
    delivered: Callable[[], bool] | bool | None = None
    endpoint: str | None = None
    seed: int | None = None
    clock: Clock = time

    def __post_init__(self) -> None:
        self.attempt = 0
        self.decision: Decision | None = None
        self.seed = fresh_seed() if self.seed is None else self.seed
        self.began = self.clock.monotonic()
        # An upstream may end the call after the wait, when it is too late to read the body.
        self.reads_body = self.policy.reads_body or self.upstream is not None

    def admit(self, ticket: int) -> Admission | Awaitable[Admission]:
        """Tell whether the next attempt may be sent."""
        if self.upstream is None:
            return SEND
        return self.upstream.admit(self.policy, ticket=ticket, **self.facts())

    def succeed(self, outcome: object) -> Awaitable[None] | None:
        """Take in that the attempt succeeded."""
        if self.upstream is None:
            return None
        response = outcome.response if isinstance(outcome, Answer) else outcome
        headers = None if status_of(response) is None else getattr(response, "headers", None)
        after = self.decision
        return self.upstream.succeed(self.policy, after=after, headers=headers, **self.facts())

    def decide(
        self, failure: Failure
    ) -> Decision | Explanation | Awaitable[Decision | Explanation]:
        """Tell what the policy, or the upstream, decides; explained if somebody listens."""
        response, error, _, body = failure
        # Kept, since a later attempt may end in an exception that does not tell it.
        outcome = error if response is None else response
        self.method = self.method or method_of(outcome)
        self.endpoint = self.endpoint or endpoint_of(outcome)
        facts = self.facts()
        facts["delivered"] = _told(self.delivered)
        explains = self.on_decision is not None
        decide: Callable[..., Decision | Explanation | Awaitable[Decision | Explanation]]
        if self.upstream is None:
            decide = self.policy.explain if explains else self.policy.decide
        else:
            shared = self.upstream.explain if explains else self.upstream.decide
            decide = partial(shared, self.policy)
        return decide(body=body, **_what(failure), **facts)

    def decided(self, failure: Failure, answer: Decision | Explanation) -> int | None:
        """Tell how long to wait for the next attempt, or `None` if the call ends."""
        explanation = answer if isinstance(answer, Explanation) else None
        self.decision = decision = answer.decision if isinstance(answer, Explanation) else answer
        wait_ms = decision.after_ms if decision.action == "retry" else None
        self._tell(failure, decision, wait_ms, explanation)
        self.attempt += 1
        return wait_ms

    def refuse(self, failure: Failure, refusal: Decision) -> None:
        """End the call with its last failure, since the next attempt may not be sent."""
        self.attempt -= 1  # It was never sent.
        self._tell(failure, refusal, None, None)

    def _tell(
        self,
        failure: Failure,
        decision: Decision,
        wait_ms: int | None,
        explanation: Explanation | None,
    ) -> None:
        """Tell what was decided: the log, who asked for it, and at the end also the outcome."""
        response, error, _, body = failure
        if wait_ms is None:
            # An object that takes no attribute is given back without.
            with suppress(AttributeError):
                setattr(response if error is None else error, DECISION, decision)
        self._log(decision)
        if self.on_decision is None:
            return
        report = None
        if decision.action == "escalate":
            now = int(self.clock.time() * 1000)
            report = support_report(body=body, now=now, endpoint=self.endpoint, **_what(failure))
        elapsed_ms = self.elapsed_ms()
        self.on_decision(
            DecisionEvent(
                decision, self.attempt, elapsed_ms, wait_ms, response, error, explanation, report
            )
        )

    def held_back(self, admission: Admission) -> float:
        """Tell how many seconds to wait until the next attempt may be sent, and log it."""
        what = f"held back for {admission.after_ms} ms by {admission.source}"
        self._write(logging.INFO, what)
        return admission.after_ms / 1000

    def _log(self, decision: Decision) -> None:
        # A call that fails without a retry, as by a 404, is its caller's affair.
        ends_at_once = decision.action == "stop" and self.attempt == 0
        level = logging.DEBUG if ends_at_once else _LEVELS[decision.action]
        if not _LOG.isEnabledFor(level):
            return
        waits = f" after {decision.after_ms} ms" if decision.after_ms else ""
        why = f"{decision.class_}, {decision.reason}, {decision.source}"
        self._write(level, f"{decision.action}{waits} ({why})")

    def _write(self, level: int, what: str) -> None:
        endpoint = "?" if self.endpoint is None else public_endpoint(self.endpoint)
        _LOG.log(level, "%s %s: attempt %d: %s", self.method or "?", endpoint, self.attempt, what)

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
            "replayable": _told(self.replayable),
        }

    def elapsed_ms(self) -> int:
        """Tell how long ago the call began."""
        return int((self.clock.monotonic() - self.began) * 1000)


def _told(fact: Callable[[], bool] | bool | None) -> bool | None:
    return fact() if callable(fact) else fact


class _What(TypedDict):
    status: int | None
    headers: Any
    transport: TransportKind | None
    phase: Phase | None


def _what(failure: Failure) -> _What:
    """Tell what failed, as `Facts` has it."""
    kind, phase = failure.transport or (None, None)
    return {
        "status": status_of(failure.response),
        "headers": getattr(failure.response, "headers", None),
        "transport": kind,
        "phase": phase,
    }
