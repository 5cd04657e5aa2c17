"""Many commands, few writes: what is asked in one turn of the event loop goes to Redis at once.

Commands gather in a list. A *lane*, one connection, takes the whole list, writes it in one piece
and reads the replies in order; what is asked meanwhile gathers for the next free lane. So the cost
of a round trip is shared by all that travel together: the busier the process, the more they are.

Connections come from a pool of redis-py, which knows about URLs, TLS, users and failover.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

import hiredis
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import MasterDownError, ReadOnlyError, RedisError, ResponseError

from gateway.stores import StoreUnavailable

Word: TypeAlias = bytes | int
Reply: TypeAlias = Any  # int, bytes, None or a list of them: as the command says

_Pack: TypeAlias = Callable[[tuple[Word, ...]], bytes]
_pack: Final[_Pack] = hiredis.pack_command  # type: ignore[assignment]  # its stub: a tuple of one


class _Command(NamedTuple):
    packed: bytes
    repeatable: bool
    reply: asyncio.Future[Reply]


class Pipeline:
    """Sends commands over ``lanes`` connections of ``pool``.

    A command is answered or has failed within ``timeout`` seconds. Not more than ``max_waiting``
    commands wait for a lane; further ones fail at once. ``name`` tells people which server it is.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        *,
        name: str,
        lanes: int = 2,
        timeout: float = 2.0,
        max_waiting: int = 10_000,
    ) -> None:
        self._pool = pool
        self.name = name
        self._timeout = timeout
        self._max_waiting = max_waiting
        self._waiting: list[_Command] = []
        self._since = 0.0  # when the first of the waiting commands came (loop time)
        self._idle = [_Lane(pool) for _ in range(lanes)]
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None  # asking for it is a system call

    def send(self, *words: Word, repeatable: bool = False) -> asyncio.Future[Reply]:
        """Send a command; the future gives its reply.

        ``repeatable``: it does no harm twice, so it is sent again if the connection breaks.
        Raises ``StoreUnavailable``, at once or from the future; the future raises the server's
        ``ResponseError`` as well.
        """
        if self._closed:
            raise StoreUnavailable(f"{self.name}: closed")
        if len(self._waiting) >= self._max_waiting:
            raise StoreUnavailable(f"{self.name}: {self._max_waiting} commands are waiting already")
        loop = self._loop = self._loop or asyncio.get_running_loop()
        if not self._waiting:
            self._since = loop.time()
            if self._idle:
                task = loop.create_task(self._work(self._idle.pop()))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        reply: asyncio.Future[Reply] = loop.create_future()
        self._waiting.append(_Command(_pack(words), repeatable, reply))
        return reply

    async def close(self) -> None:
        """Refuse new commands, wait for the replies to those sent, close the connections."""
        self._closed = True
        await asyncio.gather(*self._tasks)
        # A server that does not even answer a goodbye is left without one.
        with contextlib.suppress(RedisError):
            await self._pool.aclose()

    async def _work(self, lane: _Lane) -> None:
        try:
            while self._waiting:
                commands, self._waiting = self._waiting, []
                await self._deliver(lane, commands, self._since + self._timeout)
        finally:
            self._idle.append(lane)

    async def _deliver(self, lane: _Lane, commands: list[_Command], deadline: float) -> None:
        """See to it that every command gets its reply, or hears that there is none."""
        try:
            async with asyncio.timeout_at(deadline):
                await _exchange(lane, commands)
            return
        except TimeoutError:
            trouble = f"no answer within {self._timeout:g} s"
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            trouble = str(error) or type(error).__name__
        for command in commands:
            if not command.reply.done():
                command.reply.set_exception(StoreUnavailable(f"{self.name}: {trouble}"))


async def _exchange(lane: _Lane, commands: list[_Command]) -> None:
    """Get the replies; if the connection breaks, try once more for what may be sent twice."""
    try:
        await lane.exchange(commands)
    except ConnectionLost:
        again = [command for command in commands if command.repeatable and not command.reply.done()]
        if again:
            await lane.exchange(again)
        raise


class _Lane:
    """One connection, made when it is needed and dropped when it fails."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._connection: AbstractConnection | None = None
        self._demoted = False  # it leads to a server that is no master any more

    async def exchange(self, commands: list[_Command]) -> None:
        """Write all commands at once, then read their replies."""
        try:
            connection = await self._connect()
            packed = b"".join([command.packed for command in commands])
            await connection.send_packed_command(packed, check_health=False)
            for command in commands:
                await self._read(connection, command.reply)
        except BaseException:  # a time-out, too: replies that come too late belong to nobody
            await self._drop()
            raise

    async def _connect(self) -> AbstractConnection:
        if self._connection is not None and (self._demoted or await _ended(self._connection)):
            await self._drop()
        if self._connection is None:
            self._connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]  # untyped
        return self._connection

    async def _drop(self) -> None:
        """Let the connection go, without a goodbye."""
        connection, self._connection = self._connection, None
        self._demoted = False
        if connection is not None:
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)

    async def _read(self, connection: AbstractConnection, reply: asyncio.Future[Reply]) -> None:
        try:
            result = await connection.read_response()
        except ResponseError as error:  # an answer, too: the commands after it still get theirs
            self._demoted = self._demoted or _tells_of_another_master(error)
            if not reply.done():
                reply.set_exception(error)
        else:
            if not reply.done():  # it is, if the caller was cancelled
                reply.set_result(result)


def _tells_of_another_master(error: ResponseError) -> bool:
    """Whether a server that was the master is a replica now.

    The next connection may lead to the new one: over sentinels, a name in DNS, a proxy.
    """
    # Before version 7, what a script met is in the middle of the text.
    return isinstance(error, ReadOnlyError | MasterDownError) or "-READONLY " in str(error)


async def _ended(connection: AbstractConnection) -> bool:
    """Whether a connection was lost while it was idle.

    Noticed before anything is sent, so that a command that may not be sent twice need not fail.
    """
    try:
        await connection.send_packed_command(b"", check_health=False)  # fails after an error
        return await connection.can_read()  # true at the end of the stream
    except (ConnectionLost, RuntimeError):  # uvloop has the latter for a closed connection
        return True
