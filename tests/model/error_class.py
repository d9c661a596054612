"""What kind of error a body tells of, by the words of known vendors."""

import re

SECONDARY_RATE_LIMIT = "You have exceeded a secondary rate limit"
LARGEST = 2**64 - 1
# A code or a type, exactly.
CLASSES = {
    "quota_exhausted": """
        insufficient_quota credit_balance_exhausted organization_spend_limit_exceeded
        project_spend_limit_exceeded organization_usage_limit_exceeded billing_hard_limit_reached
        billing_not_active billing_error ServiceQuotaExceededException
    """,
    "rate_limited": """
        rate_limit_exceeded rate_limit_error rate_limited ratelimited credit_limit rate_limit
        RESOURCE_EXHAUSTED RateLimitReached ThrottlingException TooManyRequestsException
        https://iana.org/assignments/http-problem-types#quota-exceeded
    """,
    "overloaded": """
        overloaded_error https://iana.org/assignments/http-problem-types#temporary-reduced-capacity
    """,
    "server_error": "server_error api_error internal_server_error INTERNAL InternalServerException",
    "unavailable": """
        UNAVAILABLE service_unavailable ServiceUnavailableException ModelNotReadyException
    """,
    "timeout": "timeout_error DEADLINE_EXCEEDED ModelTimeoutException",
    "conflict": "ABORTED lock_timeout",
    "invalid_request": """
        invalid_request_error INVALID_ARGUMENT FAILED_PRECONDITION OUT_OF_RANGE ValidationException
    """,
    "authentication": "authentication_error UNAUTHENTICATED invalid_api_key",
    "permission": "permission_error PERMISSION_DENIED AccessDeniedException",
    "not_found": "not_found_error NOT_FOUND model_not_found ResourceNotFoundException",
    "too_large": "request_too_large context_length_exceeded string_above_max_length",
}
CLASS_OF = {word: name for name, words in CLASSES.items() for word in words.split()}


def error_class(error):
    message = error.message or ""
    limit, requested = number_after("Limit", message), number_after("Requested", message)
    if limit is not None and requested is not None and requested > limit:
        return "too_large"
    if quota_of_a_day(error):
        return "quota_exhausted"
    told = [CLASS_OF[word] for word in (error.code, error.type) if word in CLASS_OF]
    if told:
        return "quota_exhausted" if "quota_exhausted" in told else told[0]
    return "rate_limited" if message.startswith(SECONDARY_RATE_LIMIT) else None


def number_after(word, message):
    match = re.search(rf"(?<![^\W\d_]){word} ~?([0-9][0-9,]*)(?![0-9,]|\.[0-9]|[^\W_])", message)
    return min(LARGEST, int(match[1].replace(",", ""))) if match else None


def quota_of_a_day(error):
    for failure in error.details_of_type("google.rpc.QuotaFailure"):
        violations = failure.get("violations")
        for violation in violations if isinstance(violations, list) else []:
            quota = violation.get("quotaId") if isinstance(violation, dict) else None
            if isinstance(quota, str) and "PerDay" in quota:
                return True
    metadata = error.metadata if isinstance(error.metadata, dict) else {}
    return metadata.get("limit_source") == "openrouter_free_tier_daily"
