"""Connections to one server, kept and used again, each by one login at a time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from providers._base import Unavailable
from providers.ldap.client import Connection, ConnectionFailed, ConnectionLost

KEEP_ALIVE: Final = 60.0  # seconds that a connection may wait for its next use
QUEUE: Final = 8  # logins that may wait, for each connection

T = TypeVar("T")
Operation = Callable[[Connection, float], Awaitable[T]]  # connection, monotonic deadline


class Pool:
    """At most ``size`` connections. ``connect`` opens one, within so many seconds.

    More than ``QUEUE * size`` logins that wait for one are refused on the spot.
    """

    def __init__(
        self, name: str, connect: Callable[[float], Awaitable[Connection]], size: int
    ) -> None:
        self._name = name
        self._connect = connect
        self._free = size  # places; none while somebody waits
        self._waiting: deque[asyncio.Future[bool]] = deque()  # True: the place is theirs
        self._most_waiting = QUEUE * size
        self._closed = False
        self._idle: list[tuple[Connection, float]] = []  # with the time since

    async def run(self, operation: Operation[T], deadline: float) -> T:
        """Run ``operation`` on a connection, until the monotonic ``deadline``.

        A connection that the server closed while nobody used it is replaced once. Raises
        ``ConnectionFailed``, and ``Unavailable`` when too many wait.
        """
        if self._free:
            self._free -= 1
        else:
            await self._wait(deadline)
        try:
            kept = await self._kept()
            if kept is not None:
                try:
                    return await self._use(kept, operation, deadline)
                except ConnectionLost:
                    pass
            fresh = await self._connect(deadline - time.monotonic())
            return await self._use(fresh, operation, deadline)
        finally:
            self._leave()

    async def _wait(self, deadline: float) -> None:
        """Wait for somebody's place; whoever came first gets the first."""
        waiting = len(self._waiting)
        if waiting >= self._most_waiting:
            raise Unavailable(self._name, f"{waiting} logins are waiting already", 1.0)
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        timer = loop.call_later(deadline - time.monotonic(), self._give_up, turn)
        self._waiting.append(turn)
        try:
            mine = await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled() and turn.result():
                self._leave()  # it came too late
            raise
        finally:
            timer.cancel()
        if not mine:
            raise Unavailable(self._name, "no connection became free in time", 1.0)

    def _give_up(self, turn: asyncio.Future[bool]) -> None:
        if not turn.done():
            self._waiting.remove(turn)
            turn.set_result(False)

    def _leave(self) -> None:
        """Hand the place to whoever waits for it the longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(True)
                return
        self._free += 1

    async def _kept(self) -> Connection | None:
        while self._idle:
            connection, since = self._idle.pop()  # the latest: the others may end
            if connection.alive and time.monotonic() - since < KEEP_ALIVE:
                return connection
            await connection.close()
        return None

    async def _use(self, connection: Connection, operation: Operation[T], deadline: float) -> T:
        if deadline <= time.monotonic():
            await connection.close()
            raise ConnectionFailed("no time is left")
        try:
            result = await operation(connection, deadline)
        except BaseException:
            await connection.close()
            raise
        if self._closed:
            await connection.close()
        else:
            self._idle.append((connection, time.monotonic()))
        return result

    async def close(self) -> None:
        """Close the connections that wait, and those in use as soon as they are not."""
        self._closed = True
        while self._idle:
            await self._idle.pop()[0].close()
