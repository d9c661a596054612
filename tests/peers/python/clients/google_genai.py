"""google-genai's API of models, which retries by tenacity."""

import ssl

import httpx
from google import genai
from google.genai import errors, types

from clients import httpx_failures, loop

UNUSED = {
    "httpx_async_client": httpx.AsyncClient(verify=False),
    "async_client_args": {"ssl": ssl.create_default_context()},
}
"""Given, because making them takes longer than all of the rest."""


def answer(case: dict) -> dict:
    """What the client does with the case."""
    retries = case["max_retries"]
    options = types.HttpOptions(
        httpx_client=httpx_failures.client(httpx, case),
        retry_options=None if retries is None else types.HttpRetryOptions(attempts=retries + 1),
        **UNUSED,
    )
    client = genai.Client(api_key="key", http_options=options)
    return loop.after(
        case["attempt"],
        lambda: client.models.get(model="model"),
        (errors.APIError, httpx.TransportError),
    )
