"""A connection to Redis on which commands are under way: replies come in the order of commands.

redis-py makes it: resolves, connects, authenticates. Its way of reading a reply goes through half a
dozen coroutines, which cost more than everything else of a call; here hiredis hands the replies on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Self, TypeAlias

import hiredis
from redis._parsers import BaseParser
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import InvalidResponse, MasterDownError, ReadOnlyError, ResponseError

Reply: TypeAlias = Any  # int, bytes, None or a list of them: as the command says

_NO_MORE: Final = object()


class Command(NamedTuple):
    """A command on its way."""

    packed: bytes
    repeatable: bool
    reply: asyncio.Future[Reply]
    deadline: float  # loop time


Lost: TypeAlias = Callable[[list[Command], str], None]


class Channel(asyncio.Protocol):
    """An open connection. ``lost`` hears which commands have no reply when it ends, and why."""

    def __init__(
        self,
        pool: ConnectionPool,
        connection: AbstractConnection,
        transport: asyncio.Transport,
        lost: Lost,
    ) -> None:
        self._pool = pool
        self._connection = connection
        self._transport = transport
        self._lost = lost
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=BaseParser.parse_error,
            notEnoughData=_NO_MORE,
        )
        self.commands: deque[Command] = deque()  # without a reply so far
        self._ended = False

    @classmethod
    async def open(cls, pool: ConnectionPool, lost: Lost) -> Self:
        """Make a connection. Raises what redis-py does."""
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]  # untyped
        # Its streams are not public: nothing else of it is used, and only here.
        transport = connection._writer.transport  # noqa: SLF001 - as above
        channel = cls(pool, connection, transport, lost)
        transport.set_protocol(channel)
        return channel

    async def let_go(self) -> None:
        """Tell redis-py that it has ended."""
        await self._connection.disconnect(nowait=True)
        await self._pool.release(self._connection)

    def send(self, commands: Sequence[Command]) -> None:
        """Write all commands at once."""
        self.commands.extend(commands)
        self._transport.write(b"".join([command.packed for command in commands]))

    async def finish(self) -> None:
        """Close when all replies are there, or nothing is to be expected any more."""
        if self.commands:
            await asyncio.wait([command.reply for command in self.commands])
        self.end("closed")

    def end(self, trouble: str) -> None:
        """Close at once."""
        if not self._ended:
            self._ended = True
            self._transport.abort()
            self._lost([*self.commands], trouble)
            self.commands.clear()

    # asyncio's callbacks

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell."""
        self.end(str(exc or "connection closed by server"))

    def data_received(self, data: bytes) -> None:
        """Hand replies on."""
        self._reader.feed(data)
        try:
            while not self._ended and (reply := self._reader.gets()) is not _NO_MORE:
                self._take(reply)
        except InvalidResponse as error:
            self.end(str(error))

    def _take(self, reply: Reply) -> None:
        if isinstance(reply, hiredis.PushNotification):  # nobody asked
            return
        if isinstance(reply, ConnectionLost):  # it is loading, or has too many clients
            self.end(str(reply))
            return
        if not self.commands:
            self.end("a reply to nothing")
            return
        future = self.commands.popleft().reply
        is_error = isinstance(reply, Exception)
        if future.done():  # its caller was cancelled
            pass
        elif is_error:
            future.set_exception(reply)
        else:
            future.set_result(reply)
        if is_error and _tells_of_another_master(reply):
            self.end(str(reply))


def _tells_of_another_master(error: ResponseError) -> bool:
    """Whether a server that was the master is a replica now.

    The next connection may lead to the new one: over sentinels, a name in DNS, a proxy.
    """
    # Before version 7, what a script met is in the middle of the text.
    return isinstance(error, ReadOnlyError | MasterDownError) or "-READONLY " in str(error)
