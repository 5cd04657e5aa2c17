"""Where connections come in: posts in one piece are answered here, all else by aiohttp.

An ``Entrance`` is cheap, for the processor and in memory. With the first request that is not for it
the connection goes over to aiohttp, and stays there.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, cast

from aiohttp import web

from gateway import clients, connections, errors, posts, wire
from gateway.connections import Connection, Limits
from gateway.posts import Post, Reader
from providers import Outbox


class Answerer(Protocol):
    """Who answers requests."""

    def takes(self, path: str) -> bool:
        """Whether what is posted to ``path`` is for ``post``."""

    async def post(self, post: Post, peer: str) -> bytes:
        """Answer a post from the address ``peer``: a whole HTTP response."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer any other request."""


class Server(web.Server):
    """aiohttp's low-level server behind entrances: one handler for any path."""

    def __init__(self, answerer: Answerer, limits: Limits) -> None:
        super().__init__(answerer.handle)
        self.answerer = answerer
        self.limits = limits
        self.outbox = Outbox()
        self.entrances: set[Entrance] = set()

    def __call__(self) -> Any:
        """Make the protocol of one more connection."""
        return Entrance(self)

    def general(self) -> Connection:
        """Make the protocol of a connection that goes over to aiohttp."""
        return Connection(
            self.limits,
            self,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=connections.KEEP_ALIVE,
            auto_decompress=False,
            access_log=None,
            lingering_time=1.0,
        )

    def pre_shutdown(self) -> None:
        """Close what is idle."""
        for entrance in list(self.entrances):
            entrance.close()
        super().pre_shutdown()

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - overrides
        """Let requests finish, for ``timeout`` seconds."""
        ending = [entrance.shutdown(timeout) for entrance in self.entrances]
        await asyncio.gather(*ending, super().shutdown(timeout))


class Entrance(asyncio.Protocol):
    """A connection, until it goes over to aiohttp. One request is answered at a time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._limits = server.limits
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = Reader()
        self._task: asyncio.Task[None] | None = None  # of the request that is being answered
        self._answer = b""  # to that request, once it is known
        self._keep_alive = True
        self._waiting = b""  # what came meanwhile
        self._closing = False
        self._peer = self.address = ""

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock on the first request."""
        self._transport = cast(asyncio.Transport, transport)
        self._peer = connections.peer_of(transport)
        self.address = clients.client(self._peer, (), (), ())
        self._server.entrances.add(self)
        self._due = self._loop.time() + connections.HEAD_TIMEOUT
        self._timer = self._loop.call_at(self._due, self._look)
        if not self._limits.enter(self):
            self.cut()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget it. A request that is being answered goes on: what it uses up is used up."""
        self._transport = None
        self._leave()

    def data_received(self, data: bytes) -> None:
        """Answer a post, or let aiohttp do it."""
        if self._closing or self._transport is None:
            return
        if self._task is not None:
            self._waiting += data
            self._transport.pause_reading()
            return
        post = self._reader.read(data)
        if post is None or not self._server.answerer.takes(post.path):
            self._go_over(self._transport, data)
        else:
            self._limits.busy(self)
            self._task = self._loop.create_task(self._work(post))

    def pause_writing(self) -> None:
        """Cut who asks again and again and reads no answers: they would fill the memory."""
        self.cut()

    async def _work(self, post: Post) -> None:
        try:
            self._answer = await self._server.answerer.post(post, self._peer)
            self._keep_alive = post.keep_alive
        except Exception as error:  # noqa: BLE001 - whatever it is, the app must be told something
            connections.report(error)
            body = wire.encode_error("login", errors.UNAVAILABLE, boolean=False)
            self._answer = posts.answer(posts.head(wire.HEADERS.items()), body, keep_alive=False)
            self._keep_alive = False
        self._server.outbox.add(self._send)

    def _send(self) -> None:
        """Send the answer, and go on with what came meanwhile."""
        answer, self._answer = self._answer, b""
        if not answer:  # sent already
            return
        self._task = None
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(answer)
        if self._closing or not self._keep_alive:
            transport.close()
            return
        self._limits.silent(self)
        self._due = self._loop.time() + connections.KEEP_ALIVE
        if self._waiting:
            data, self._waiting = self._waiting, b""
            transport.resume_reading()
            self.data_received(data)

    def _go_over(self, transport: asyncio.Transport, data: bytes) -> None:
        self._leave()
        self._transport = None
        connection = self._server.general()
        transport.set_protocol(connection)
        connection.connection_made(transport)
        connection.data_received(data)

    def _leave(self) -> None:
        self._timer.cancel()
        self._reader.close()
        self._limits.leave(self)
        self._server.entrances.discard(self)

    def _look(self) -> None:
        """Close what has been silent for too long."""
        now = self._loop.time()
        if self._task is not None:
            self._due = now + connections.KEEP_ALIVE
        if now < self._due:
            self._timer = self._loop.call_at(self._due, self._look)
        else:
            self.cut()

    def close(self) -> None:
        """Take no further request."""
        self._closing = True
        if self._task is None and self._transport is not None:
            self._transport.close()

    async def shutdown(self, timeout: float | None) -> None:  # noqa: ASYNC109 - as aiohttp has it
        """Let a request finish, for ``timeout`` seconds."""
        if self._task is not None:
            _, late = await asyncio.wait([self._task], timeout=timeout)
            for task in late:
                task.cancel()
                await asyncio.wait([task], timeout=connections.UNWINDING)
        self._closing = True
        self._send()  # what waits for the end of this turn
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()
