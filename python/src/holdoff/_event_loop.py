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

    try:
        return await asyncio.wait_for(function(), seconds)
    except asyncio.TimeoutError:
        return None


def _running_trio() -> Any | None:
    """Trio, if it is what runs the current task. Where nothing has imported it, it is not."""
    trio = sys.modules.get("trio")
    return trio if trio is not None and trio.lowlevel.in_trio_task() else None
