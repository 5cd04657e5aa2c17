"""Connections to one server, kept and used again, each by one login at a time."""

from __future__ import annotations

import asyncio
import time
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
        self._free = asyncio.Semaphore(size)
        self._waiting = 0
        self._most_waiting = QUEUE * size
        self._closed = False
        self._idle: list[tuple[Connection, float]] = []  # with the time since

    async def run(self, operation: Operation[T], deadline: float) -> T:
        """Run ``operation`` on a connection, until the monotonic ``deadline``.

        A connection that the server closed while nobody used it is replaced once. Raises
        ``ConnectionFailed``, and ``Unavailable`` when too many wait.
        """
        await self._take_place(deadline)
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
            self._free.release()

    async def _take_place(self, deadline: float) -> None:
        if not self._free.locked():
            await self._free.acquire()  # which is at once
            return
        if self._waiting >= self._most_waiting:
            raise Unavailable(self._name, f"{self._waiting} logins are waiting already", 1.0)
        self._waiting += 1
        try:
            async with asyncio.timeout_at(_loop_time(deadline)):
                await self._free.acquire()
        except TimeoutError:
            raise Unavailable(self._name, "no connection became free in time", 1.0) from None
        finally:
            self._waiting -= 1

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


def _loop_time(deadline: float) -> float:
    """A monotonic time by the clock of the event loop."""
    return asyncio.get_running_loop().time() + deadline - time.monotonic()
