"""A TCP proxy that makes the network between a client and a real server go wrong."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from tests.servers.http_faults import reset
from tests.servers.loop_thread import LoopThread
from tests.servers.reserved_port import HOST, ReservedPort

CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong, of connections old and new. All of it can be combined."""

    refuse: bool = False  # nobody listens; connections that are open go on
    reset: bool = False  # new connections are accepted, then reset before a byte was read
    black_hole: bool = False  # connections stay open and nothing passes; it is delivered later
    latency: float = 0.0  # seconds before each chunk, both ways
    jitter: float = 0.0  # up to so many seconds more
    rate: float = 0.0  # bytes per second towards the client; 0: no limit
    cut_after: int | None = (
        None  # bytes of a connection that reach the client at most; then a reset
    )


class FaultProxy:
    """Forwards ``port`` to ``upstream_port`` on the loopback, in a thread of its own.

    With ``record``, what clients send is kept in ``recorded``.
    """

    def __init__(self, upstream_port: int, *, record: bool = False) -> None:
        self._upstream = upstream_port
        self._record = record
        self.recorded = b""
        self._reserved = ReservedPort()
        self._faults = Faults()
        self._passing = asyncio.Event()
        self._clients: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._thread: LoopThread | None = None
        self._accepted = 0

    @property
    def port(self) -> int:
        return self._reserved.number

    @property
    def accepted(self) -> int:
        """How many connections there have been."""
        return self._accepted

    # -- steering

    def start(self) -> Self:
        self._thread = LoopThread(type(self).__name__)
        self._thread.run(self._set(self._faults))
        return self

    def set(self, faults: Faults) -> None:
        """Let these faults, and no others, hold from now on."""
        self._running().run(self._set(faults))

    def heal(self) -> None:
        """Be a sound network."""
        self.set(Faults())

    def reset_all(self) -> None:
        """Reset every open connection, as a crashed server or a flushed firewall does."""
        self._running().run(self._reset_all())

    def close(self) -> None:
        """Refuse and reset everything; give the port back."""
        if self._thread is not None:
            self.set(replace(self._faults, refuse=True))
            self.reset_all()
            self._thread.close()
            self._thread = None
        self._reserved.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def _running(self) -> LoopThread:
        if self._thread is None:
            raise RuntimeError("the proxy is not running")
        return self._thread

    # -- in the proxy's thread

    async def _set(self, faults: Faults) -> None:
        self._faults = faults
        if faults.black_hole:
            self._passing.clear()
        else:
            self._passing.set()
        if faults.refuse and self._server is not None:
            self._server.close()
            self._server = None
        if not faults.refuse and self._server is None:
            self._server = await asyncio.start_server(self._accept, sock=self._reserved.bind())

    async def _reset_all(self) -> None:
        for client in self._clients:
            reset(client.transport)
        if self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._accepted += 1
        task = asyncio.ensure_future(self._forward(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self._clients.add(client)
        server: asyncio.StreamWriter | None = None
        try:
            if self._faults.reset:
                raise ConnectionResetError
            answers, server = await asyncio.open_connection(HOST, self._upstream)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, server))
                both.create_task(self._pump_back(answers, client))
        except* OSError:
            # Whatever broke, on either side, the client sees a reset.
            reset(client.transport)
        finally:
            self._clients.discard(client)
            client.close()
            if server is not None:
                server.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            if self._record:
                self.recorded += data
            await self._hold_up()
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    async def _pump_back(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        passed = 0
        while data := await reader.read(CHUNK):
            await self._hold_up()
            limit = self._faults.cut_after
            let_by = data if limit is None else data[: max(0, limit - passed)]
            await self._write_slowly(client, let_by)
            passed += len(let_by)
            if len(let_by) < len(data):
                raise ConnectionResetError
        if client.can_write_eof():
            client.write_eof()

    async def _hold_up(self) -> None:
        await self._passing.wait()
        if delay := self._faults.latency + random.random() * self._faults.jitter:
            await asyncio.sleep(delay)

    async def _write_slowly(self, client: asyncio.StreamWriter, data: bytes) -> None:
        rate = self._faults.rate
        step = max(1, int(rate / 20)) if rate else CHUNK
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            client.write(piece)
            await client.drain()
            if rate:
                await asyncio.sleep(len(piece) / rate)
