"""The load: people who come at a steady rate, whatever happens, or as fast as they are served."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Final, NamedTuple

from bench.figures import percentile
from bench.trials.people import People

BEHIND: Final = 0.1  # seconds; people who come later than they should make figures of no use
SEED: Final = 7


class OpenLoop:
    """Arrivals at random (Poisson), ``rate`` people per second, from ``start`` to ``stop``."""

    def __init__(self, people: People, rate: float) -> None:
        self._people = people
        self._rate = rate
        self._random = random.Random(SEED)
        self._lags: list[float] = []  # seconds, one for each look at the clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._arriving: asyncio.Task[None] | None = None

    @property
    def lag(self) -> float:
        """How late people came: seconds, the 99th percentile."""
        return percentile(self._lags, 99) if self._lags else 0.0

    def start(self) -> None:
        self._arriving = asyncio.create_task(self._arrive())

    async def stop(self) -> None:
        """Nobody comes any more; wait until everybody is through, or out of patience."""
        if self._arriving is not None:
            self._arriving.cancel()
            await asyncio.gather(self._arriving, return_exceptions=True)
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def _arrive(self) -> None:
        due = time.monotonic()
        while True:
            now = time.monotonic()
            if now < due:
                await asyncio.sleep(due - now)
            self._lags.append(time.monotonic() - due)
            task = asyncio.create_task(self._people.sign_in())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            due += self._random.expovariate(self._rate)


class Pace(NamedTuple):
    """What was reached in a closed loop."""

    sign_ins: float  # per second
    requests: float  # per second


async def closed(people: People, crowd: int, seconds: float) -> Pace:
    """So many people at a time, the next one when one is through."""
    end = time.monotonic() + seconds
    begun = 0

    async def one_after_another() -> None:
        nonlocal begun
        while time.monotonic() < end:
            begun += 1
            await people.sign_in()

    started, before = time.monotonic(), len(people.ledger.requests)
    await asyncio.gather(*(one_after_another() for _ in range(crowd)))
    took = time.monotonic() - started
    return Pace(begun / took, (len(people.ledger.requests) - before) / took)
