"""stamina, by its defaults and for every exception."""

import stamina
from stamina.instrumentation import set_on_retry_hooks

from clients import loop, tenacity

set_on_retry_hooks([])


def answer(case: dict) -> dict:
    """What the client does with the case."""
    retries = case["max_retries"]
    attempts = {} if retries is None else {"attempts": retries + 1}
    retrying = stamina.retry(on=tenacity.Failure, **attempts)(tenacity.fail)
    return loop.after(case["attempt"], lambda: retrying(case), tenacity.Failure)
