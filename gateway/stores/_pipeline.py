"""Many commands, few writes: what is asked in one turn of the event loop goes to Redis at once.

Commands gather until the turn ends, and travel in one piece over one connection; replies come in
the order of the commands, however many are under way. So the cost of a round trip is shared by all
that travel together: the busier the process, the more they are.

Connections are made by redis-py, which knows about URLs, TLS, users and failover. Once one stands,
its transport is taken over: see ``_channel``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final, TypeAlias

import hiredis
from redis.asyncio.connection import ConnectionPool
from redis.exceptions import RedisError

from gateway.stores import StoreUnavailable
from gateway.stores._channel import Channel, Command, Reply

Word: TypeAlias = bytes | int

_Pack: TypeAlias = Callable[[tuple[Word, ...]], bytes]
_pack: Final[_Pack] = hiredis.pack_command  # type: ignore[assignment]  # its stub: a tuple of one


class Pipeline:
    """Sends commands over a connection of ``pool``.

    A command is answered or has failed within ``timeout`` seconds. Not more than ``max_waiting``
    commands wait for their replies; further ones fail at once. ``name`` tells people which server
    it is.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        *,
        name: str,
        timeout: float = 2.0,
        max_waiting: int = 10_000,
    ) -> None:
        self._pool = pool
        self.name = name
        self._timeout = timeout
        self._max_waiting = max_waiting
        self._waiting: list[Command] = []  # to be sent
        self._channel: Channel | None = None
        self._ended: Channel | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None  # for the command that was sent first
        self._closed = False
        self._running_loop: asyncio.AbstractEventLoop | None = None

    def send(self, *words: Word, repeatable: bool = False) -> asyncio.Future[Reply]:
        """Send a command; the future gives its reply.

        ``repeatable``: it does no harm twice, so it is sent again if the connection breaks.
        Raises ``StoreUnavailable``, at once or from the future; the future raises the server's
        ``ResponseError`` as well.
        """
        if self._closed:
            raise StoreUnavailable(f"{self.name}: closed")
        waiting = self._waiting
        under_way = len(self._channel.commands) if self._channel is not None else 0
        if len(waiting) + under_way >= self._max_waiting:
            raise StoreUnavailable(f"{self.name}: {self._max_waiting} commands are waiting already")
        loop = self._loop
        if not waiting:
            loop.call_soon(self._flush)
        reply: asyncio.Future[Reply] = loop.create_future()
        waiting.append(Command(_pack(words), repeatable, reply, loop.time() + self._timeout))
        return reply

    def _flush(self) -> None:
        """Send what waits."""
        if not self._waiting:
            return
        if self._channel is None:
            if self._connecting is None:
                self._connecting = asyncio.create_task(self._connect(self._waiting[0].deadline))
            return
        commands, self._waiting = self._waiting, []
        if self._timer is None:
            self._watch(commands[0].deadline)
        self._channel.send(commands)

    async def _connect(self, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                await self._let_go()
                self._channel = await Channel.open(self._pool, self._lost)
        except TimeoutError:
            self._fail_waiting(self._too_late)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            self._fail_waiting(str(error) or type(error).__name__)
        self._connecting = None
        self._flush()

    async def _let_go(self) -> None:
        channel, self._ended = self._ended, None
        if channel is not None:
            await channel.let_go()

    def _lost(self, commands: list[Command], trouble: str) -> None:
        """The connection is gone, and with it the replies to ``commands``."""
        self._channel, self._ended = None, self._channel
        now = self._loop.time()
        again = []
        for command in commands:
            if command.reply.done():  # its caller was cancelled
                continue
            if command.repeatable and command.deadline > now:
                again.append(command._replace(repeatable=False))
            else:
                self._fail(command, trouble)
        self._waiting = again + self._waiting
        self._flush()

    def _watch(self, deadline: float) -> None:
        self._timer = self._loop.call_at(deadline, self._look)

    def _look(self) -> None:
        """Give a connection up on which a command was not answered in time."""
        self._timer = None
        if self._channel is None or not self._channel.commands:
            return
        deadline = self._channel.commands[0].deadline
        if deadline > self._loop.time():
            self._watch(deadline)
        else:
            self._channel.end(self._too_late)

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        if self._running_loop is None:  # asking for it is a system call
            self._running_loop = asyncio.get_running_loop()
        return self._running_loop

    @property
    def _too_late(self) -> str:
        return f"no answer within {self._timeout:g} s"

    def _fail_waiting(self, trouble: str) -> None:
        commands, self._waiting = self._waiting, []
        for command in commands:
            self._fail(command, trouble)

    def _fail(self, command: Command, trouble: str) -> None:
        if not command.reply.done():
            command.reply.set_exception(StoreUnavailable(f"{self.name}: {trouble}"))

    async def close(self) -> None:
        """Refuse new commands, wait for the replies to those sent, close the connection."""
        self._closed = True
        self._flush()
        while self._connecting is not None or self._channel is not None:
            if self._connecting is not None:
                await asyncio.wait([self._connecting])
            elif self._channel is not None:
                await self._channel.finish()
        if self._timer is not None:
            self._timer.cancel()
        # A server that does not even answer a goodbye is left without one.
        with contextlib.suppress(RedisError):
            await self._let_go()
            await self._pool.aclose()
