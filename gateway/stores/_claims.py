"""Windows in a cluster: counted slot by slot, each slot atomically, and taken back if need be."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Coroutine, Iterable, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeVar

from redis.crc import key_slot

from gateway.stores import Limited, StoreUnavailable, Window
from gateway.stores._one_slot import OneSlot
from gateway.stores._scripts import of_windows

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")

AFTERWARDS: Final = 1 / 2  # of the time that is left, for what the answer does not depend on


class _Claim(NamedTuple):
    windows: list[Window]  # of one slot
    left_ms: list[int]


class Claims:
    """What one call has counted so far. At its end it is taken back, but for what was kept.

    Nothing further is claimed after ``deadline`` (loop time): by then the caller has been told that
    there is no answer. What takes longer at the end goes on by itself, among ``stragglers``.
    """

    def __init__(
        self, store: OneSlot, deadline: float, stragglers: set[asyncio.Task[None]]
    ) -> None:
        self._store = store
        self._deadline = deadline
        self._stragglers = stragglers
        self._claims: list[_Claim] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._claims:
            claims, self._claims = self._claims, []
            await self.afterwards(settled(self._store.take_back(*claim) for claim in claims))

    async def look(self, windows: Sequence[Window]) -> Limited | None:
        """Return the full window that ends last, if one is full."""
        return _last(await settled(map(self._store.look, by_slot(windows))))

    async def claim(self, windows: Sequence[Window]) -> Limited | None:
        """Count one event in each window. If one is full, others may be counted all the same."""
        self.in_time()
        return _last(await settled(map(self._claim, by_slot(windows))))

    async def _claim(self, windows: list[Window]) -> Limited | None:
        outcome = await self._store.claim(windows)
        if isinstance(outcome, Limited):
            return outcome
        self._claims.append(_Claim(windows, outcome))
        return None

    def keep(self, windows: Sequence[Window]) -> None:
        """Leave counted what was claimed by ``claim(windows)``."""
        self._claims = [claim for claim in self._claims if claim.windows[0] not in windows]

    def in_time(self) -> None:
        """Raise ``StoreUnavailable`` if it is too late for a further step."""
        if asyncio.get_running_loop().time() >= self._deadline:
            raise StoreUnavailable("no time left")

    async def afterwards(self, step: Coroutine[Any, Any, object]) -> None:
        """Do what the answer does not depend on: it may fail, and does not hold up the answer."""
        task = asyncio.create_task(_tried(step))
        self._stragglers.add(task)
        task.add_done_callback(self._stragglers.discard)
        left = self._deadline - asyncio.get_running_loop().time()
        await asyncio.wait((task,), timeout=max(0.0, left * AFTERWARDS))


async def _tried(step: Coroutine[Any, Any, object]) -> None:
    with contextlib.suppress(StoreUnavailable):
        await step


def by_slot(windows: Iterable[Window]) -> list[list[Window]]:
    """Group windows by the slot of their counters."""
    groups: dict[int, list[Window]] = {}
    for window in windows:
        [name] = of_windows([window])
        groups.setdefault(key_slot(name), []).append(window)
    return list(groups.values())


async def settled(steps: Iterable[Awaitable[T]]) -> list[T]:
    """Return the results of all; if some fail, raise the first error after all have ended."""
    waiting = [*steps]
    if len(waiting) == 1:  # the usual case, which needs no task
        return [await waiting[0]]
    results = []
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
        results.append(outcome)
    return results


async def both(first: Awaitable[A], second: Awaitable[B]) -> tuple[A, B]:
    """``settled`` for two different kinds."""
    one, other = asyncio.ensure_future(first), asyncio.ensure_future(second)
    await settled((one, other))
    return one.result(), other.result()


def _last(limits: Iterable[Limited | None]) -> Limited | None:
    full = [limited for limited in limits if limited]
    return max(full, key=lambda limited: limited.retry_after_ms, default=None)
