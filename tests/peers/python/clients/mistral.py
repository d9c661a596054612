"""mistralai, whose code Speakeasy generates."""

import time
from datetime import datetime

import httpx2
from mistralai.client import Mistral
from mistralai.client.errors import MistralError
from mistralai.client.types import UNSET
from mistralai.client.utils import BackoffStrategy, RetryConfig, retries

from clients import httpx_failures, loop


class PinnedDatetime(datetime):
    """`now` reads the clock by itself, and not by `time.time`."""

    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)


retries.datetime = PinnedDatetime

BACKOFF = BackoffStrategy(500, 60_000, 1.5, 3_600_000)
"""The defaults of the package's `retry_with_backoff`, which the constructor has not."""

UNUSED = httpx2.AsyncClient(verify=False)
"""Given, because making one takes longer than all of the rest."""


def answer(case: dict) -> dict:
    """What the client does with the case. It counts no retries: either it has none, or an hour."""
    client = Mistral(
        api_key="key",
        client=httpx_failures.client(httpx2, case),
        async_client=UNUSED,
        retry_config=RetryConfig("backoff", BACKOFF, True) if case["max_retries"] else UNSET,
    )
    return loop.after(case["attempt"], client.models.list, (MistralError, httpx2.TransportError))
