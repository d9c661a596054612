"""May this failed call to an HTTP API be tried again, and after how long?

`Policy.decide` answers that from what is known of the failure. It is pure: it opens no socket,
reads no clock and never sleeps. `retry` and `aretry` wait and send again, around the HTTP client
that you already use:

    import httpx
    import holdoff

    url = "https://api.example.com/v1/models"
    response = holdoff.retry(lambda attempt: httpx.get(url))
    print(response.status_code, holdoff.decision_of(response))
"""

from holdoff._call import Clock, DecisionEvent, RetryOptions
from holdoff._codes import Action, FailureClass, Phase, Reason, Source, Topic, TransportKind
from holdoff._headers import Headers
from holdoff._native import fresh_seed
from holdoff._request import CallFacts, Facts
from holdoff.decision import Decision
from holdoff.error_body import ErrorBody, parse_error
from holdoff.explanation import Explanation, Step
from holdoff.policy import PRESET_NAMES, Policy, PolicyError
from holdoff.report import SupportReport, support_report
from holdoff.retrying import HeldBackError, aretry, decision_of, retry
from holdoff.upstream import Admission, Upstream

__all__ = [
    "PRESET_NAMES",
    "Action",
    "Admission",
    "CallFacts",
    "Clock",
    "Decision",
    "DecisionEvent",
    "ErrorBody",
    "Explanation",
    "Facts",
    "FailureClass",
    "Headers",
    "HeldBackError",
    "Phase",
    "Policy",
    "PolicyError",
    "Reason",
    "RetryOptions",
    "Source",
    "Step",
    "SupportReport",
    "Topic",
    "TransportKind",
    "Upstream",
    "aretry",
    "decision_of",
    "fresh_seed",
    "parse_error",
    "retry",
    "support_report",
]
