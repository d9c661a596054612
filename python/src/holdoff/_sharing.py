"""How many processes share an `Upstream` through a store: all of `holdoff.redis` but the I/O."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar, cast

from holdoff._native import differ_in_counts_only
from holdoff.upstream import Admission, Upstream

if TYPE_CHECKING:
    from collections.abc import Generator

    from typing_extensions import Unpack

    from holdoff._headers import Headers
    from holdoff._request import CallFacts, Facts
    from holdoff.decision import Decision
    from holdoff.explanation import Explanation
    from holdoff.policy import Policy

T = TypeVar("T")

_MOST_TRIES = 32
"""How often changes are tried. Of those who try at the same time one gets through each time."""

_PAUSE_MS = 1000
"""How long a store that could not be reached is left alone."""

_LATEST_MS = 1000
"""How late something may be written. What merely counts is of no use after that."""

_log = logging.getLogger("holdoff")


class SharedOptions(TypedDict, total=False):
    """The keyword arguments of a shared upstream besides its `key`. All may be left out.

    Attributes:
        prefix: What the key in the store begins with: `"holdoff:"` if not given. Give another one
            where programs with different versions of holdoff use one store.
        expiry_ms: For how many milliseconds the store keeps the state when nobody calls any more:
            an hour if not given. It should be longer than any wait that a server may ask for.
        timeout_ms: How many milliseconds the store has for an answer, before this process goes on
            alone: 100 if not given.
        max_age_ms: How many milliseconds old the state may be by which a call is sent, and how long
            what only counts may wait to be written: 20 if not given. The larger, the less the store
            has to do: a process asks it once in that time at most, while nothing fails.
        on_unreachable: Called with the exception when the store is lost; logs a warning if not
            given.
        on_reachable: Called when it is back; logs a warning if not given.
    """

    prefix: str
    expiry_ms: int
    timeout_ms: int
    max_age_ms: int
    on_unreachable: Callable[[Exception], object]
    on_reachable: Callable[[], object]


class Change(Generic[T]):
    """One operation of `Upstream`, to be applied to whichever state, and what came of it."""

    def __init__(
        self, apply: Callable[[Upstream, int], T], *, counts: bool = False, takes: bool = False
    ) -> None:
        """Begin without an answer.

        What `counts` may be written later, where it changes nothing but measures. What `takes` a
        place among the calls must not take another when it is written, which nobody would use.
        """
        self.apply = apply
        self.counts = counts
        self.takes = takes
        self.is_done = False
        self._answer: T | None = None
        self._error: Exception | None = None

    def run(self, upstream: Upstream, now: int) -> None:
        """Apply it. Of several times the last counts."""
        self._answer = self._error = None
        try:
            self._answer = self.apply(upstream, now)
        except Exception as error:  # noqa: BLE001, raised again for the one who asked
            self._error = error

    def repeat(self, upstream: Upstream, now: int) -> None:
        """Apply it to what was not yet known when it was answered."""
        with suppress(Exception):
            self.apply(upstream, now)

    def answer(self) -> T:
        """Tell what came of it."""
        if self._error is not None:
            raise self._error
        return cast("T", self._answer)


def admission(policy: Policy, ticket: int, facts: CallFacts) -> Change[Admission]:
    """Make `Upstream.admit` a change, at the time of the store's clock."""

    def apply(upstream: Upstream, now: int) -> Admission:
        facts["now"] = now
        return upstream.admit(policy, ticket=ticket, **facts)

    return Change(apply, counts=True, takes=True)


def success(
    policy: Policy, after: Decision | None, headers: Headers | None, facts: CallFacts
) -> Change[None]:
    """Make `Upstream.succeed` a change."""

    def apply(upstream: Upstream, now: int) -> None:
        facts["now"] = now
        upstream.succeed(policy, after=after, headers=headers, **facts)

    return Change(apply, counts=True)


def failure(policy: Policy, facts: Facts) -> Change[Decision]:
    """Make `Upstream.decide` a change."""

    def apply(upstream: Upstream, now: int) -> Decision:
        facts["now"] = now
        return upstream.decide(policy, **facts)

    return Change(apply)


def explained_failure(policy: Policy, facts: Facts) -> Change[Explanation]:
    """Make `Upstream.explain` a change."""

    def apply(upstream: Upstream, now: int) -> Explanation:
        facts["now"] = now
        return upstream.explain(policy, **facts)

    return Change(apply)


class Sharing:
    """What this process knows of the shared state, and the changes that it has yet to write.

    Any number of threads may use it at once, but only one of them may be in an `exchange`.
    """

    def __init__(self, key: str, **options: Unpack[SharedOptions]) -> None:
        """Begin with nothing known, and without asking the store."""
        if not isinstance(key, str) or not key:
            message = f"key: `{key!r}` is not a name for the server that the calls go to"
            raise ValueError(message)
        self.key = options.get("prefix", "holdoff:") + key
        self.expiry_ms = _positive("expiry_ms", options.get("expiry_ms", 3_600_000))
        self.timeout_ms = _positive("timeout_ms", options.get("timeout_ms", 100))
        self._max_age_ms = _positive("max_age_ms", options.get("max_age_ms", 20))
        self._on_unreachable = options.get("on_unreachable", self._log_unreachable)
        self._on_reachable = options.get("on_reachable", self._log_reachable)

        self._mutex = threading.Lock()
        self._local = Upstream()
        # The local state as JSON, as long as this process is not alone.
        self._text = self._local.to_json()
        self._is_alone = False
        # Whether the store may lack something that is known here.
        self._is_ahead = False
        self._is_exchanging = False
        self._changes: list[Change[Any]] = []
        self._unwritten: list[Change[Any]] = []
        # By the clock of this process; and how far ahead that of the store is.
        self._asked_at = self._lost_at = -float("inf")
        self._ahead_ms = time.time() * 1000 - _clock()

    def begin_anew_after_fork(self) -> None:
        """Leave to the parent process what it has yet to write, and what its threads were at."""
        self._mutex = threading.Lock()
        self._is_exchanging = False
        self._changes = []
        self._unwritten = []

    def settles(self, change: Change[Any]) -> bool:
        """Answer by what is known here, if that will do. If not, it awaits an `exchange`."""
        with self._mutex:
            if self._is_alone:
                if self._is_exchanging or _clock() < self._lost_at + _PAUSE_MS:
                    change.run(self._local, self._now())
                    if self._is_exchanging:
                        self._unwritten.append(change)
                    return True
            elif change.counts and self._is_fresh() and self._only_measures(change):
                self._unwritten.append(change)
                return True
            self._changes.append(change)
            return False

    def exchange(self) -> Generator[tuple[str, str], Any, Callable[[], object] | None]:
        """Take all changes that wait to the store.

        Yields what the state was and is to be, for the store to compare and swap; where it is to be
        `""`, it only reads. Is sent `[now]` where it swapped, else `[now, state]` of the store; or
        thrown what went wrong.
        Returns what is to be called then, if anything.
        """
        asked_at = _clock()
        with self._mutex:
            changes, self._changes = self._changes, []
            unwritten, self._unwritten = self._unwritten, []
            self._is_exchanging = True
        try:
            state, is_written = yield from self._write(changes, unwritten)
        except GeneratorExit:
            # Who waited for the store was cancelled, but others have changes there too.
            with self._mutex:
                self._is_exchanging = False
                self._changes = changes + self._changes
                self._unwritten = unwritten + self._unwritten
            raise
        except Exception as error:  # noqa: BLE001, whatever is wrong with the store, the calls go on
            return self._go_on_alone(changes, error)
        with self._mutex:
            self._is_exchanging = False
            self._local, self._is_ahead = state, not is_written
            self._text = state.to_json()
            # Where a failure wasn't written yet, the next change does it, however soon.
            is_all = is_written and all(change.counts for change in self._unwritten)
            self._asked_at = asked_at if is_all else -float("inf")
            was_alone, self._is_alone = self._is_alone, False
            _done(changes)
        return self._on_reachable if was_alone else None

    def _write(
        self, changes: list[Change[Any]], unwritten: list[Change[Any]]
    ) -> Generator[tuple[str, str], Any, tuple[Upstream, bool]]:
        """Apply the changes to the store's state. That, and whether the store has it now."""
        if _clock() > self._asked_at + _LATEST_MS:
            unwritten = [change for change in unwritten if not change.counts]
        now, text = yield "", ""
        state = self._local
        for _ in range(_MOST_TRIES):
            self._ahead_ms = now - _clock()
            state = Upstream.from_json(text) if text else Upstream()
            if self._is_ahead or not text:
                state.merge(self._local)
            state = _replayed(state, unwritten, now)
            for change in changes:
                change.run(state, now)
            changed = state.to_json()
            if changed == text:
                return state, True
            answer = yield text, changed
            if len(answer) == 1:
                return state, True
            now, text = answer
        return state, False

    def _go_on_alone(
        self, changes: list[Change[Any]], error: Exception
    ) -> Callable[[], object] | None:
        with self._mutex:
            self._is_exchanging = False
            was_alone, self._is_alone = self._is_alone, True
            self._is_ahead = True
            self._lost_at = _clock()
            # They were answered by the local state, which has them.
            self._unwritten = []
            changes += self._changes
            self._changes = []
            for change in changes:
                change.run(self._local, self._now())
            _done(changes)
        return None if was_alone else partial(self._on_unreachable, error)

    def _is_fresh(self) -> bool:
        return _clock() < self._asked_at + self._max_age_ms

    def _only_measures(self, change: Change[Any]) -> bool:
        """Apply a change to the local state, unless it would change more than measures."""
        change.run(self._local, self._now())
        text = self._local.to_json()
        if not differ_in_counts_only(self._text, text):
            self._local = Upstream.from_json(self._text)
            return False
        self._text = text
        return True

    def _now(self) -> int:
        return int(_clock() + self._ahead_ms)

    def _log_unreachable(self, error: Exception) -> None:
        sentence = "the store of `%s` can't be used, so this process goes on by what it knows: %s"
        _log.warning(sentence, self.key, error)

    def _log_reachable(self) -> None:
        _log.info("the store of `%s` can be used again", self.key)


def _replayed(state: Upstream, unwritten: list[Change[Any]], now: int) -> Upstream:
    """The state with what was answered before it was known.

    It is spread out over the time since somebody last wrote. All processes write of the same time,
    but one after the other: with its true times, the usual rate of calls would seem to be a rush.
    """
    if not unwritten:
        return state
    text = state.to_json()
    begin = min(max(now - _LATEST_MS, json.loads(text)["now_ms"]), now)
    times = [begin + (now - begin) * n // len(unwritten) for n in range(1, len(unwritten) + 1)]
    for change, at in zip(unwritten, times, strict=True):
        change.repeat(state, at)
    if differ_in_counts_only(text, state.to_json()):
        return state
    state = Upstream.from_json(text)
    for change, at in zip(unwritten, times, strict=True):
        change.repeat(state, at)
        repeated = state.to_json()
        if change.takes and not differ_in_counts_only(text, repeated):
            state = Upstream.from_json(text)
        else:
            text = repeated
    return state


def _done(changes: list[Change[Any]]) -> None:
    for change in changes:
        change.is_done = True


def _clock() -> float:
    """Tell the milliseconds on a clock that never goes back."""
    return time.monotonic() * 1000


def _positive(name: str, number: int) -> int:
    if isinstance(number, int) and number > 0:
        return number
    message = f"{name}: `{number!r}` is not a whole number from 1"
    raise ValueError(message)
