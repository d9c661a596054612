"""The short way to the library gives what the generated module gives."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import pytest

import holdoff
from holdoff import _native
from holdoff._headers import HeaderNames
from holdoff._library import decider, readable
from holdoff._request import pack

NAMES = HeaderNames(["retry-after"])
NATIVE = _native.Policy.preset("tessera")
REQUESTS = [
    pack(NAMES, True, status=status, headers={"retry-after": "9"}, attempt=n, seed=n)
    for status in (200, 400, 429, 503)
    for n in range(8)
]


def test_both_ways_give_the_same_bits() -> None:
    decide = decider(NATIVE)
    for request in REQUESTS:
        assert decide(request) == NATIVE.decide(request) > 0


def test_the_library_refuses_what_it_cannot_read() -> None:
    for request in (b"", b"\0", REQUESTS[0][:-1]):
        assert NATIVE.decide(request) == 0
        with pytest.raises(RuntimeError):
            decider(NATIVE)(request)
    with pytest.raises(RuntimeError):
        readable(None)


def test_threads_may_share_a_policy() -> None:
    decide = decider(NATIVE)
    expected = [decide(request) for request in REQUESTS]
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: [decide(request) for request in REQUESTS], range(400)):
            assert found == expected


def test_handles_are_given_back() -> None:
    policies = [holdoff.Policy.tessera() for _ in range(100)]
    decisions = [policy.decide(status=503, draw=0) for policy in policies for _ in range(100)]
    del policies
    gc.collect()
    assert {decision.advice for decision in decisions} == {decisions[0].advice}
