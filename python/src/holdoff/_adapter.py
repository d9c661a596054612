"""What the adapters for HTTP clients share: options, and what a call needs around `retry`."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypedDict
from urllib.parse import urlsplit
from uuid import uuid4

from holdoff._call import Answer, Clock, DecisionEvent, Failure, RetryOptions
from holdoff._codes import IDEMPOTENT_METHODS, MAX_BODY_BYTES
from holdoff._tracing import Trace
from holdoff._transport import transport_failure
from holdoff.policy import Policy
from holdoff.retrying import HeldBackError, recommended, say_once
from holdoff.upstream import AsyncUpstreamLike, Upstream, UpstreamLike

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from typing_extensions import Unpack

MAX_JSON_BYTES = 2**20
"""JSON of at most this length is read whole before it is handed over."""

_MOST_UPSTREAMS = 1000


class AdapterOptions(TypedDict, total=False):
    """What an adapter takes, for all of its calls. All may be left out.

    The fields that `RetryOptions` has too mean the same.

    Attributes:
        policy: `Policy.recommended()` if not given.
        upstream: What the calls share. If not given, `"per_origin"`: one `Upstream` for each
            scheme, host and port that this adapter calls. `None`: nothing.
        on_decision: Called with a `DecisionEvent` for each failed attempt.
        deadline_ms: Milliseconds from the beginning of a call to the instant after which its answer
            is worthless. No wait goes beyond it, and the attempt that it passes in is cut off, as a
            timeout of the client's kind. A body that is streamed after that may take longer; in a
            stream of events, a synchronous client waits for none longer than was left at first.
        max_retries: How many retries a call may have, in place of the policy's own number.
        idempotent: Whether sending a request twice has the effect of sending it once. If not given,
            its method and its idempotency key tell it.
        seed: The seed of the jitter; from the platform's entropy if not given.
        clock: What tells the time; the module `time` if not given.
    """

    policy: Policy | None
    upstream: UpstreamLike | AsyncUpstreamLike | Literal["per_origin"] | None
    on_decision: Callable[[DecisionEvent], object] | None
    deadline_ms: int | None
    max_retries: int | None
    idempotent: bool | None
    seed: int | None
    clock: Clock


class Adapter:
    """What an adapter keeps from call to call."""

    def __init__(self, error: type[Exception], **options: Unpack[AdapterOptions]) -> None:
        """Take the options, and the `error` that all of the client's own are kinds of."""
        self._error = error
        _check(options)
        self._options = options
        self._upstreams: dict[str, Upstream] = {}

    def call(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        replayable: Callable[[], bool] | bool,
        **own: Unpack[AdapterOptions],
    ) -> AdapterCall:
        """Begin a call; `own` are the options of its own."""
        _check(own)
        retry_count = str(headers.get("x-stainless-retry-count", "0"))
        if retry_count.isdecimal() and int(retry_count) > 0:
            say_once(
                "a retry inside a retry: the API's client sends requests again itself, on top of "
                "holdoff's adapter, so their attempts multiply; give the client `max_retries=0`"
            )
        options: AdapterOptions = {**self._options, **own}
        policy = options.get("policy") or recommended()
        upstream = options.get("upstream", "per_origin")
        if upstream == "per_origin":
            upstream = self._upstream(url)
        return AdapterCall(self._error, policy, upstream, options, method, url, headers, replayable)

    def _upstream(self, url: str) -> Upstream:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        if len(self._upstreams) >= _MOST_UPSTREAMS and origin not in self._upstreams:
            oldest = list(self._upstreams)[0]  # noqa: RUF015, other threads may add to it
            self._upstreams.pop(oldest, None)
        return self._upstreams.setdefault(origin, Upstream())


def _check(options: AdapterOptions) -> None:
    unknown = options.keys() - AdapterOptions.__annotations__.keys()
    if unknown:
        known = "`, `".join(AdapterOptions.__annotations__)
        message = f"`{min(unknown)}` is not an option of an adapter, which are `{known}`"
        raise TypeError(message)


class AdapterCall:
    """One call of an adapter."""

    def __init__(
        self,
        error: type[Exception],
        policy: Policy,
        upstream: UpstreamLike | AsyncUpstreamLike | None,
        options: AdapterOptions,
        method: str,
        url: str,
        headers: Mapping[str, str],
        replayable: Callable[[], bool] | bool,
    ) -> None:
        """Take what is known before the first attempt."""
        self._error = error
        self.policy = policy
        self.headers: dict[str, str] = {}
        """What all attempts add to the headers of the request."""
        self._reads_body = policy.reads_body or upstream is not None
        self._trace = Trace(method, url)
        self._clock = options.get("clock", time)
        deadline_ms = options.get("deadline_ms")
        self._deadline = (
            None if deadline_ms is None else self._clock.monotonic() + deadline_ms / 1000
        )
        idempotent = options.get("idempotent")
        key_header = policy.idempotency_key_header
        if key_header is not None and method not in IDEMPOTENT_METHODS:
            if key_header.lower() not in {name.lower() for name in headers}:
                self.headers[key_header] = str(uuid4())
            idempotent = True if idempotent is None else idempotent
        self.options: RetryOptions = {
            "upstream": upstream,
            "on_decision": self._trace.listener(options.get("on_decision")),
            "deadline_ms": deadline_ms,
            "max_retries": options.get("max_retries"),
            "method": method,
            "idempotent": idempotent,
            "replayable": replayable,
            "endpoint": url,
            "seed": options.get("seed"),
            "clock": self._clock,
        }
        """What `retry` is given."""

    def seconds_left(self, own: float | None = None) -> float | None:
        """Tell how long an attempt may take from now: the client's own limit, or what is left."""
        if self._deadline is None:
            return own
        # Zero would mean no limit to some clients, or not to wait at all.
        left = max(self._deadline - self._clock.monotonic(), 0.001)
        return left if own is None else min(own, left)

    @property
    def is_too_late(self) -> bool:
        """Whether the deadline has passed."""
        return self._deadline is not None and self._clock.monotonic() >= self._deadline

    @contextmanager
    def attempt(self, number: int) -> Iterator[dict[str, str]]:
        """Give the headers that this attempt adds to those of the request, and trace it."""
        with self._trace.attempt(number) as headers:
            yield self.headers | headers

    def beginning(self, status: int, headers: Mapping[str, str]) -> Beginning:
        """Begin to look into the body of a response."""
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        length = headers.get("content-length", "")
        if status >= 400:
            return Beginning(status, MAX_BODY_BYTES if self._reads_body else 0)
        if kind == "text/event-stream":
            return Beginning(status, 1)
        too_long = length.isdecimal() and int(length) > MAX_JSON_BYTES
        if (kind == "application/json" or kind.endswith("+json")) and not too_long:
            return Beginning(status, MAX_JSON_BYTES)
        return Beginning(status, 0)

    def answer(self, response: Any, headers: Any, beginning: Beginning, body: bytes) -> Answer:
        """Tell whether the attempt failed, by the status or by the first event of a stream.

        `body` is the beginning of the body, without its content coding.
        """
        if beginning.status >= 400:
            return Answer(response, Failure(response, body=body))
        if beginning.is_looked_at and body:
            decision = self.policy.decide(
                status=beginning.status, headers=headers, body=body, draw=0
            )
            if decision.reason != "not_a_failure":
                return Answer(response, Failure(response, body=body))
        return Answer(response)

    def outcome(self, answer: Answer) -> Any:
        """Tell how the call ended, when `retry` has given the last answer back."""
        self._deadline = None  # What is left of the body is the client's.
        response, failure = answer
        if failure is not None and failure.error is not None:
            raise failure.error
        self._trace.end(response)
        return response

    def __enter__(self) -> None:
        """Begin the call."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """End the call, with whatever its last attempt ended in."""
        self._trace.end(error=error)
        if isinstance(error, HeldBackError):
            raise _held_back(self._error)(error.decision) from None


class Beginning:
    """The beginning of a body: what is read of it before its response is handed over."""

    def __init__(self, status: int, most: int) -> None:
        """Read `most` bytes of it, or a little more."""
        self.status = status
        self.most = most
        self.chunks: list[bytes] = []
        self.error: Exception | None = None
        self._length = 0

    @property
    def is_looked_at(self) -> bool:
        """Whether it may tell of an error; otherwise it only has to arrive."""
        return self.status >= 400 or self.most == 1

    def take(self, chunk: bytes) -> bool:
        """Take what was read. Whether it is enough."""
        self.chunks.append(chunk)
        self._length += len(chunk)
        return self._length >= self.most

    def broke_off(self, error: Exception) -> Answer | None:
        """Take in that reading failed: the answer, if that makes the attempt a failed one."""
        self.error = error
        if self.status >= 400:
            return None  # The status says what failed.
        kind, _ = transport_failure(error) or ("reset", None)
        return Answer(None, Failure(None, error, (kind, "body"), b""))


def _held_back(error: type[Exception]) -> type[HeldBackError]:
    """Make the kind of `HeldBackError` that is an error of the client's own, too."""
    return type("HeldBackError", (HeldBackError, error), {"__doc__": HeldBackError.__doc__})
