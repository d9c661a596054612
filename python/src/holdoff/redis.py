"""An `Upstream` that many processes share, in Redis or Valkey.

    import holdoff
    import redis
    from holdoff.redis import SharedUpstream

    upstream = SharedUpstream(redis.Redis(), key="api.example.com")
    response = holdoff.retry(lambda attempt: client.get(url), upstream=upstream)

It needs redis-py: `pip install holdoff[redis]`.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import WeakSet

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from holdoff._codes import COMPARE_AND_SWAP
from holdoff._sharing import (
    SharedOptions,
    Sharing,
    admission,
    explained_failure,
    failure,
    success,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Unpack

    from holdoff._headers import Headers
    from holdoff._request import CallFacts, Facts
    from holdoff._sharing import Change
    from holdoff.decision import Decision
    from holdoff.explanation import Explanation
    from holdoff.policy import Policy
    from holdoff.upstream import Admission

__all__ = ["AsyncSharedUpstream", "SharedOptions", "SharedUpstream"]

T = TypeVar("T")


class SharedUpstream:
    """An `Upstream` that any number of processes and threads share, for `retry`.

    The state is kept in Redis (5 or later) or Valkey, and changed there by compare-and-swap; the
    time is that of the store's clock, whatever `now` is given. A call is sent by a state that is at
    most `max_age_ms` old: so much later, what the server tells one process holds all the others.

    Where the store does not answer within `timeout_ms`, or has something else at the key, no call
    fails: this process goes on by what it knows, says so once, and tries the store again after a
    second. Then both take in what the other knows: the later hold counts, and of the rest what was
    seen later. A process that has never reached the store goes by its own clock.
    """

    def __init__(self, client: redis.Redis, *, key: str, **options: Unpack[SharedOptions]) -> None:
        """Share what the calls to one server learn of it: the server that `key` names.

        Nothing is sent yet. Of the `client` only the address is used: there are connections of its
        own, with the limit of `timeout_ms` for connecting and for each answer. A client of Redis
        Cluster or Sentinel is used as it is: give it short limits.

        Raises `ValueError` for an option that is not as it should be.
        """
        self._sharing = Sharing(key, **options)
        self._client = _with_time_limit(client, self._sharing.timeout_ms)
        self._lock = threading.Lock()
        _all.add(self)

    def admit(self, policy: Policy, *, ticket: int = 0, **facts: Unpack[CallFacts]) -> Admission:
        """Tell whether an attempt may be sent now, as `Upstream.admit` does."""
        return self._apply(admission(policy, ticket, facts))

    def succeed(
        self,
        policy: Policy,
        *,
        after: Decision | None = None,
        headers: Headers | None = None,
        **facts: Unpack[CallFacts],
    ) -> None:
        """Take in that an attempt succeeded, as `Upstream.succeed` does."""
        self._apply(success(policy, after, headers, facts))

    def decide(self, policy: Policy, **facts: Unpack[Facts]) -> Decision:
        """Take in that an attempt failed, and decide on it as `Upstream.decide` does."""
        return self._apply(failure(policy, facts))

    def explain(self, policy: Policy, **facts: Unpack[Facts]) -> Explanation:
        """Decide as `decide` does, and tell the steps that led to the decision."""
        return self._apply(explained_failure(policy, facts))

    def _apply(self, change: Change[T]) -> T:
        if not self._sharing.settles(change):
            tell = None
            with self._lock:
                # If not, whoever had the lock before has taken it along.
                if not change.is_done:
                    tell = self._exchange()
            if tell is not None:
                tell()
        return change.answer()

    def _exchange(self) -> Callable[[], object] | None:
        steps = self._sharing.exchange()
        try:
            arguments = next(steps)
            while True:
                try:
                    answer = self._client.eval(*_command(self._sharing, arguments))
                except Exception as error:  # noqa: BLE001, what becomes of it `steps` knows
                    arguments = steps.throw(error)
                else:
                    arguments = steps.send(_decoded(answer))
        except StopIteration as end:
            return cast("Callable[[], object] | None", end.value)
        finally:
            steps.close()


_all: WeakSet[SharedUpstream] = WeakSet()


def _begin_anew_after_fork() -> None:
    """Give up the locks of threads that only the parent process has."""
    for upstream in _all:
        upstream._lock = threading.Lock()
        upstream._sharing.begin_anew_after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_begin_anew_after_fork)


class AsyncSharedUpstream:
    """The same for `aretry` in asyncio: what `SharedUpstream` does, with methods to be awaited."""

    def __init__(
        self, client: redis.asyncio.Redis, *, key: str, **options: Unpack[SharedOptions]
    ) -> None:
        """Share what the calls to one server learn of it: the server that `key` names.

        Nothing is sent yet. The `client` is used as it is, in the event loop that it belongs to.

        Raises `ValueError` for an option that is not as it should be.
        """
        self._sharing = Sharing(key, **options)
        self._client = client
        self._lock = asyncio.Lock()

    async def admit(
        self, policy: Policy, *, ticket: int = 0, **facts: Unpack[CallFacts]
    ) -> Admission:
        """Tell whether an attempt may be sent now, as `Upstream.admit` does."""
        return await self._apply(admission(policy, ticket, facts))

    async def succeed(
        self,
        policy: Policy,
        *,
        after: Decision | None = None,
        headers: Headers | None = None,
        **facts: Unpack[CallFacts],
    ) -> None:
        """Take in that an attempt succeeded, as `Upstream.succeed` does."""
        await self._apply(success(policy, after, headers, facts))

    async def decide(self, policy: Policy, **facts: Unpack[Facts]) -> Decision:
        """Take in that an attempt failed, and decide on it as `Upstream.decide` does."""
        return await self._apply(failure(policy, facts))

    async def explain(self, policy: Policy, **facts: Unpack[Facts]) -> Explanation:
        """Decide as `decide` does, and tell the steps that led to the decision."""
        return await self._apply(explained_failure(policy, facts))

    async def _apply(self, change: Change[T]) -> T:
        if not self._sharing.settles(change):
            tell = None
            async with self._lock:
                # If not, whoever had the lock before has taken it along.
                if not change.is_done:
                    tell = await self._exchange()
            if tell is not None:
                tell()
        return change.answer()

    async def _exchange(self) -> Callable[[], object] | None:
        steps = self._sharing.exchange()
        try:
            arguments = next(steps)
            while True:
                try:
                    answer = await self._answer(arguments)
                except Exception as error:  # noqa: BLE001, what becomes of it `steps` knows
                    arguments = steps.throw(error)
                else:
                    arguments = steps.send(_decoded(answer))
        except StopIteration as end:
            return cast("Callable[[], object] | None", end.value)
        finally:
            steps.close()

    async def _answer(self, arguments: tuple[str, str]) -> Any:
        limit_ms = self._sharing.timeout_ms
        asking = self._client.eval(*_command(self._sharing, arguments))
        try:
            return await asyncio.wait_for(asking, limit_ms / 1000)
        except asyncio.TimeoutError as error:
            message = f"no answer in {limit_ms} ms"
            raise TimeoutError(message) from error


def _command(sharing: Sharing, arguments: tuple[str, str]) -> tuple[str, int, str, str, str, int]:
    return COMPARE_AND_SWAP, 1, sharing.key, *arguments, sharing.expiry_ms


def _decoded(answer: list[Any]) -> list[Any]:
    """The script's answer, whether or not the client decodes."""
    return [part.decode() if isinstance(part, bytes) else part for part in answer]


def _with_time_limit(client: redis.Redis, timeout_ms: int) -> redis.Redis:
    """A client of the same server that gives up soon."""
    pool = getattr(client, "connection_pool", None)
    if pool is None or type(pool) not in (redis.ConnectionPool, redis.BlockingConnectionPool):
        return client
    # What a pool puts there for itself, it also puts there for the next.
    own = ("maint_notifications", "oss_cluster", "orig_", "event_dispatcher", "himport_registry")
    arguments = {
        name: value for name, value in pool.connection_kwargs.items() if not name.startswith(own)
    }
    arguments |= {
        "socket_timeout": timeout_ms / 1000,
        "socket_connect_timeout": timeout_ms / 1000,
        # Once more at once, for a connection that was closed while nobody used it.
        "retry": Retry(NoBackoff(), 1, (redis.ConnectionError,)),
    }
    return redis.Redis(connection_pool=redis.ConnectionPool(pool.connection_class, **arguments))
