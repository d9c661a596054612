"""urllib3, which other packages send by."""

from urllib3 import HTTPConnectionPool, Retry
from urllib3.exceptions import MaxRetryError, ProtocolError, ReadTimeoutError

from clients import loop, urllib3_failures


def answer(case: dict) -> dict:
    """What the client does with the case."""
    method, retries = case["method"] or "GET", case["max_retries"]

    def request():
        left = Retry.from_int(retries)
        for _ in range(case["attempt"]):
            left = left.increment(method, "/")
        return HTTPConnectionPool("host").urlopen(method, "/", retries=left)

    urllib3_failures.meet(case, 1)
    return loop.after(0, request, (MaxRetryError, ProtocolError, ReadTimeoutError))
