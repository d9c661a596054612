"""google-api-core with requests, as the clients of Google Cloud call it over REST."""

import requests
from google.api_core.exceptions import GoogleAPIError, from_http_response
from google.api_core.retry import Retry

from clients import loop, urllib3_failures


def answer(case: dict) -> dict:
    """What the client does with the case."""
    urllib3_failures.meet(case)
    with requests.Session() as session:
        session.trust_env = False

        def call():
            response = session.request(
                case["method"] or "GET", "http://host/", allow_redirects=False
            )
            if response.status_code >= 400:
                raise from_http_response(response)

        return loop.after(
            case["attempt"], Retry()(call), (GoogleAPIError, requests.RequestException)
        )
