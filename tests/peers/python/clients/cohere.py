"""cohere, whose code Fern generates."""

import cohere
import httpx

from clients import httpx_failures, loop


def answer(case: dict) -> dict:
    """What the client does with the case."""
    client = cohere.ClientV2(
        api_key="key",
        httpx_client=httpx_failures.client(httpx, case),
        max_retries=case["max_retries"],
    )
    request = client._client_wrapper.httpx_client.request
    return loop.after(case["attempt"], lambda: request("/", method="POST"), httpx.TransportError)
