"""azure-core with requests, its default transport."""

from datetime import datetime
from functools import partial
from types import SimpleNamespace

from azure.core.exceptions import AzureError
from azure.core.pipeline import Pipeline
from azure.core.pipeline.policies import RetryPolicy, _utils
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest

import adapter
from clients import loop, urllib3_failures


class Stopped(datetime):
    """The clock of the dates, which is not the one of the seconds."""

    now = partial(datetime.fromtimestamp, adapter.NOW)


_utils.datetime = SimpleNamespace(datetime=Stopped)


class LaterAttempt(RetryPolicy):
    """Counts each failure as if as many attempts before it had failed alike."""

    def __init__(self, attempt: int, **options: int):
        super().__init__(**options)
        self.attempt = attempt

    def increment(self, settings: dict, **failure) -> bool:
        for _ in range(self.attempt):
            super().increment(settings, **failure)
        return super().increment(settings, **failure)


def answer(case: dict) -> dict:
    """What the client does with the case."""
    counts = ("retry_total", "retry_connect", "retry_read", "retry_status")
    retries = case["max_retries"]
    options = {} if retries is None else dict.fromkeys(counts, retries)
    policy = LaterAttempt(case["attempt"], **options)
    request = HttpRequest(case["method"] or "GET", "http://host/")
    urllib3_failures.meet(case, 1)
    with Pipeline(RequestsTransport(use_env_settings=False), [policy]) as pipeline:
        return loop.after(0, lambda: pipeline.run(request), AzureError)
