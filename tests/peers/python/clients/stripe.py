"""stripe with requests, which it takes where that is installed."""

import stripe
from requests import Session
from stripe import APIConnectionError, RequestsClient

from clients import loop, urllib3_failures


def answer(case: dict) -> dict:
    """What the client does with the case."""
    urllib3_failures.meet(case)
    session = Session()
    session.trust_env = False
    client = RequestsClient(session=session)
    retries = case["max_retries"]
    if retries is None:
        retries = stripe.max_network_retries
    return loop.after(
        case["attempt"],
        lambda: client.request_with_retries(
            case["method"], "http://host/", {}, max_network_retries=retries
        ),
        APIConnectionError,
    )
