"""One connection of libldap on the event loop, for one operation at a time."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import sys
import termios
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from providers.ldap import libldap, libldap_opening
from providers.ldap.client import (
    PASSWORD_POLICY,
    SIZE_LIMIT,
    SUCCESS,
    Bound,
    ConnectionFailed,
    ConnectionLost,
    Entry,
    Found,
    Query,
)
from providers.ldap.libldap import Control, Handle, Message

MAX_ANSWER: Final = 1 << 20  # bytes of one operation
BATCH: Final = 64  # messages that are read before others on the loop get their turn

_ZERO: Final = bytes(4)


@dataclass(slots=True)
class _Operation:
    """What is under way."""

    ends_with: int  # the kind of its last message
    done: asyncio.Future[Message]
    most: int  # entries
    id: int = -1
    entries: list[Entry] = field(default_factory=list)
    more: bool = False  # there were more entries than ``most``
    received: int = 0  # bytes


class LibldapConnection:
    """See ``Connection``."""

    def __init__(self, handle: Handle, opened: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._handle = handle
        self._operation: _Operation | None = None
        self._open = True
        # Its descriptor is a duplicate: libldap closes its own when it likes, and the number may be
        # somebody else's before the loop hears of it.
        self._socket = opened
        self._loop.add_reader(self._socket, self._readable)

    # -- operations

    async def bind(self, dn: str, password: str, within: float) -> Bound:
        """See ``Connection``."""
        send = partial(libldap.send_bind, self._handle, dn, password)
        operation = self._new(libldap.BIND_RESPONSE)
        message = await self._exchange(send, operation, within)
        return Bound(message.code, message.text, _policy(message.controls))

    async def search(self, query: Query, within: float) -> Found:
        """See ``Connection``."""
        send = partial(libldap.send_search, self._handle, query, within)
        operation = self._new(libldap.SEARCH_DONE, query.limit)
        message = await self._exchange(send, operation, within)
        # There are servers that do not look at the limit.
        code = SIZE_LIMIT if operation.more and message.code == SUCCESS else message.code
        return Found(code, operation.entries, message.text)

    def _new(self, ends_with: int, most: int = 0) -> _Operation:
        return _Operation(ends_with, self._loop.create_future(), most)

    async def _exchange(
        self, send: Callable[[], int], operation: _Operation, within: float
    ) -> Message:
        if not self._open:
            raise ConnectionLost("the server closed the connection")
        timer = self._loop.call_later(within, self._late)
        try:
            operation.id = send()
            self._operation = operation
            return await operation.done
        except BaseException:
            await self.close()
            raise
        finally:
            timer.cancel()

    @property
    def alive(self) -> bool:
        """See ``Connection``."""
        return self._open

    async def close(self) -> None:
        """See ``Connection``."""
        self._fail(ConnectionLost("closed"))

    def _late(self) -> None:
        self._fail(ConnectionFailed("no answer in time"))

    def _fail(self, error: Exception) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._socket)
            libldap_opening.close(self._handle, self._socket)
        operation, self._operation = self._operation, None
        if operation is not None and not operation.done.done():
            operation.done.set_exception(error)

    # -- what the server says

    def _readable(self) -> None:
        if not self._open:
            return
        try:
            self._count()
            self._read()
        except ConnectionFailed as error:
            self._fail(error)

    def _count(self) -> None:
        """See how much comes: libldap takes whatever a server sends."""
        if self._operation is not None:
            waiting = fcntl.ioctl(self._socket, termios.FIONREAD, _ZERO)
            self._operation.received += int.from_bytes(waiting, sys.byteorder)
            if self._operation.received > MAX_ANSWER:
                raise ConnectionFailed("an answer that is too long")

    def _read(self) -> None:
        for _ in range(BATCH):
            message = libldap.receive(self._handle)
            if message is None:  # of TLS it may be half a record, or nothing for us
                return
            self._take(message)
            if self._operation is None:
                return
        # Messages out of the same record of TLS do not make the socket readable again.
        self._loop.call_soon(self._readable)

    def _take(self, message: Message) -> None:
        operation = self._operation
        if message.id == 0:  # Notice of Disconnection (RFC 4511 section 4.4.1)
            raise ConnectionLost("the server closes the connection")
        if operation is None or message.id != operation.id:
            raise ConnectionFailed("the answer to another question")
        if message.kind == operation.ends_with:
            self._operation = None
            if not operation.done.done():
                operation.done.set_result(message)
        elif operation.ends_with != libldap.SEARCH_DONE:
            raise ConnectionFailed("the answer to another question")
        elif message.kind == libldap.SEARCH_ENTRY:
            self._add(message, operation)
        elif message.kind != libldap.SEARCH_REFERENCE:
            raise ConnectionFailed("the answer to another question")

    def _add(self, message: Message, operation: _Operation) -> None:
        if len(operation.entries) < operation.most:
            operation.entries.append(libldap.entry(message))
        else:
            operation.more = True


def _policy(controls: Sequence[Control]) -> bytes | None:
    values = (value for kind, _, value in controls if kind == PASSWORD_POLICY)
    return next(values, None)
