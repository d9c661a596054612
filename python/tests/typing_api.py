"""What type checkers make of the public names. It is checked and never run."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

import aiohttp
import httpx
import httpx2
import openai
import redis
import redis.asyncio
import requests
import tenacity
from typing_extensions import assert_never, assert_type

import holdoff
from holdoff.aiohttp import RetryMiddleware
from holdoff.httpx import AdapterOptions, AsyncRetryTransport, RetryTransport
from holdoff.httpx2 import RetryTransport as RetryTransport2
from holdoff.redis import AsyncSharedUpstream, SharedUpstream
from holdoff.requests import RetryAdapter

if TYPE_CHECKING:
    import urllib3
    from aiohttp import ClientResponse

    from holdoff.tenacity import PolicyRetry


def decisions(response: httpx.Response, facts: holdoff.Facts) -> int:
    policy = holdoff.Policy.tessera()
    decision = policy.decide(
        status=response.status_code,
        headers=response.headers,
        body=response.content,
        attempt=0,
        seed=holdoff.fresh_seed(),
        now=datetime.now(timezone.utc),
        idempotent=None,
    )
    assert_type(decision, holdoff.Decision)
    assert_type(decision.action, Literal["retry", "stop", "escalate"])
    assert_type(decision.class_, holdoff.FailureClass)
    assert_type(policy.explain(**facts).steps[0].topic, holdoff.Topic)
    match decision.action:
        case "retry":
            return decision.after_ms
        case "stop" | "escalate":
            return 0
        case action:
            assert_never(action)


def headers_of_all_clients(
    a: httpx.Response, b: requests.Response, c: urllib3.BaseHTTPResponse, d: ClientResponse
) -> list[holdoff.Decision]:
    policy = holdoff.Policy({"name": "mine"})
    return [
        policy.decide(status=a.status_code, headers=a.headers),
        policy.decide(status=b.status_code, headers=b.headers),
        policy.decide(status=c.status, headers=c.headers),
        policy.decide(status=d.status, headers=d.headers),
        policy.decide(status=429, headers={"retry-after": "3"}),
        policy.decide(status=429, headers={"retry-after": ["3", "4"]}),
        policy.decide(status=429, headers=[("retry-after", "3"), (b"date", b"")]),
        policy.decide(transport="timeout", phase="connect"),
    ]


def wrong_facts_are_noticed(policy: holdoff.Policy) -> None:
    policy.decide(status="429")  # type: ignore[arg-type]
    policy.decide(transport="dsn")  # type: ignore[arg-type]
    policy.decide(status=429, retry_after=3)  # type: ignore[call-arg]
    policy.decide(status=429, headers={"retry-after": 3})  # type: ignore[arg-type]
    policy.decide(429)  # type: ignore[call-arg]


def retrying(client: httpx.Client, clock: holdoff.Clock) -> None:
    def report(event: holdoff.DecisionEvent) -> None:
        assert_type(event.wait_ms, int | None)

    response = holdoff.retry(
        lambda attempt: client.get(f"/{attempt}"),
        policy=holdoff.Policy.tessera(),
        on_decision=report,
        deadline_ms=5000,
        delivered=lambda: False,
        clock=clock,
    )
    assert_type(response, httpx.Response)
    assert_type(holdoff.decision_of(response), holdoff.Decision | None)
    policy = holdoff.Policy.tessera()
    holdoff.retry(lambda attempt: client.get("/"), policy=policy, retries=3)  # type: ignore[call-arg]
    holdoff.retry(lambda: client.get("/"), policy=policy)  # type: ignore[arg-type, misc]
    assert_type(holdoff.retry(lambda attempt: client.get("/")), httpx.Response)


async def retrying_asynchronously(client: httpx.AsyncClient) -> None:
    async def send(attempt: int) -> httpx.Response:
        return await client.get(f"/{attempt}")

    policy = holdoff.Policy.tessera()
    options: holdoff.RetryOptions = {
        "max_retries": 2,
        "method": "GET",
    }
    assert_type(await holdoff.aretry(send, policy=policy, **options), httpx.Response)
    assert_type(
        await holdoff.aretry(lambda attempt: client.get("/"), policy=policy, **options),
        httpx.Response,
    )


def sharing(client: httpx.Client, policy: holdoff.Policy, call: holdoff.CallFacts) -> int:
    upstream = holdoff.Upstream.from_json(holdoff.Upstream().to_json())
    assert_type(upstream, holdoff.Upstream)
    admission = upstream.admit(policy, ticket=0, **call)
    assert_type(admission.source, holdoff.Source)
    assert_type(admission.decision, holdoff.Decision | None)
    decision = upstream.decide(policy, status=429, **call)
    assert_type(upstream.explain(policy, status=429), holdoff.Explanation)
    upstream.succeed(policy, after=decision, **call)
    upstream.merge(holdoff.Upstream())
    upstream.admit(policy, status=429)  # type: ignore[call-arg]
    upstream.succeed(policy, after=429)  # type: ignore[arg-type]
    try:
        response = holdoff.retry(lambda attempt: client.get("/"), upstream=upstream)
    except holdoff.HeldBackError as error:
        assert_type(error.decision, holdoff.Decision)
    else:
        assert_type(response, httpx.Response)
    match admission.action:
        case "wait":
            return admission.after_ms
        case "send" | "refuse":
            return 0
        case action:
            assert_never(action)


def sharing_among_processes(client: httpx.Client, policy: holdoff.Policy) -> None:
    upstream = SharedUpstream(redis.Redis(), key="h", max_age_ms=50, on_reachable=lambda: None)
    assert_type(upstream.admit(policy), holdoff.Admission)
    assert_type(holdoff.retry(lambda attempt: client.get("/"), upstream=upstream), httpx.Response)
    SharedUpstream(redis.Redis())  # type: ignore[call-arg]
    SharedUpstream(redis.Redis(), key="h", expiry=5)  # type: ignore[call-arg]


async def sharing_asynchronously(client: httpx.AsyncClient, policy: holdoff.Policy) -> None:
    upstream = AsyncSharedUpstream(redis.asyncio.Redis(), key="h")
    assert_type(await upstream.decide(policy, status=429), holdoff.Decision)
    assert_type(
        await holdoff.aretry(lambda attempt: client.get("/"), upstream=upstream), httpx.Response
    )


def errors_and_reports(response: httpx.Response) -> None:
    error = holdoff.parse_error(response.content)
    assert_type(error, holdoff.ErrorBody | None)
    if error:
        assert_type(error.class_, holdoff.FailureClass | None)
    report = holdoff.support_report(status=500, headers=response.headers, endpoint="https://h/")
    assert_type(report.request_id, str | None)


def adapters(inner: httpx.HTTPTransport) -> list[object]:
    def report(event: holdoff.DecisionEvent) -> None:
        assert_type(event.explanation, holdoff.Explanation | None)
        assert_type(event.report, holdoff.SupportReport | None)

    options: AdapterOptions = {"on_decision": report, "deadline_ms": 5000, "upstream": None}
    RetryTransport(httpx2.HTTPTransport())  # type: ignore[arg-type]
    RetryTransport(retries=3)  # type: ignore[call-arg]
    session = requests.Session()
    session.mount("https://", RetryAdapter(**options))
    return [
        httpx.Client(transport=RetryTransport(inner, **options)),
        httpx.AsyncClient(transport=AsyncRetryTransport(upstream=holdoff.Upstream())),
        openai.OpenAI(http_client=openai.DefaultHttpx2Client(transport=RetryTransport2())),
        aiohttp.ClientSession(middlewares=[RetryMiddleware(policy=holdoff.Policy.tessera())]),
    ]


def by_tenacity(by_policy: PolicyRetry) -> None:
    @tenacity.retry(retry=by_policy.retry, wait=by_policy.wait, stop=by_policy.stop, reraise=True)
    def fetch() -> httpx.Response:
        return httpx.get("https://h/")

    assert_type(fetch(), httpx.Response)
