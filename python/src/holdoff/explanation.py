"""The ordered steps that led to a decision, for a person or a log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

from holdoff._codes import Topic
from holdoff._library import readable
from holdoff.decision import Decision

if TYPE_CHECKING:
    from holdoff import _native


class Step(NamedTuple):
    """One step of an explanation.

    Attributes:
        topic: What the step is about, such as `"hint"`.
        text: What was found, one sentence for a person.
    """

    topic: Topic
    text: str


@dataclass(frozen=True)
class Explanation:
    """What `explain` answers. `str` gives it as text, one line for each step.

    Attributes:
        decision: The decision, the same that `decide` gives.
        steps: The steps in order. The last one states the decision.
    """

    decision: Decision
    steps: tuple[Step, ...]
    _text: str = field(repr=False)

    def __str__(self) -> str:
        """Give all steps as text."""
        return self._text


def explained(parts: _native.ExplanationParts | None, policy: _native.Policy) -> Explanation:
    """Read what the library explains."""
    parts = readable(parts)
    return Explanation(
        Decision(parts.decision, policy),
        tuple(Step(cast("Topic", step.topic), step.text) for step in parts.steps),
        parts.text,
    )
