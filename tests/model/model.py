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

from error_body import parse_error
from hints import EPOCH, MILLISECOND, read_hint

PRESETS = Path(__file__).parents[2] / "core" / "src" / "presets"
MAX_WAIT_MS = 2**31 - 1
WORD = 2**64


def decide(facts):
    """The action, wait, class, reason and source, and what was read of headers and body."""
    policy = load_policy(facts.get("policy"))
    status = facts.get("status")
    error = hint = None
    if status is not None:
        error = parse_error(body_text(facts.get("body")))
        names = policy.get("hint", {}).get("sources", [])
        hint = read_hint(names, facts.get("headers") or {}, instant(facts.get("now")))
    outcome, reason = verdict(policy, facts, error)
    decision = end_by_fact(facts) or end_by_verdict(policy, facts, outcome, reason)
    if decision is None:
        decision = waited(policy, facts, hint, reason)
    action, reason, source, after_ms = decision
    return {
        "action": action,
        "after_ms": min(after_ms, MAX_WAIT_MS),
        "class": outcome["class"],
        "reason": reason,
        "source": source,
        "hint": hint,
        "error": error,
    }


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


# --- whether it may be tried again ---------------------------------------------------------------


def verdict(policy, facts, error):
    """The outcome of the first rule that applies, and which of its conditions gives the reason."""
    for rule in policy["rules"]:
        if applies(rule, facts, error):
            named = next(name for name in ("code", "type", "status", "transport") if rule.get(name))
            return rule, {"code": "error_code", "type": "error_type"}.get(named, named)
    if facts.get("status") is not None and 200 <= facts["status"] <= 299:
        return {"verdict": "stop", "class": "other"}, "not_a_failure"
    return policy["otherwise"], "unlisted"


def applies(rule, facts, error):
    status, transport = facts.get("status"), facts.get("transport")
    if status is None:
        return transport in rule.get("transport", [])
    if rule.get("transport"):
        return False
    return (
        (not rule.get("status") or any(in_range(status, item) for item in rule["status"]))
        and (not rule.get("type") or (error or {}).get("type") in rule["type"])
        and (not rule.get("code") or (error or {}).get("code") in rule["code"])
    )


def in_range(status, item):
    if isinstance(item, int):
        return status == item
    first, last = item.split("-")
    return int(first) <= status <= int(last)


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


def end_by_verdict(policy, facts, outcome, reason):
    if outcome["verdict"] == "stop":
        return "stop", reason, "none", 0
    if not may_repeat(policy.get("methods"), facts.get("method"), facts.get("idempotent")):
        return "stop", "not_idempotent", "none", 0
    max_retries = facts.get("max_retries")
    if (facts.get("attempt") or 0) >= (policy["retries"] if max_retries is None else max_retries):
        return "escalate", "retries_exhausted", "none", 0
    return None


def may_repeat(methods, method, idempotent):
    """What is unknown forbids nothing, and what is known of the call outweighs its method."""
    if methods is None:
        return True
    if idempotent is not None:
        return idempotent
    return method is None or method in methods


# --- how long ------------------------------------------------------------------------------------


def waited(policy, facts, hint, reason):
    draw = drawer(facts)
    attempt = facts.get("attempt") or 0
    rules = policy.get("hint", {})
    longest = rules.get("max_ms", MAX_WAIT_MS)
    beyond = rules.get("beyond_max", "stop") if hint and hint["ms"] > longest else None
    if beyond == "stop":
        return "stop", "hint_too_long", hint["from"], hint["ms"]
    if hint and beyond != "ignore":
        wait = max(min(hint["ms"], longest), rules.get("min_ms", 0))
        wait = jittered(wait, rules.get("jitter", {"kind": "none"}), lambda n: draw(n, attempt))
        source = hint["from"]
    else:
        wait, source = backoff(policy["backoff"], attempt, draw), "backoff"
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
