"""`stop`, `retry` and `wait` for tenacity.

    import tenacity
    from holdoff.tenacity import PolicyRetry

    by_policy = PolicyRetry()

    @tenacity.retry(
        retry=by_policy.retry, wait=by_policy.wait, stop=by_policy.stop, reraise=True
    )
    def fetch() -> httpx.Response:
        return httpx.get(url)

`retry` alone gives the last result back, and raises the last exception unchanged. `reraise=True`
is for where another condition wants to go on, as in `by_policy.retry | retry_if_exception_type(
KeyError)`, and `stop` ends the call: without it, tenacity raises a `RetryError`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, cast
from weakref import WeakKeyDictionary

from holdoff._call import Call, Failure, RetryOptions, failure_in, failure_of
from holdoff._response import close, read_body
from holdoff.retrying import at_once, recommended

if TYPE_CHECKING:
    from tenacity import RetryCallState
    from typing_extensions import Unpack

    from holdoff.decision import Decision
    from holdoff.explanation import Explanation
    from holdoff.policy import Policy

__all__ = ["PolicyRetry", "RetryOptions"]


class PolicyRetry:
    """Decides by a policy for tenacity, whose loop it is that waits and calls again.

    For functions that send one request with any HTTP client and return its response, or raise, as
    with `holdoff.retry`; for `Retrying` and `AsyncRetrying`. One object serves any number of calls.

    It takes what `holdoff.retry` takes, but for `upstream`: tenacity has no place to hold a call
    back in. The body of an asynchronous client's response is looked at where it was read already.
    """

    def __init__(self, policy: Policy | None = None, **options: Unpack[RetryOptions]) -> None:
        """Take the policy, `Policy.recommended()` if not given, and the options."""
        if options.get("upstream") is not None:
            message = "upstream: tenacity can't hold a call back; use `holdoff.retry` for that"
            raise TypeError(message)
        self._policy = policy or recommended()
        self._options = options
        self._calls: WeakKeyDictionary[RetryCallState, _State] = WeakKeyDictionary()

    def retry(self, retry_state: RetryCallState) -> bool:
        """Whether there is another attempt."""
        return self._decided(retry_state).wait_ms is not None

    def wait(self, retry_state: RetryCallState) -> float:
        """Tell how many seconds to wait for it."""
        return (self._decided(retry_state).wait_ms or 0) / 1000

    def stop(self, retry_state: RetryCallState) -> bool:
        """Whether the policy says that the call ends."""
        state = self._decided(retry_state)
        return state.failed and state.wait_ms is None

    def _decided(self, retry_state: RetryCallState) -> _State:
        """Decide on the last attempt, once."""
        state = self._calls.get(retry_state)
        if state is None:
            call = Call(self._policy, **self._options)
            # tenacity tells when it began by a clock of its own.
            call.began -= time.monotonic() - retry_state.start_time
        elif state.attempt == retry_state.attempt_number:
            return state
        else:
            call = state.call
        failure = _failure(retry_state)
        wait_ms = None
        if failure is not None:
            if call.reads_body:
                failure = failure._replace(body=read_body(failure.response))
            answer = cast("Decision | Explanation", at_once(call.decide(failure)))
            wait_ms = call.decided(failure, answer)
            if wait_ms is not None:
                close(failure.response)
        state = _State(call, retry_state.attempt_number, failure is not None, wait_ms)
        self._calls[retry_state] = state
        return state


class _State(NamedTuple):
    """What was decided on the last attempt of a call."""

    call: Call
    attempt: int
    failed: bool
    wait_ms: int | None


def _failure(retry_state: RetryCallState) -> Failure | None:
    outcome = retry_state.outcome
    if outcome is None:
        return None
    error = outcome.exception()
    if error is None:
        return failure_in(outcome.result())
    return failure_of(error) if isinstance(error, Exception) else None
