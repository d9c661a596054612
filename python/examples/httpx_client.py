"""Retries a request of httpx by the policy of Tessera AI, and shows each decision.

python httpx_client.py URL [SEED]
"""

import sys
import time

import httpx

import holdoff

url, *seed = sys.argv[1:]
start = time.monotonic()


def say(text: object) -> None:
    """Print the time since the start, and the text."""
    print(f"{time.monotonic() - start:6.2f} s  {text}")


def show(event: holdoff.DecisionEvent) -> None:
    """Print a decision."""
    decision = event.decision
    how = f"because of {decision.reason}"
    if decision.action == "retry":
        how = f"after {decision.after_ms} ms, by {decision.source}"
    say(f"attempt {event.attempt}  {decision.class_}: {decision.action} {how}")


response = holdoff.retry(
    lambda attempt: httpx.get(url),
    policy=holdoff.Policy.tessera(),
    seed=int(seed[0]) if seed else None,
    on_decision=show,
)
say(response.status_code)
