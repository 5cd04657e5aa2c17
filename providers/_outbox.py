"""What is to be written in one turn of the event loop is written at its end, at one go.

A write wakes whoever reads at the other end, which is most of what it costs. Writes that follow
each other find it awake: on a busy process they take about half of their time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Outbox:
    """Calls ``writes`` when the turn ends, in the order in which they came."""

    def __init__(self) -> None:
        self._writes: list[Callable[[], None]] = []

    def add(self, write: Callable[[], None]) -> None:
        """Have ``write`` called. It must not raise, since others wait behind it."""
        if not self._writes:
            asyncio.get_running_loop().call_soon(self._empty)
        self._writes.append(write)

    def _empty(self) -> None:
        writes, self._writes = self._writes, []
        for write in writes:
            write()
