"""The ordered steps that led to a decision, for a person or a log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from holdoff._codes import Topic
from holdoff.decision import Decision


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
    """What `Policy.explain` answers. `str` gives it as text, one line for each step.

    Attributes:
        decision: The decision, the same that `Policy.decide` gives.
        steps: The steps in order. The last one states the decision.
    """

    decision: Decision
    steps: tuple[Step, ...]
    _text: str = field(repr=False)

    def __str__(self) -> str:
        """Give all steps as text."""
        return self._text
