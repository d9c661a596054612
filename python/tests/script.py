"""Attempts that end as a script says, and a time that only waiting moves."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import trio

import holdoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

POLICY = holdoff.Policy.tessera()
DEFAULTS: dict[str, Any] = {"policy": POLICY}
DOCUMENT: dict[str, Any] = json.loads(POLICY.to_json())


def policy_like_tessera(**other: Any) -> holdoff.Policy:
    """Tessera's policy with other values for some fields."""
    return holdoff.Policy(DOCUMENT | other)


QUICK = policy_like_tessera(
    backoff=DOCUMENT["backoff"] | {"base_ms": 1, "cap_ms": 1, "jitter": {"kind": "none"}}
)
"""Tessera's policy with waits of a millisecond."""


def response(status: int, headers: Any = None, text: str = "") -> httpx.Response:
    return httpx.Response(status, headers=headers, text=text)


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def time(self) -> float:
        return 1_768_478_400 + self.monotonic()

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def asleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Script:
    """Returns or raises one outcome after the other, and then the last one for ever."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = outcomes
        self.attempts: list[int] = []

    def __call__(self, attempt: int) -> Any:
        self.attempts.append(attempt)
        outcome = self.outcomes[min(attempt, len(self.outcomes) - 1)]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def awaited(self, attempt: int) -> Any:
        return self(attempt)


def run_sync(script: Script, clock: Time, **options: Any) -> Any:
    return holdoff.retry(script, sleep=clock.sleep, clock=clock, **(DEFAULTS | options))


def run_in_asyncio(script: Script, clock: Time, **options: Any) -> Any:
    return in_asyncio(
        partial(
            holdoff.aretry, script.awaited, sleep=clock.asleep, clock=clock, **(DEFAULTS | options)
        )
    )


def run_in_trio(script: Script, clock: Time, **options: Any) -> Any:
    return trio.run(
        partial(
            holdoff.aretry, script.awaited, sleep=clock.asleep, clock=clock, **(DEFAULTS | options)
        )
    )


def in_asyncio(function: Callable[[], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        return await function()

    return asyncio.run(main())
