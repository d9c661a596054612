"""Call the server of serve.mjs through PyPI's HTTP clients as they are.

Prints what each does with each value, one JSON object a line. No wait is real: `time.sleep` only
moves the clock.

    node serve.mjs python clients.py PRESET
"""

import json
import random
import sys
import threading
import time
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path

import time_machine

VALUES = json.loads((Path(__file__).parent / "values.json").read_text())
PRESET, URL = sys.argv[1:]

NOW = parsedate_to_datetime(VALUES["now"])
clock = time_machine.travel(NOW, tick=False).start()


def sleep(seconds: float) -> None:
    """Move the clock, with an error where the real one has one: of the same kind."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    if seconds > threading.TIMEOUT_MAX:
        raise OverflowError("timestamp out of range for platform time_t")
    clock.shift(seconds)


time.sleep = sleep
# Without jitter, the clients' own backoff is known from a hint.
random.random = lambda: 0.0

# Only now, for they may keep what they find.
import anthropic  # noqa: E402
import azure.core  # noqa: E402
import azure.core.pipeline.policies  # noqa: E402
import azure.core.rest  # noqa: E402
import holdoff  # noqa: E402
import httpx  # noqa: E402
import openai  # noqa: E402
import urllib3  # noqa: E402

MESSAGES = [{"role": "user", "content": "Hello"}]


def call_openai(url: str) -> object:
    client = openai.OpenAI(api_key="none", base_url=url)
    return client.chat.completions.create(model="any", messages=MESSAGES)


def call_anthropic(url: str) -> object:
    client = anthropic.Anthropic(api_key="none", base_url=url)
    return client.messages.create(model="any", max_tokens=1, messages=MESSAGES)


def call_urllib3(url: str) -> object:
    retries = urllib3.Retry(status_forcelist=[429], backoff_factor=0.5)
    return urllib3.PoolManager(retries=retries).request("GET", url)


def call_azure(url: str) -> object:
    policies = [azure.core.pipeline.policies.RetryPolicy()]
    client = azure.core.PipelineClient(url, policies=policies)
    return client.send_request(azure.core.rest.HttpRequest("GET", url))


def call_holdoff(url: str) -> object:
    policy = holdoff.Policy.preset(PRESET)
    return holdoff.retry(lambda attempt: httpx.get(url), policy=policy, seed=7)


CLIENTS = {
    "openai": call_openai,
    "anthropic": call_anthropic,
    "urllib3": call_urllib3,
    "azure-core": call_azure,
    "holdoff": call_holdoff,
}


def outcome(client: str, number: int) -> dict[str, object]:
    """Tell how long a call waited, and whether it gave the 429 back or what else it raised."""
    clock.move_to(NOW)
    start = time.time()
    raised = None
    try:
        answer = CLIENTS[client](f"{URL}/{client}-python/{number}")
    except Exception as error:
        answer = raised = error
    waited = {"wait_ms": round((time.time() - start) * 1000)}
    if 429 in (getattr(answer, "status_code", None), getattr(answer, "status", None)):
        return {**waited, "gives_up": True}
    return waited if raised is None else {**waited, "raises": type(raised).__name__}


for client in CLIENTS:
    made = {"registry": "PyPI", "client": client, "version": version(client)}
    for number, value in enumerate(VALUES["retry_after"]):
        print(json.dumps({**made, "value": value["name"], **outcome(client, number)}))
