"""The rules by which calls to one API are retried."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from holdoff import _native
from holdoff._headers import HeaderNames
from holdoff._library import decider
from holdoff._request import pack
from holdoff.decision import Decision
from holdoff.explanation import explained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Self, Unpack

    from holdoff._request import Facts
    from holdoff.explanation import Explanation

T = TypeVar("T")

PRESET_NAMES: tuple[str, ...] = tuple(_native.preset_names())
"""The names of the policies that ship with holdoff, for `Policy.preset`.

Those with an `@` do what other clients do in these versions, of each client the newest first.
"""


class PolicyError(ValueError):
    """What is wrong with a policy document: where, what was found, and what would be right.

    Also what is wrong with the state of an `Upstream`.
    """


class Policy:
    """An immutable policy: a JSON document, checked whole when it is loaded, or a preset.

    It may be shared between threads.
    """

    __slots__ = ("_decide", "_header_names", "_headers", "_native", "_reads_body")

    def __init__(self, document: str | Mapping[str, Any]) -> None:
        """Load the policy that a document describes, given as JSON text or as a dict.

        Raises `PolicyError` for a document that is not right.
        """
        text = document if isinstance(document, str) else json.dumps(document)
        self._load(_native.Policy.from_json, text)

    @classmethod
    def preset(cls, name: str) -> Self:
        """Load the policy that ships under `name`.

        It is one of `PRESET_NAMES`; a client alone, `openai-python`, for its newest; or a client
        and a version of it, `openai-python@2.40.0`. Raises `PolicyError` where there is none.
        """
        policy = cls.__new__(cls)
        policy._load(_native.Policy.preset, name)
        return policy

    @classmethod
    def recommended(cls) -> Self:
        """Load the policy for any API that has none of its own.

        It hears everything that servers are known to say, keeps retries few and spread out, and
        stops where a request that is not safe to repeat may have been executed.
        """
        return cls.preset("recommended")

    @classmethod
    def tessera(cls) -> Self:
        """Load Tessera AI's policy, to the letter of its error page."""
        return cls.preset("tessera")

    def _load(self, constructor: Callable[[str], _native.Policy], text: str) -> None:
        self._native = checked(constructor, text)
        # What every decision needs is looked up once.
        self._decide = decider(self._native)
        self._headers = tuple(self._native.headers())
        self._header_names = HeaderNames(self._headers)
        self._reads_body = self._native.reads_body()

    def decide(self, **facts: Unpack[Facts]) -> Decision:
        """Decide whether the failed attempt may be tried again, and after how long.

        The failure and what is known of the call are given as keyword arguments, which `Facts`
        describes. Either `status` or `transport` must be among them.

        Pure but for the seed, which is drawn from the platform's entropy if none is given: the same
        facts always give the same decision. No header, body or status from 0 to 999 makes it fail;
        a fact of the wrong type raises `TypeError`, one out of its range `ValueError`.
        """
        request = pack(self._header_names, self._reads_body, **facts)
        return Decision(self._decide(request), self._native)

    def explain(self, **facts: Unpack[Facts]) -> Explanation:
        """Decide as `decide` does, and tell the steps that led to the decision."""
        request = pack(self._header_names, self._reads_body, **facts)
        return explained(self._native.explain(request), self._native)

    @property
    def name(self) -> str:
        """The policy's name."""
        return self._native.name()

    @property
    def description(self) -> str:
        """One sentence on what the policy is for; may be empty."""
        return self._native.description()

    @property
    def headers(self) -> tuple[str, ...]:
        """The names of the response headers that a decision reads, in lower case."""
        return self._headers

    @property
    def reads_body(self) -> bool:
        """Whether a decision looks into the response body."""
        return self._reads_body

    @property
    def idempotency_key_header(self) -> str | None:
        """The request header in which the policy asks for an idempotency key, or `None`.

        The adapters give each request whose method is not idempotent a key of its own there, the
        same on all attempts, and have it count as idempotent.
        """
        return self._native.idempotency_key_header()

    def to_json(self) -> str:
        """Write the policy as a JSON document with every default spelt out."""
        return self._native.to_json()

    def __reduce__(self) -> tuple[type[Policy], tuple[str]]:
        """A copy or pickle is loaded anew, since what the library holds cannot be copied."""
        return Policy, (self.to_json(),)

    def __repr__(self) -> str:
        """The name."""
        return f"<Policy {self.name!r}>"


def checked(constructor: Callable[[str], T], text: str) -> T:
    """Make what the text describes, or raise a `PolicyError`."""
    try:
        return constructor(text)
    except _native.PolicyError.Invalid as error:  # type: ignore[attr-defined]
        raise PolicyError(str(error)) from None
