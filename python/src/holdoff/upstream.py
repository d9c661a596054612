"""What many calls to one server share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from holdoff import _native
from holdoff._codes import SOURCES, Source
from holdoff._library import readable
from holdoff._request import pack, pack_call
from holdoff.decision import Decision
from holdoff.explanation import explained
from holdoff.policy import checked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from typing_extensions import Self, Unpack

    from holdoff._headers import Headers
    from holdoff._request import CallFacts, Facts
    from holdoff.explanation import Explanation
    from holdoff.policy import Policy


@dataclass(frozen=True)
class Admission:
    """What `Upstream.admit` answers: whether an attempt may be sent.

    Attributes:
        action: `"send"`: now. `"wait"`: not yet; wait for `after_ms`, then ask again with the
            `ticket`. `"refuse"`: not at all, since the wait would be too long; see `decision`.
        after_ms: How long to wait, in milliseconds; 0 unless the action is `"wait"`.
        source: What holds the call back: `"hold"`, `"breaker"` or `"pace"`; `"none"` unless the
            action is `"wait"`.
        ticket: The place in the queue to ask again with; 0 unless the action is `"wait"`. It is of
            no use for any other call.
        decision: What holds the call back, for how long, and the class of what last failed;
            `None` unless the action is `"refuse"`.
    """

    action: Literal["send", "wait", "refuse"]
    after_ms: int = 0
    source: Source = "none"
    ticket: int = 0
    decision: Decision | None = None


SEND = Admission("send")


class Upstream:
    """What many calls to one server share: hold, retry budget, breaker and rate.

    It holds calls back, and lets them retry, by the `upstream` of the policy that it is asked with,
    and does nothing by a policy without. One `Upstream` stands for one server, and any number of
    threads and tasks may use it at once. Give it to `retry` and `aretry`, which do the rest.

    Or do it yourself, for each attempt: `admit` before it is sent; then `succeed`, or `decide` in
    place of `Policy.decide`. It reads no clock: without `now` in the facts, it takes no part.

    A copy or pickle is a state of its own, which learns nothing more from the original.
    """

    __slots__ = ("_native",)

    def __init__(self) -> None:
        """Begin with a state in which nothing is known."""
        self._native = _native.Upstream()  # type: ignore[no-untyped-call]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Load the state that `to_json` wrote.

        Raises `PolicyError` for text that no `to_json` of this version wrote.
        """
        upstream = cls.__new__(cls)
        upstream._native = checked(_native.Upstream.from_json, text)
        return upstream

    def to_json(self) -> str:
        """Write the state as a JSON object, to be kept or handed on."""
        return self._native.to_json()

    def merge(self, other: Upstream) -> None:
        """Take in what another copy of the same state knows.

        Of the holds the later counts, and of all the rest what was seen later.
        """
        self._native.merge(other._native)

    def admit(self, policy: Policy, *, ticket: int = 0, **facts: Unpack[CallFacts]) -> Admission:
        """Tell whether an attempt may be sent now.

        Ask before each attempt, the first included, with the `ticket` of the last answer if that
        was to wait. `attempt` is the one that is to be sent, and `now` the time; `deadline_ms`
        bounds the wait. Give the same `seed` each time: it tells when the call is released.
        """
        bits = self._native.admit(policy._native, pack_call(**facts), ticket)
        # Where each fact is in the number: core's `Admission::to_bits`.
        if bits < 0:
            return Admission("refuse", decision=Decision(-bits, policy._native))
        if bits == 0:
            return SEND
        return Admission("wait", bits & 0x7FFF_FFFF, SOURCES[bits >> 31 & 0x1F], bits >> 36)

    def succeed(
        self,
        policy: Policy,
        *,
        after: Decision | None = None,
        headers: Headers | None = None,
        **facts: Unpack[CallFacts],
    ) -> None:
        """Take in that an attempt succeeded.

        `after` is the decision that led to it; `None` for a first attempt. The answer's `headers`
        may say what is left of the server's limits.
        """
        request = pack(policy._header_names, False, status=0, headers=headers, **facts)
        self._native.succeed(policy._native, request, after.bits if after else 0)

    def decide(self, policy: Policy, **facts: Unpack[Facts]) -> Decision:
        """Take in that an attempt failed, and decide on it.

        As `Policy.decide`, but that a retry must be paid from the budget: where that is used up,
        the call ends with the reason `"budget_exhausted"`.
        """
        request = pack(policy._header_names, policy._reads_body, **facts)
        return Decision(readable(self._native.decide(policy._native, request)), policy._native)

    def explain(self, policy: Policy, **facts: Unpack[Facts]) -> Explanation:
        """Decide as `decide` does, and tell the steps that led to the decision.

        It takes the failure in too: call it in place of `decide`.
        """
        request = pack(policy._header_names, policy._reads_body, **facts)
        return explained(self._native.explain(policy._native, request), policy._native)

    def __reduce__(self) -> tuple[Callable[[str], Upstream], tuple[str]]:
        """A copy or pickle has the same state, and shares nothing."""
        return type(self).from_json, (self.to_json(),)

    def __repr__(self) -> str:
        """The state."""
        return f"<Upstream {self.to_json()}>"


class UpstreamLike(Protocol):
    """What `retry` needs of an upstream: an `Upstream`, or what has its methods."""

    def admit(self, policy: Policy, *, ticket: int = 0, **facts: Unpack[CallFacts]) -> Admission:
        """Tell whether an attempt may be sent now."""
        ...

    def succeed(
        self,
        policy: Policy,
        *,
        after: Decision | None = None,
        headers: Headers | None = None,
        **facts: Unpack[CallFacts],
    ) -> None:
        """Take in that an attempt succeeded."""
        ...

    def decide(self, policy: Policy, **facts: Unpack[Facts]) -> Decision:
        """Take in that an attempt failed, and decide on it."""
        ...

    def explain(self, policy: Policy, **facts: Unpack[Facts]) -> Explanation:
        """Decide as `decide` does, and tell the steps that led to the decision."""
        ...


class AsyncUpstreamLike(Protocol):
    """The same for `aretry`, with answers that are awaited."""

    def admit(
        self, policy: Policy, *, ticket: int = 0, **facts: Unpack[CallFacts]
    ) -> Awaitable[Admission]:
        """Tell whether an attempt may be sent now."""
        ...

    def succeed(
        self,
        policy: Policy,
        *,
        after: Decision | None = None,
        headers: Headers | None = None,
        **facts: Unpack[CallFacts],
    ) -> Awaitable[None]:
        """Take in that an attempt succeeded."""
        ...

    def decide(self, policy: Policy, **facts: Unpack[Facts]) -> Awaitable[Decision]:
        """Take in that an attempt failed, and decide on it."""
        ...

    def explain(self, policy: Policy, **facts: Unpack[Facts]) -> Awaitable[Explanation]:
        """Decide as `decide` does, and tell the steps that led to the decision."""
        ...
