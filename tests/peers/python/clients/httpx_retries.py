"""httpx-retries."""

from datetime import datetime, timezone
from functools import partial
from types import SimpleNamespace

import httpx
from httpx_retries import Retry, RetryTransport, retry

import adapter
from clients import httpx_failures, loop


class Stopped(datetime):
    """The clock of the dates, which is not the one of the seconds."""

    now = partial(datetime.fromtimestamp, adapter.NOW)


retry.datetime = SimpleNamespace(datetime=Stopped, timezone=timezone)


def answer(case: dict) -> dict:
    """What the client does with the case."""
    retries = case["max_retries"]
    options = {} if retries is None else {"total": retries}
    failing = httpx_failures.client(httpx, case)._transport
    transport = RetryTransport(failing, Retry(attempts_made=case["attempt"], **options))
    with httpx.Client(transport=transport, trust_env=False) as client:
        request = client.build_request(case["method"] or "GET", "http://host/")
        return loop.after(0, lambda: client.send(request), httpx.TransportError)
