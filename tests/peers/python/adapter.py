"""Answers cases with a client's own functions: `python adapter.py PRESET < cases > answers`.

`clients.json` says which module of `clients` knows the preset's client. Such a module has one
function, `answer(case) -> dict`: `{"retry": True, "delay_ms": …}` or `{"retry": False}`. The case
also says its `preset`, and its headers are as a parser of HTTP gives them, without white space
around their values. What the client throws, a module lets pass, and it is the answer; what goes
wrong in the module itself ends the program.
"""

import importlib
import json
import math
import os
import random
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).parent
NOW = 1_800_000_000.0

case: dict = {}


def main() -> None:
    """Answers each line of the input by one of the output."""
    preset = sys.argv[1]
    pin()
    answer = importlib.import_module(f"clients.{module_of(preset)}").answer
    for line in sys.stdin:
        case.clear()
        case.update(json.loads(line))
        case["preset"] = preset
        case["headers"] = [(name, value.strip(" \t")) for name, value in case["headers"]]
        print(json.dumps(finite(answered(answer))))


def module_of(preset: str) -> str:
    """The name of the module that knows the preset's client."""
    for entry in json.loads((HERE / "clients.json").read_text()):
        if entry["preset"] == preset:
            return entry["module"]
    sys.exit(f"no preset `{preset}` in clients.json")


def pin() -> None:
    """Stops the clock, in UTC, and pins random numbers to the case's, before a client takes its own
    hold of these functions."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    time.time = lambda: NOW
    random.random = lambda: case["draw"]
    random.uniform = lambda low, high: low + (high - low) * case["draw"]


def answered(answer) -> dict:
    """The answer to the case at hand, or what the client threw."""
    try:
        return answer(case)
    except Exception as error:
        if not thrown_by_client(error):
            raise
        return {"raises": f"{type(error).__name__}: {error}"[:80]}


def thrown_by_client(error: Exception) -> bool:
    """Whether the code of an installed package was the last to run, and not that of this folder."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        file = Path(frame.f_code.co_filename)
        if "site-packages" in file.parts:
            return True
        if HERE in file.parents:
            return False
    return False


def finite(answer: dict) -> dict:
    """The answer with a delay that is not finite as text, which JSON has no number for."""
    delay = answer.get("delay_ms")
    if delay is None or math.isfinite(delay):
        return answer
    return answer | {"delay_ms": "NaN" if math.isnan(delay) else str(delay)}


if __name__ == "__main__":
    main()
