"""Whether processes grow: their resident memory over the time of a run."""

from __future__ import annotations

import asyncio
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench import proc

INTERVAL: Final = 1.0  # seconds
WARM_UP: Final = 0.2  # of a run is not looked at
FEW: Final = 6  # samples, of which nothing can be said


class Growth(NamedTuple):
    """Mean resident memory of one process, MiB."""

    first: float  # in the first third after the warm-up
    last: float  # in the last third

    @property
    def mib(self) -> float:
        return self.last - self.first


def growth(samples: Sequence[float]) -> Growth:
    """Compare the thirds of ``samples``, which are MiB, evenly spaced in time."""
    warm = samples[int(len(samples) * WARM_UP) :]
    third = len(warm) // 3
    return Growth(statistics.fmean(warm[:third]), statistics.fmean(warm[-third:]))


def _resident(process: int) -> float:
    return proc.resident_kib(Path(f"/proc/{process}/status").read_text()) / 1024


class Watch:
    """Looks every second, between ``start`` and ``stop``."""

    def __init__(self, processes: Callable[[], Iterable[int]]) -> None:
        self._processes = processes
        self._samples: dict[int, list[float]] = defaultdict(list)
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._looking = asyncio.create_task(self._look())

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def worst(self) -> Growth | None:
        """Of the process that grew most; None after too short a time."""
        found = [growth(each) for each in self._samples.values() if len(each) >= FEW]
        return max(found, key=lambda each: each.mib, default=None)

    async def _look(self) -> None:
        processes = [*self._processes()]
        while True:
            for process in processes:
                self._samples[process].append(_resident(process))
            await asyncio.sleep(INTERVAL)
