"""What an identity provider publishes: fetched when it is first needed, and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, NamedTuple, TypeVar

from providers._base import Unavailable

# Seconds until the next try after one that failed: without a copy nobody can sign in.
PAUSE: Final = 2.0
PAUSE_WITH_COPY: Final = 30.0

T = TypeVar("T")


class Copy(NamedTuple, Generic[T]):
    """``value`` as it was published at ``asked``, a reading of the clock, or later."""

    value: T
    asked: float


class Published(Generic[T]):
    """A copy serves for ``fresh`` seconds. After that whoever needs it waits for a new one, and
    makes do with the old one, until it is ``stale`` seconds old, while there is none to be had.

    All who wait share one fetch; whoever leaves does not end it. ``fetch`` has a deadline, and
    raises ``Unavailable``. ``name`` is the provider's.
    """

    def __init__(
        self,
        name: str,
        fetch: Callable[[], Awaitable[T]],
        clock: Callable[[], float],
        *,
        fresh: float,
        stale: float,
    ) -> None:
        self._name = name
        self._fetch = fetch
        self._clock = clock
        self._fresh = fresh
        self._stale = stale
        self._copy: Copy[T] | None = None
        self._failure = ""  # why the latest fetch brought nothing
        self._next_try = clock()
        self._flight: asyncio.Task[None] | None = None

    @property
    def under_way(self) -> bool:
        """Whether a fetch is."""
        return self._flight is not None

    @property
    def _may_fetch(self) -> bool:
        return self.under_way or self._clock() >= self._next_try

    async def get(self) -> Copy[T]:
        """Return the copy that there is, if it will do, and a new one otherwise.

        Raises ``Unavailable``.
        """
        copy = self._younger_than(self._fresh)
        if copy is None and self._may_fetch:
            await self._land()
        copy = copy or self._younger_than(self._stale)
        if copy is None:
            raise self._unavailable()
        return copy

    async def renew(self) -> Copy[T]:
        """Return a new copy. Raises ``Unavailable``, also for a moment after a failure."""
        if self._may_fetch:
            await self._land()
        return self.latest()

    def latest(self) -> Copy[T]:
        """Return what the latest fetch brought. Raises ``Unavailable`` if that was nothing."""
        if self._copy is None or self._failure:
            raise self._unavailable()
        return self._copy

    async def close(self) -> None:
        """End a fetch that is under way."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])
            self._flight = None

    def _younger_than(self, age: float) -> Copy[T] | None:
        if self._copy is not None and self._clock() < self._copy.asked + age:
            return self._copy
        return None

    def _unavailable(self) -> Unavailable:
        # A new one each time: raised twice, one would gather the traces of all who got it.
        wait = max(0.0, self._next_try - self._clock())
        return Unavailable(self._name, self._failure, wait)

    async def _land(self) -> None:
        if self._flight is None:
            self._flight = asyncio.create_task(self._fly())
        await asyncio.shield(self._flight)

    async def _fly(self) -> None:
        asked = self._clock()
        try:
            self._copy = Copy(await self._fetch(), asked)
            self._failure = ""
        except Unavailable as error:
            self._failure = error.detail
            usable = self._younger_than(self._stale) is not None
            self._next_try = self._clock() + (PAUSE_WITH_COPY if usable else PAUSE)
        finally:
            self._flight = None
