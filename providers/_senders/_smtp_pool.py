"""Connections to one mail server, kept for the next mail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from providers._senders._smtp_failures import Failed
from providers._senders._smtp_session import Session

# Seconds that a connection may wait for its next mail: well below what servers allow.
KEEP: Final = 15.0
MAX_WAITING: Final = 4096


class _Kept(NamedTuple):
    session: Session
    timer: asyncio.TimerHandle


class Pool:
    """At most ``size`` connections; the one used last is used next.

    ``connect`` opens one, by a deadline in the loop's time.
    """

    def __init__(self, size: int, connect: Callable[[float], Awaitable[Session]]) -> None:
        self._size = size
        self._connect = connect
        self._free = asyncio.Semaphore(size)
        self._waiting = 0
        self._kept: list[_Kept] = []
        self._leaving: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def lease(self, deadline: float, *, fresh: bool = False) -> AsyncIterator[Session]:
        """Lend a connection, a new one if ``fresh``. After an error inside it is not used again.

        Raises ``Failed``.
        """
        await self._wait(deadline)
        try:
            session = self._take(fresh) or await self._connect(deadline)
            async with session.ended_by_failure(deadline):
                yield session
            self._keep(session)
        finally:
            self._free.release()

    async def _wait(self, deadline: float) -> None:
        if self._waiting >= MAX_WAITING:
            raise Failed(f"{self._waiting} mails are waiting already")
        self._waiting += 1
        try:
            async with asyncio.timeout_at(deadline):
                await self._free.acquire()
        except TimeoutError:
            raise Failed(f"all {self._size} connections were busy (pool_size)") from None
        finally:
            self._waiting -= 1

    def _take(self, fresh: bool) -> Session | None:
        while self._kept:
            session, timer = self._kept.pop()
            timer.cancel()
            if not session.alive:
                session.abort()
            elif fresh:  # makes room for it
                self._dismiss(session)
                return None
            else:
                return session
        return None

    def _keep(self, session: Session) -> None:
        timer = asyncio.get_running_loop().call_later(KEEP, self._expire, session)
        self._kept.append(_Kept(session, timer))

    def _expire(self, session: Session) -> None:
        self._kept = [kept for kept in self._kept if kept.session is not session]
        self._dismiss(session)

    def _dismiss(self, session: Session) -> None:
        task = asyncio.get_running_loop().create_task(session.quit())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Close the connections that wait. To be called when no mail is under way."""
        while self._kept:
            session, timer = self._kept.pop()
            timer.cancel()
            self._dismiss(session)
        await asyncio.gather(*self._leaving)
