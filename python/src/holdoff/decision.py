"""The answer: what to do, after how long, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdoff import _native
from holdoff._codes import ACTIONS, CLASSES, REASONS, SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdoff._codes import Action, FailureClass, Reason, Source


class Decision:
    """What `decide` answers: an immutable value, equal to any other with the same `bits`."""

    __slots__ = ("_bits", "_native")

    def __init__(self, bits: int, native: _native.Policy) -> None:
        """Only a policy makes decisions."""
        self._bits = bits
        self._native = native

    # Where each fact is in the number: core's `Decision::to_bits`.

    @property
    def action(self) -> Action:
        """What to do: `"retry"`, `"stop"` or `"escalate"` (to a person or a log)."""
        return ACTIONS[self._bits >> 47]

    @property
    def class_(self) -> FailureClass:
        """What kind of failure it was, such as `"rate_limited"`, whatever the vendor calls it."""
        return CLASSES[self._bits >> 42 & 0x1F]

    @property
    def reason(self) -> Reason:
        """Which rule decided, such as `"status"` or `"retries_exhausted"`."""
        return REASONS[self._bits >> 36 & 0x3F]

    @property
    def source(self) -> Source:
        """Where `after_ms` comes from: `"none"`, `"backoff"`, or the header, `"retry-after"`."""
        return SOURCES[self._bits >> 31 & 0x1F]

    @property
    def after_ms(self) -> int:
        """How long to wait, in milliseconds, at most 2^31 - 1.

        If the call ends because the wait is too long (the reason is `"hint_too_long"` or
        `"deadline"`), this is how long it would have been. Otherwise it is 0 unless the action is
        `"retry"`.
        """
        return self._bits & 0x7FFF_FFFF

    @property
    def advice(self) -> str:
        """What a person should do about the failure, one sentence in the policy's words."""
        return self._native.advice(self._bits)

    @property
    def bits(self) -> int:
        """The decision as one number below 2^49, the same in every language."""
        return self._bits

    def __eq__(self, other: object) -> bool:
        """Whether both say the same."""
        if not isinstance(other, Decision):
            return NotImplemented
        return self._bits == other._bits

    def __hash__(self) -> int:
        """By the bits."""
        return hash(self._bits)

    def __reduce__(self) -> tuple[Callable[[int, str], Decision], tuple[int, str]]:
        """A copy or pickle has its own policy, since what the library holds cannot be copied."""
        return _restored, (self._bits, self._native.to_json())

    def __repr__(self) -> str:
        """Every fact but the advice."""
        return (
            f"Decision(action={self.action!r}, after_ms={self.after_ms}, class_={self.class_!r}, "
            f"reason={self.reason!r}, source={self.source!r})"
        )


def _restored(bits: int, policy: str) -> Decision:
    return Decision(bits, _native.Policy.from_json(policy))
