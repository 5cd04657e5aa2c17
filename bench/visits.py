"""Requests over connections of their own, as phones send them: connect, ask, leave."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
import struct
import time
from collections.abc import Iterator, Sequence
from typing import Final, cast

import uvloop

from bench import http1
from bench.load import SEED, TIMEOUT, Run, sleep_until, undisturbed

# No place in the kernel is kept for a connection that has ended: ports would run out.
_LEAVE_AT_ONCE: Final = struct.pack("ii", 1, 0)


class _Visitor(asyncio.Protocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[tuple[bytes, bytes]] = asyncio.Future()
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connection = cast(socket.socket, transport.get_extra_info("socket"))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LEAVE_AT_ONCE)

    def data_received(self, data: bytes) -> None:
        self._received += data
        message = http1.split(self._received)
        if message is not None and not self.answer.done():
            self.answer.set_result(message)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc or ConnectionResetError())


class _Site:
    """Where they go, and what has become of them. ``good`` is in every answer that counts."""

    def __init__(self, url: str, good: bytes, tls: ssl.SSLContext | None) -> None:
        host, _, port = url.partition("://")[2].partition(":")
        self._address = host, int(port)
        self._good = good
        self._tls = tls
        self.run = Run()

    async def visit(self, message: bytes, due: float) -> None:
        """Every request counts from when it fell due: connecting is a part of it."""
        try:
            async with asyncio.timeout(TIMEOUT):
                head, body = await self._ask(message)
        except (OSError, TimeoutError):
            self.run.bad += 1
            return
        self.run.latencies.append(time.perf_counter() - due)
        if not (head.startswith(b"HTTP/1.1 200 ") and self._good in body):
            self.run.bad += 1

    async def stay(self, message: bytes) -> asyncio.Transport:
        """Ask, and do not leave."""
        transport, visitor = await self._connect()
        transport.write(message)
        await visitor.answer
        return transport

    async def _ask(self, message: bytes) -> tuple[bytes, bytes]:
        transport, visitor = await self._connect()
        try:
            transport.write(message)
            return await visitor.answer
        finally:
            transport.abort()

    async def _connect(self) -> tuple[asyncio.Transport, _Visitor]:
        loop = asyncio.get_running_loop()
        return await loop.create_connection(_Visitor, *self._address, ssl=self._tls)


def paced(
    url: str,
    messages: Sequence[bytes],
    good: bytes,
    rate: float,
    tls: ssl.SSLContext | None = None,
) -> Run:
    """Send ``messages`` at ``rate`` per second, in an open loop."""

    async def drive() -> Run:
        site = _Site(url, good, tls)
        arrivals = random.Random(SEED)
        started = due = time.perf_counter()
        async with asyncio.TaskGroup() as visitors:
            for message in messages:
                due += arrivals.expovariate(rate)
                await sleep_until(due)
                visitors.create_task(site.visit(message, due))
        site.run.seconds = time.perf_counter() - started
        return site.run

    return undisturbed(drive())


def closed(
    url: str,
    messages: Sequence[bytes],
    good: bytes,
    connections: int,
    tls: ssl.SSLContext | None = None,
) -> Run:
    """Send ``messages``, so many at once, as fast as the server answers."""

    async def drive() -> Run:
        site = _Site(url, good, tls)
        left = iter(messages)

        async def some() -> None:
            for message in left:
                await site.visit(message, time.perf_counter())

        started = time.perf_counter()
        await asyncio.gather(*(some() for _ in range(connections)))
        site.run.seconds = time.perf_counter() - started
        return site.run

    return undisturbed(drive())


@contextlib.contextmanager
def staying(
    url: str, message: bytes, connections: int, tls: ssl.SSLContext | None = None
) -> Iterator[None]:
    """Meanwhile so many connections are idle, each of which has had one answer."""
    site = _Site(url, b"", tls)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        transports = [runner.run(site.stay(message)) for _ in range(connections)]
        yield
        for transport in transports:
            transport.abort()
