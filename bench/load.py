"""The load: requests over many connections, each answer looked at.

*Closed* loop: a connection sends its next request when it has the answer to the last. *Open* loop:
requests fall due at random times (Poisson) whatever the server does, and their latency counts from
then on, so that a server which stalls cannot hide it.
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, cast

import uvloop

from bench import http1
from bench.servers import LOAD_CORE, on

TIMEOUT: Final = 60.0  # seconds for a whole run, above what its requests fall due in
CONNECTED_AT_ONCE: Final = 100
TICK: Final = 0.001  # seconds: how exactly the loop's timers work
SEED: Final = 7  # every open run has the same arrivals


@dataclass(slots=True)
class Run:
    """What became of some requests."""

    seconds: float = 0.0
    bad: int = 0  # wrong or missing answers, broken connections
    latencies: list[float] = field(default_factory=list)  # seconds, in order of the answers


class _Request(NamedTuple):
    message: bytes
    due: float | None  # None: when it is sent


class _Connection(asyncio.Protocol):
    def __init__(self, load: _Load) -> None:
        self._load = load
        self._transport: asyncio.Transport
        self._due: float | None = None  # of the request under way
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, request: _Request) -> None:
        self._due = time.perf_counter() if request.due is None else request.due
        self._transport.write(request.message)

    def data_received(self, data: bytes) -> None:
        self._received += data
        message = http1.split(self._received)
        if message is None or self._due is None:
            return
        latency = time.perf_counter() - self._due
        self._due, self._received = None, b""
        self._load.answered(self, *message, latency)

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.lost(self, under_way=self._due is not None)

    def close(self) -> None:
        self._transport.close()


class _Load:
    """Hands requests to connections. ``good`` is in the body of every answer that counts."""

    def __init__(self, requests: int, good: bytes) -> None:
        self.run = Run()
        self.left = requests
        self.done = asyncio.Event()
        self._good = good
        self._waiting: deque[_Request] = deque()
        self._idle: list[_Connection] = []
        self._connections: list[_Connection] = []

    async def connect(self, url: str, connections: int) -> None:
        loop = asyncio.get_running_loop()
        host, _, port = url.removeprefix("http://").partition(":")
        while len(self._connections) < connections:
            batch = min(CONNECTED_AT_ONCE, connections - len(self._connections))
            made = await asyncio.gather(
                *(
                    loop.create_connection(lambda: _Connection(self), host, int(port))
                    for _ in range(batch)
                )
            )
            self._connections += [connection for _, connection in made]
        self._idle = list(self._connections)

    def ask(self, request: _Request) -> None:
        if self._idle:
            self._idle.pop().send(request)
        else:
            self._waiting.append(request)

    def answered(self, connection: _Connection, head: bytes, body: bytes, latency: float) -> None:
        self.run.latencies.append(latency)
        if not (head.startswith(b"HTTP/1.1 200 ") and self._good in body):
            self.run.bad += 1
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._idle.append(connection)
        self._count()

    def lost(self, connection: _Connection, *, under_way: bool) -> None:
        if self.done.is_set():
            return
        self.run.bad += 1
        self._connections.remove(connection)
        if under_way:
            self._count()
        else:
            self._idle.remove(connection)
        if not self._connections:
            self._give_up()

    def _give_up(self) -> None:
        self.run.bad += self.left
        self.done.set()

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.done.set()

    async def finish(self) -> Run:
        try:
            await asyncio.wait_for(self.done.wait(), TIMEOUT)
        except TimeoutError:
            self._give_up()
        for connection in self._connections:
            connection.close()
        return self.run


def closed(url: str, messages: Sequence[bytes], good: bytes, connections: int) -> Run:
    """Send ``messages``, as fast as the server answers."""

    async def drive() -> Run:
        load = _Load(len(messages), good)
        await load.connect(url, connections)
        started = time.perf_counter()
        for message in messages:
            load.ask(_Request(message, None))
        run = await load.finish()
        run.seconds = time.perf_counter() - started
        return run

    return undisturbed(drive())


def paced(url: str, messages: Sequence[bytes], good: bytes, connections: int, rate: float) -> Run:
    """Send ``messages`` at ``rate`` per second, in an open loop."""

    async def drive() -> Run:
        load = _Load(len(messages), good)
        await load.connect(url, connections)
        arrivals = random.Random(SEED)
        started = due = time.perf_counter()
        for message in messages:
            due += arrivals.expovariate(rate)
            await sleep_until(due)
            load.ask(_Request(message, due))
        run = await load.finish()
        run.seconds = time.perf_counter() - started
        return run

    return undisturbed(drive())


async def sleep_until(due: float) -> None:
    wait = due - time.perf_counter()
    if wait > TICK:
        await asyncio.sleep(wait - TICK)
    while time.perf_counter() < due:  # noqa: ASYNC110 - no event tells that time has passed
        await asyncio.sleep(0)


def undisturbed(run: Coroutine[None, None, Run]) -> Run:
    """On the load's core, and without garbage collection: its pauses would be the server's."""
    gc.collect()
    gc.disable()
    try:
        with on(LOAD_CORE), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(run)
    finally:
        gc.enable()
