"""Clients that keep their decisions inside of a loop: they are let call until they sleep."""

import time
from collections.abc import Callable


class Sleeping(BaseException):
    """Ends a call where the client would sleep. No client catches what is not an `Exception`."""


def after(
    attempt: int,
    call: Callable[[], object],
    gives_up: type[Exception] | tuple[type[Exception], ...],
) -> dict:
    """What the client does after so many attempts before this one failed alike: it sleeps, or it
    ends the call, by returning or by the exception it has for that."""
    left = attempt

    def sleep(seconds: float) -> None:
        nonlocal left
        if left == 0:
            raise Sleeping(seconds)
        left -= 1

    time.sleep = sleep
    try:
        call()
    except Sleeping as sleeping:
        return {"retry": True, "delay_ms": sleeping.args[0] * 1000}
    except gives_up:
        pass
    return {"retry": False}
