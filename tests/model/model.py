"""An independent model of holdoff's decision, written from the design and the policy documents.

It favours being obviously right over being fast: exact fractions, whole strings, no shared code
with the crate. `decide` takes one case as `holdoff decide --batch` does and answers as that
does; `python model.py` answers each line of standard input.
"""

import json
import sys
from datetime import datetime, timezone
from fractions import Fraction
from functools import cache
from pathlib import Path

from dates import EPOCH, MILLISECOND
from error_body import parse_error
from hints import is_upper_bound, read_hint
from response import read_response
from verdict import forbids_repetition, verdict

PRESETS = Path(__file__).parents[2] / "core" / "src" / "presets"
MAX_WAIT_MS = 2**31 - 1
WORD = 2**64


def decide(facts):
    """The action, wait, class, reason and source, and what was read of headers and body."""
    policy = load_policy(facts.get("policy"))
    response = hint = error = None
    at_most = False
    if facts.get("status") is not None:
        headers, error = facts.get("headers") or {}, parse_error(body_text(facts.get("body")))
        looked_at = error if reads_body(policy) else None
        response = read_response(facts["status"], headers, looked_at, instant(facts.get("now")))
        hint = read_hint(policy.get("hint", {}).get("sources", []), response)
        at_most = is_upper_bound(hint, response)
    rule, word, reason = verdict(policy, facts, response, hint)
    decision = end_by_fact(facts) or end_by_verdict(policy, facts, rule, word, reason)
    if decision is None:
        decision = waited(policy, facts, rule, hint, at_most, reason)
    action, reason, source, after_ms = decision
    return {
        "action": action,
        "after_ms": min(after_ms, MAX_WAIT_MS),
        "class": rule["class"],
        "reason": reason,
        "source": source,
        "hint": hint,
        "error": error.parts() if error else None,
    }


def reads_body(policy):
    """Whether anything in the policy is about bodies; hosts need not give it one otherwise."""
    return (
        any(rule.keys() & {"type", "code", "error_class"} for rule in policy["rules"])
        or any(source.startswith("body-") for source in policy.get("hint", {}).get("sources", []))
        or "retryable" in policy.get("server_verdicts", [])
    )


def load_policy(policy):
    """The document itself, or that of the preset with this name."""
    if isinstance(policy, dict):
        return policy
    return preset(policy or "tessera")


@cache
def preset(name):
    return json.loads((PRESETS / f"{name}.json").read_text())


def body_text(body):
    return body if isinstance(body, str) else "" if body is None else json.dumps(body)


def instant(now):
    """Milliseconds since 1970 of an RFC 3339 time."""
    if now is None:
        return None
    at = datetime.fromisoformat(now.replace("Z", "+00:00"))
    return (at.astimezone(timezone.utc) - EPOCH) // MILLISECOND


# --- whether it ends here -------------------------------------------------------------------------


def end_by_fact(facts):
    """Terminal facts come before the verdict, in this order."""
    aborted = facts.get("status") is None and facts.get("transport") == "aborted"
    for ended, reason in [
        (facts.get("delivered") is True, "delivered"),
        (facts.get("replayable") is False, "not_replayable"),
        (aborted, "aborted"),
    ]:
        if ended:
            return "stop", reason, "none", 0
    return None


def end_by_verdict(policy, facts, rule, word, reason):
    if word == "stop":
        return "stop", reason, "none", 0
    forbidden = forbids_repetition(policy, facts, word)
    if forbidden:
        return "stop", forbidden, "none", 0
    max_retries = facts.get("max_retries")
    limit = policy["retries"] if max_retries is None else max_retries
    if (facts.get("attempt") or 0) >= min(limit, rule.get("retries", limit)):
        return "escalate", "retries_exhausted", "none", 0
    return None


# --- how long ------------------------------------------------------------------------------------


def waited(policy, facts, rule, hint, at_most, reason):
    draw = drawer(facts)
    attempt = facts.get("attempt") or 0
    rules = policy.get("hint", {})
    longest = rules.get("max_ms", MAX_WAIT_MS)
    beyond = rules.get("beyond_max", "stop") if hint and hint["ms"] > longest else None
    if beyond == "stop" and at_most:
        beyond = "ignore"
    if beyond == "stop":
        return "stop", "hint_too_long", hint["from"], hint["ms"]
    zero = hint and hint["ms"] == 0 and rules.get("zero") == "ignore"
    if hint and beyond != "ignore" and not zero:
        shortest = max(rules.get("min_ms", 0), rule.get("min_ms", 0))
        wait = max(min(hint["ms"], longest), shortest)
        wait = jittered(wait, rules.get("jitter", {"kind": "none"}), lambda n: draw(n, attempt))
        source = hint["from"]
    else:
        # The floor lies beneath the backoff, so that waits stay spread.
        shortest = max(policy["backoff"].get("min_ms", 0), rule.get("min_ms", 0))
        wait, source = shortest + backoff(policy["backoff"], attempt, draw), "backoff"
    wait = min(wait, MAX_WAIT_MS)
    deadline_ms = facts.get("deadline_ms")
    if deadline_ms is not None and (facts.get("elapsed_ms") or 0) + wait > deadline_ms:
        return "stop", "deadline", source, wait
    return "retry", reason, source, wait


def backoff(rules, attempt, draw):
    base, cap = rules["base_ms"], rules.get("cap_ms", MAX_WAIT_MS)
    if rules["jitter"]["kind"] == "decorrelated":
        previous = base
        for k in range(max(0, attempt - 32), attempt + 1):
            previous = min(cap, base + draw(3 * previous - base, k))
        return previous
    # 1.001^22000 is beyond the longest wait, so no higher power matters.
    exponent = min(attempt, 22000)
    thousandths = int(Fraction(str(rules["factor"])) * 1000)
    grown = min(MAX_WAIT_MS, base * thousandths**exponent // 1000**exponent)
    if rules.get("cap_applies") == "before_jitter":
        return jittered(min(cap, grown), rules["jitter"], lambda n: draw(n, attempt))
    return min(cap, jittered(grown, rules["jitter"], lambda n: draw(n, attempt)))


def jittered(wait, jitter, draw):
    match jitter["kind"]:
        case "none":
            return wait
        case "additive":
            return wait + draw(jitter["span_ms"])
        case "full":
            return draw(wait)
        case "equal":
            return wait // 2 + draw(wait - wait // 2)
        case "proportional":
            down = wait * jitter.get("down_percent", 0) // 100
            up = wait * jitter.get("up_percent", 0) // 100
            only_down = jitter.get("up_percent", 0) == 0
            return wait - draw(down) if only_down else wait - down + draw(down + up)


def drawer(facts):
    """draw(n, attempt): from 0 up to but not including n."""
    if facts.get("draw") is not None:
        given = int(Fraction(facts["draw"]) * WORD)
        return lambda n, _: given * n // WORD
    seed = int(facts.get("seed") or 0)
    return lambda n, attempt: split_mix(seed, attempt) * n // WORD


def split_mix(seed, attempt):
    z = (seed + (attempt + 1) * 0x9E3779B97F4A7C15) % WORD
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % WORD
    z = (z ^ z >> 27) * 0x94D049BB133111EB % WORD
    return z ^ z >> 31


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(decide(json.loads(line)), ensure_ascii=False))
