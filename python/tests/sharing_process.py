"""What a process does that shares an `Upstream` with others, and what it is told of the store."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import redis

import holdoff
from holdoff.redis import SharedUpstream

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Event

DOCUMENT = json.loads(holdoff.Policy.tessera().to_json())
HOLD = holdoff.Policy(DOCUMENT | {"upstream": {"hold": {}}})


class Told:
    """What was said of the store."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def options(self) -> dict[str, Any]:
        return {
            "on_unreachable": lambda _: self.words.append("lost"),
            "on_reachable": lambda: self.words.append("back"),
        }


def call_on_and_on(port: int, stop: Event, results: Queue[Any]) -> None:
    """Ask some 500 times a second; give what each answer was, when, and how long it took."""
    told = Told()
    upstream = SharedUpstream(redis.Redis(port=port), key="api", timeout_ms=500, **told.options())
    upstream.admit(HOLD)
    results.put("ready")
    answers: list[tuple[float, str, float]] = []
    while not stop.is_set():
        begin = time.monotonic()
        action = upstream.admit(HOLD).action
        answers.append((begin, action, time.monotonic() - begin))
        if action == "send":
            upstream.succeed(HOLD)
        time.sleep(0.002)
    results.put((answers, told.words))
