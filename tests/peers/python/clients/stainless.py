"""openai, anthropic and groq, whose code Stainless generates."""

import importlib

from clients import httpx_failures, loop

CLASSES = {"openai": "OpenAI", "anthropic": "Anthropic", "groq": "Groq"}


def answer(case: dict) -> dict:
    """What the client does with the case."""
    package = case["preset"].split("-python@")[0]
    sdk = importlib.import_module(package)
    base, name = sdk._base_client, CLASSES[package]
    httpx = base.httpx2 if hasattr(base, "httpx2") else base.httpx
    client = getattr(sdk, name)(api_key="key", http_client=httpx_failures.client(httpx, case))
    options = {} if case["max_retries"] is None else {"max_retries": case["max_retries"]}
    return loop.after(
        case["attempt"],
        lambda: client.post("/", cast_to=object, body={}, options=options),
        getattr(sdk, f"{name}Error"),
    )
