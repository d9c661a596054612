"""Whether a failure may be tried again at all, whatever the delay."""

from values import pushback

# RFC 9110 section 9.2.2
IDEMPOTENT_METHODS = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]
# How far an attempt got where nobody says.
USUAL_PHASE = dict.fromkeys(["dns", "connect", "tls"], "connect")
USUAL_PHASE |= dict.fromkeys(["reset", "timeout", "protocol", "aborted"], "sent")
REASONS = {
    "code": "error_code",
    "type": "error_type",
    "error_class": "error_class",
    "status": "status",
    "transport": "transport",
}


def verdict(policy, facts, response, hint):
    """The rule that applies, what it comes to, and the reason for that."""
    rule, reason = find_rule(policy, facts, response, hint)
    word = None
    if response and not response.success:
        words = (WORDS[name](response) for name in policy.get("server_verdicts", []))
        word = next((word for word in words if word), None)
    if word is None:
        return rule, rule["verdict"], reason
    hopeless = rule["verdict"] == "stop" and rule["class"] in ("quota_exhausted", "too_large")
    if word == "retry" and (hopeless or rule["verdict"] == "retry_if_idempotent"):
        return rule, rule["verdict"], reason
    return rule, word, "server_verdict"


# --- the policy's rules --------------------------------------------------------------------------


def find_rule(policy, facts, response, hint):
    """The first rule that applies, and the reason that it gives."""
    for rule in policy["rules"]:
        if applies(rule, facts, response, hint):
            return rule, next(REASONS[name] for name in REASONS if rule.get(name))
    if response and response.success:
        return {"verdict": "stop", "class": "other"}, "not_a_failure"
    return policy["otherwise"], "unlisted"


def applies(rule, facts, response, hint):
    if response is None:
        kind = facts.get("transport")
        phase = facts.get("phase") or USUAL_PHASE[kind]
        return kind in rule.get("transport", []) and phase in rule.get("phase", [phase])
    if rule.get("transport"):
        return False
    parts = response.error.parts() if response.error else {}
    return (
        (not rule.get("status") or response.has_status(rule["status"]))
        and (not rule.get("type") or parts.get("type") in rule["type"])
        and (not rule.get("code") or parts.get("code") in rule["code"])
        and (not rule.get("error_class") or parts.get("class") in rule["error_class"])
        and (not rule.get("hinted") or is_hinted(rule["hinted"], hint))
    )


def is_hinted(condition, hint):
    """By any hint, or by one of these sources."""
    return hint is not None and (condition is True or hint.source in condition)


# --- the server's own word -----------------------------------------------------------------------


def grpc_word(response):
    """gRFC A6: anything but a delay says that there is to be no retry."""
    delays = [pushback(text) for text in response.members("grpc-retry-pushback-ms")]
    return "stop" if any(ms is None or ms < 0 for ms in delays) else None


def header_word(name):
    def read(response):
        words = [text.lower() for text in response.members(name)]
        return next((SAYS[word] for word in words if word in SAYS), None)

    return read


def body_word(response):
    retryable = response.error.retryable if response.error else None
    return None if retryable is None else SAYS[str(retryable).lower()]


SAYS = {"true": "retry", "false": "stop"}
WORDS = {
    "grpc-retry-pushback-ms": grpc_word,
    "x-should-retry": header_word("x-should-retry"),
    "stripe-should-retry": header_word("stripe-should-retry"),
    "retryable": body_word,
}


# --- whether the call may be repeated ------------------------------------------------------------


def forbids_repetition(policy, facts, word):
    """The reason for which the call may not be repeated, or `None`."""
    methods = policy.get("methods")
    if methods is not None and not may_repeat(facts, methods):
        return "not_idempotent"
    safe = IDEMPOTENT_METHODS if methods is None else methods
    if word == "retry_if_idempotent" and not may_repeat(facts, safe):
        return "possibly_executed"
    return None


def may_repeat(facts, methods):
    """What is unknown forbids nothing, and what is known of the call outweighs its method."""
    method, idempotent = facts.get("method"), facts.get("idempotent")
    if idempotent is not None:
        return idempotent
    return method is None or method in methods
