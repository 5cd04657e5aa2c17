"""Where messages arrive: codes that the vendors' stub delivered, by recipient."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterator
from typing import Final

import orjson

from bench.trials.client import Client

INTERVAL: Final = 0.05  # seconds between two looks


class Mailbox:
    """Looks at the stub all the time, between ``start`` and ``stop``."""

    def __init__(self, codes: Client) -> None:
        self._codes = codes
        self._waiting: dict[str, asyncio.Future[str]] = {}
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._looking = asyncio.create_task(self._look())

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        self._codes.close()

    @contextlib.contextmanager
    def of(self, recipient: str) -> Iterator[asyncio.Future[str]]:
        """The code that comes for somebody; it has to be asked for inside."""
        code = self._waiting[recipient] = asyncio.get_running_loop().create_future()
        try:
            yield code
        finally:
            del self._waiting[recipient]

    async def _look(self) -> None:
        for _ in itertools.count():
            codes = orjson.loads(await self._codes.post(b"", keep=True))
            for recipient, code in codes.items():
                waiting = self._waiting.get(recipient)
                if waiting is not None and not waiting.done():
                    waiting.set_result(code)
            await asyncio.sleep(INTERVAL)
