"""What one decision costs through the wheel, beside what others decide on the same response.

Prints a JSON object a line: who, what, and nanoseconds.
"""

import json
import timeit
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import httpx
import openai
import tenacity
import urllib3
from openai._models import FinalRequestOptions

import holdoff

SHARED = Path(__file__).parents[2] / "tests" / "bench"
HEADERS = json.loads((SHARED / "headers.json").read_text())
BODY = (SHARED / "error-body.json").read_bytes()
OPENAI = (SHARED.parent / "responses/openai-rate-limit.http").read_bytes()
DATE = {**HEADERS, "retry-after": "Thu, 15 Jan 2026 12:00:30 GMT"}
NO_HINT = {name: value for name, value in HEADERS.items() if name != "retry-after"}


def measure(who: str, what: str, decide: Callable[[], object]) -> None:
    """Print the quickest of many slices: what else the machine does only makes a slice slower."""
    calls = 500
    best = min(timeit.repeat(decide, number=calls, repeat=60)) / calls
    print(json.dumps({"who": who, "what": what, "ns": round(best * 1e9)}))


def measure_holdoff() -> None:
    """With the headers that httpx gives, and with a dict."""
    tessera, recommended = holdoff.Policy.tessera(), holdoff.Policy.recommended()

    def decide(
        headers: object, body: bytes | None = None, policy: holdoff.Policy = tessera
    ) -> Callable[[], object]:
        return lambda: (
            policy.decide(
                status=429, headers=headers, body=body, attempt=1, seed=7, now=1768478400000
            ).after_ms
        )

    measure("holdoff", "retry-after", decide(httpx.Headers(HEADERS)))
    measure("holdoff", "retry-after, plain object", decide(HEADERS))
    measure("holdoff", "no hint", decide(httpx.Headers(NO_HINT)))
    measure("holdoff", "date", decide(httpx.Headers(DATE)))
    measure("holdoff", "body", decide(httpx.Headers(HEADERS), BODY))
    measure("holdoff", "recommended", decide(httpx.Headers(HEADERS), BODY, recommended))
    head, _, body = OPENAI.partition(b"\r\n\r\n")
    lines = [line.split(": ", 1) for line in head.decode().splitlines()[1:]]
    headers = httpx.Headers([(name, value) for name, value in lines])
    measure("holdoff", "recommended, OpenAI", decide(headers, body, recommended))


def measure_openai() -> None:
    """Its own two steps: whether, and how long."""
    client = openai.OpenAI(api_key="none", max_retries=5)
    options = FinalRequestOptions(method="post", url="/", max_retries=5)

    def decide(headers: dict[str, str]) -> Callable[[], object]:
        # The response class of whichever httpx this openai is built on.
        response = client._client.build_request("GET", "https://api.example.com")
        module = __import__(type(response).__module__.partition(".")[0])
        answer = module.Response(429, headers=headers, request=response)

        def both() -> object:
            return client._should_retry(answer) and client._calculate_retry_timeout(
                4, options, answer.headers
            )

        return both

    measure("openai 3.54.0", "retry-after", decide(HEADERS))
    measure("openai 3.54.0", "no hint", decide(NO_HINT))
    measure("openai 3.54.0", "date", decide(DATE))


def measure_others() -> None:
    """What they have of a decision: tenacity reads no response, urllib3 no body."""
    wait = tenacity.wait_random_exponential(multiplier=1, max=60)
    measure("tenacity 9.2.1", "no hint", lambda: wait(SimpleNamespace(attempt_number=2)))

    retry = urllib3.Retry(total=5, backoff_factor=1, status_forcelist=[429])
    response = urllib3.HTTPResponse(status=429, headers=HEADERS)

    def decide() -> object:
        has_hint = "Retry-After" in response.headers
        if retry.is_retry("GET", 429, has_hint):
            following = retry.increment("GET", "/", response=response)
            return following.get_retry_after(response) or following.get_backoff_time()
        return None

    measure("urllib3 2.8.0", "retry-after", decide)


if __name__ == "__main__":
    measure_holdoff()
    measure_openai()
    measure_others()
