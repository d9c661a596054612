"""What `aretry` needs of the event loop that it runs in, asyncio's or trio's."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


async def sleep(seconds: float) -> None:
    """Wait; being cancelled ends the wait at once."""
    if trio := _running_trio():
        await trio.sleep(seconds)
    else:
        import asyncio

        await asyncio.sleep(seconds)


async def within(seconds: float, function: Callable[[], Awaitable[T]]) -> T | None:
    """Await what the function does, or `None` if that takes too long."""
    if trio := _running_trio():
        with trio.move_on_after(seconds):
            return await function()
        return None
    import asyncio

    if sys.version_info < (3, 11):
        return await _within(seconds, function)
    try:
        async with asyncio.timeout(seconds) as limit:
            return await function()
    except TimeoutError:
        if not limit.expired():
            raise
        return None


async def _within(seconds: float, function: Callable[[], Awaitable[T]]) -> T | None:
    """Do the same in Python 3.10, in a task of its own."""
    import asyncio

    async def outcome() -> tuple[T | None, Exception | None]:
        try:
            return await function(), None
        except Exception as error:  # noqa: BLE001, since `wait_for` raises the like
            return None, error

    try:
        result, error = await asyncio.wait_for(outcome(), seconds)
    except asyncio.TimeoutError:
        return None
    if error is not None:
        raise error
    return result


def _running_trio() -> Any | None:
    """Trio, if it is what runs the current task. Where nothing has imported it, it is not."""
    trio = sys.modules.get("trio")
    return trio if trio is not None and trio.lowlevel.in_trio_task() else None
