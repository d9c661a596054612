"""tenacity, configured as its README and the cookbooks of API vendors have it."""

from tenacity import RetryError, Retrying, stop_after_attempt, wait_random_exponential

from clients import loop


class Failure(Exception):
    """What the retried function raises."""


def fail(case: dict) -> None:
    """Raises what is a failure to the retried function: a status of 400 or more, or no response."""
    if case["status"] is None or case["status"] >= 400:
        raise Failure


def answer(case: dict) -> dict:
    """What the client does with the case."""
    retries = 5 if case["max_retries"] is None else case["max_retries"]
    retrying = Retrying(
        wait=wait_random_exponential(multiplier=1, max=60), stop=stop_after_attempt(retries + 1)
    )
    return loop.after(case["attempt"], lambda: retrying(fail, case), RetryError)
