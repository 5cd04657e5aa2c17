"""A provider type that watches the event loop of its process, and tells how late it was of late."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from config import Model
from providers import Attempt, Context, Fields, Identity, Provider

EVERY = 0.005  # seconds


class LagConfig(Model):
    """No keys."""


class Lag(Provider[LagConfig]):
    """Signs anybody in; the name is the 99th percentile in ms, since the last time it was asked."""

    Config: ClassVar[type[Model]] = LagConfig
    purpose = "tells how late the event loop is, for tests"

    def __init__(self, name: str, config: LagConfig, context: Context) -> None:
        super().__init__(name, config, context)
        self._late: list[float] = []
        self._watching: asyncio.Task[None] | None = None

    def identify(self, fields: Fields) -> str | None:
        return fields.get("username")

    async def open(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY
            await asyncio.sleep(EVERY)
            self._late.append(loop.time() - due)

    async def begin(self, attempt: Attempt, fields: Fields) -> Identity:
        late, self._late = sorted(self._late) or [0.0], []
        return Identity("lag", name=f"{late[len(late) * 99 // 100] * 1000:.1f}")

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
