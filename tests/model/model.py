"""An independent model of holdoff's decision, written from the design and the policy documents.

It favours being obviously right over being fast: exact fractions, whole strings, no shared code
with the crate. `decide` takes one case as `holdoff decide --batch` does and answers as that
does; `python model.py` answers each line of standard input.
"""

import json
import sys
from datetime import datetime, timezone
from fractions import Fraction

from dates import EPOCH, MILLISECOND
from error_body import parse_error
from hints import read_hint
from presets import preset
from response import read_response
from verdict import forbids_repetition, verdict

MAX_WAIT_MS = 2**31 - 1
WORD = 2**64


def decide(facts):
    """The action, wait, class, reason and source, and what was read of headers and body."""
    policy, error = load_policy(facts.get("policy")), error_of(facts)
    response, hint = response_of(facts), hint_of(facts)
    rule, word, reason = verdict(policy, facts, response, hint)
    decision = end_by_fact(facts) or end_by_verdict(policy, facts, rule, word, reason)
    if decision is None:
        decision = waited(policy, facts, rule, hint, reason)
    action, reason, source, after_ms = decision
    return {
        "action": action,
        "after_ms": min(after_ms, MAX_WAIT_MS),
        "class": rule["class"],
        "reason": reason,
        "source": source,
        "hint": {"ms": hint.ms, "from": hint.source} if hint else None,
        "error": error.parts() if error else None,
    }


def error_of(facts):
    return None if facts.get("status") is None else parse_error(body_text(facts.get("body")))


def response_of(facts):
    """The response, if one came, as the policy sees it."""
    if facts.get("status") is None:
        return None
    policy, headers = load_policy(facts.get("policy")), facts.get("headers") or {}
    looked_at = error_of(facts) if reads_body(policy) else None
    clock = policy.get("hint", {}).get("clock", "server")
    return read_response(facts["status"], headers, looked_at, instant(facts.get("now")), clock)


def hint_of(facts):
    response, rules = response_of(facts), load_policy(facts.get("policy")).get("hint", {})
    return read_hint(rules, response) if response else None


def reads_body(policy):
    """Whether anything in the policy is about bodies; hosts need not give it one otherwise."""
    entries = policy.get("hint", {}).get("sources", [])
    sources = [entry["source"] if isinstance(entry, dict) else entry for entry in entries]
    return (
        any(rule.keys() & {"type", "code", "error_class"} for rule in policy["rules"])
        or any(source.startswith("body-") for source in sources)
        or "retryable" in policy.get("server_verdicts", [])
    )


def load_policy(policy):
    """The document itself, or that of the preset with this name."""
    if isinstance(policy, dict):
        return policy
    return preset(policy or "tessera")


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


def waited(policy, facts, rule, hint, reason):
    rules, attempt = policy.get("hint", {}), facts.get("attempt") or 0
    draw = drawer(facts)
    wait, source = backoff(policy["backoff"], rule, attempt, draw), "backoff"
    if counts(hint, rules):
        if is_too_long(hint, rules) and rules.get("beyond_max", "stop") == "stop":
            return "stop", "hint_too_long", hint.source, hint.ms
        wait, source = hinted(rules, rule, hint, wait)
        jitter = hint.jitter or rules.get("jitter", {"kind": "none"})
        wait = jittered(wait, jitter, lambda n: draw(n, attempt))
    wait = min(wait, MAX_WAIT_MS)
    deadline_ms = facts.get("deadline_ms")
    if deadline_ms is None:
        deadline_ms = policy.get("deadline_ms")
    if deadline_ms is not None and (facts.get("elapsed_ms") or 0) + wait > deadline_ms:
        return "stop", "deadline", source, wait
    return "retry", reason, source, wait


def counts(hint, rules):
    """Whether the hint decides, and the backoff does not take its place."""
    if hint is None or (hint.past and rules.get("past") == "ignore"):
        return False
    if hint.ms == 0 and rules.get("zero") == "ignore":
        return False
    beyond = rules.get("beyond_max", "stop")
    ignored = beyond == "ignore" or (beyond == "stop" and hint.at_most)
    return not (is_too_long(hint, rules) and ignored)


def is_too_long(hint, rules):
    return hint.ms > rules.get("max_ms", MAX_WAIT_MS)


def hinted(rules, rule, hint, backoff_ms):
    """The hint within its bounds, without jitter; and whose wait that is."""
    wait = min(hint.ms, rules.get("max_ms", MAX_WAIT_MS))
    wait = max(wait, rules.get("min_ms", 0), rule.get("min_ms", 0))
    if "max_above_backoff_ms" in rules:
        wait = min(wait, backoff_ms + rules["max_above_backoff_ms"])
    if rules.get("at_least_backoff") and wait < backoff_ms:
        return backoff_ms, "backoff"
    return wait, hint.source


def backoff(rules, rule, attempt, draw):
    """The wait where there is no hint, with its floor."""
    shortest = max(rules.get("min_ms", 0), rule.get("min_ms", 0))
    at_once = attempt < rules.get("immediate_retries", 0)
    rest = 0 if at_once else grown(rules, rule.get("base_ms", rules["base_ms"]), attempt, draw)
    after = rules.get("min_applies") == "after_jitter"
    return min(max(shortest, rest) if after else shortest + rest, MAX_WAIT_MS)


def grown(rules, base, attempt, draw):
    cap = rules.get("cap_ms", MAX_WAIT_MS)
    if rules["jitter"]["kind"] == "decorrelated":
        previous = base
        for k in range(max(0, attempt - 32), attempt + 1):
            previous = min(cap, base + draw(3 * previous - base, k))
        return previous
    # 1.001^22000 is beyond the longest wait, so no higher power matters.
    exponent = min(attempt, 22000)
    thousandths = int(Fraction(str(rules["factor"])) * 1000)
    wait = min(MAX_WAIT_MS, base * thousandths**exponent // 1000**exponent)
    if rules.get("cap_applies") == "before_jitter":
        return jittered(min(cap, wait), rules["jitter"], lambda n: draw(n, attempt))
    return min(cap, jittered(wait, rules["jitter"], lambda n: draw(n, attempt)))


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
