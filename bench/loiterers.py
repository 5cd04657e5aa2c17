"""Clients that keep their connections and do not get on with it, in a process of its own.

``python -m bench.loiterers URL SLOW IDLE``. Of the slow ones half send a head and half a body, a
byte each second and never the last one. Of the idle ones half never say anything, and half have
had an answer. Whoever is cut comes again at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import sys
from collections.abc import Callable, Iterator
from typing import Final

import uvloop

ARRIVALS: Final = 700  # a second, at random times, so that not all are cut at the same time
PAUSE: Final = 1.0  # seconds between two bytes
REFUSED: Final = 1.0  # seconds until somebody tries again who did not get in
ADDRESSES: Final = 4  # 127.0.0.2 and so on: a single one may not have so many connections
_LOGOUT: Final = b'{"op":"logout"}'
_HEAD: Final = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"

Words = Callable[[], Iterator[bytes]]


def slow_head() -> Iterator[bytes]:
    yield b"POST / HTTP/1.1\r\nX-Slow: "
    yield from itertools.repeat(b"a")


def slow_body() -> Iterator[bytes]:
    yield _HEAD % 10_000
    yield from itertools.repeat(b" ")


def silent() -> Iterator[bytes]:
    yield from ()


def one_request() -> Iterator[bytes]:
    yield _HEAD % len(_LOGOUT) + _LOGOUT


class Loiterer(asyncio.Protocol):
    """One connection, until it is cut."""

    def __init__(self) -> None:
        self.cut = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.cut.set()


class Crowd:
    """All of them. ``there`` is set when each has been let in once."""

    def __init__(self, host: str, port: int, words: list[Words]) -> None:
        self.there = asyncio.Event()
        self._host = host
        self._port = port
        self._words = words
        self._missing = len(words)

    async def stay(self) -> None:
        await asyncio.gather(
            *(self._stay(number, words) for number, words in enumerate(self._words))
        )

    async def _stay(self, number: int, words: Words) -> None:
        source = f"127.0.0.{2 + number % ADDRESSES}"
        await asyncio.sleep(random.uniform(0, len(self._words) / ARRIVALS))
        for visit in itertools.count():
            transport, loiterer = await self._connect(source)
            if visit == 0:
                self._arrived()
            await _loiter(transport, loiterer, words())

    def _arrived(self) -> None:
        self._missing -= 1
        if not self._missing:
            self.there.set()

    async def _connect(self, source: str) -> tuple[asyncio.Transport, Loiterer]:
        loop = asyncio.get_running_loop()
        while True:
            try:
                return await loop.create_connection(
                    Loiterer, self._host, self._port, local_addr=(source, 0)
                )
            except OSError:
                await asyncio.sleep(REFUSED)


async def _loiter(transport: asyncio.Transport, loiterer: Loiterer, words: Iterator[bytes]) -> None:
    while not loiterer.cut.is_set() and (word := next(words, b"")):
        transport.write(word)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PAUSE):
                await loiterer.cut.wait()
    await loiterer.cut.wait()


async def main(url: str, slow: int, idle: int) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    kinds = [slow_head, slow_body] * (slow // 2) + [silent, one_request] * (idle // 2)
    crowd = Crowd(host, int(port), kinds)
    staying = asyncio.create_task(crowd.stay())
    await crowd.there.wait()
    print(f"{len(kinds)} are there", flush=True)
    await staying


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], *map(int, sys.argv[2:])))
