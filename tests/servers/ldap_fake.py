"""A server that speaks LDAP byte by byte, as a script tells it to: wrongly, late, or not at all.

What it sends is put together here, by none of the code under test.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Final, NamedTuple, Self

from tests.servers.loop_thread import LoopThread
from tests.servers.reserved_port import ReservedPort

BIND: Final = 0x60
BIND_RESPONSE: Final = 0x61
UNBIND: Final = 0x42
SEARCH: Final = 0x63
SEARCH_DONE: Final = 0x65
EXTENDED: Final = 0x77
EXTENDED_RESPONSE: Final = 0x78
RESPONSES: Final = {
    BIND: BIND_RESPONSE,
    SEARCH: SEARCH_DONE,
    EXTENDED: EXTENDED_RESPONSE,
}


def tlv(tag: int, *parts: bytes) -> bytes:
    """An element, its length always in four bytes, as Active Directory writes it."""
    content = b"".join(parts)
    return bytes([tag, 0x84]) + len(content).to_bytes(4, "big") + content


def message(message_id: int, *parts: bytes) -> bytes:
    return tlv(0x30, tlv(0x02, message_id.to_bytes(4, "big")), *parts)


def result(tag: int, code: int = 0, text: str = "", *more: bytes) -> bytes:
    return tlv(tag, tlv(0x0A, bytes([code])), tlv(0x04), tlv(0x04, text.encode()), *more)


def referral(tag: int, url: str) -> bytes:
    return result(tag, 10, "", tlv(0xA3, tlv(0x04, url.encode())))


def reference(url: str) -> bytes:
    return tlv(0x73, tlv(0x04, url.encode()))


def entry(dn: str, **attributes: Sequence[bytes]) -> bytes:
    pairs = [
        tlv(0x30, tlv(0x04, name.encode()), tlv(0x31, *(tlv(0x04, value) for value in values)))
        for name, values in attributes.items()
    ]
    return tlv(0x64, tlv(0x04, dn.encode()), tlv(0x30, *pairs))


def disconnection() -> bytes:
    """The Notice of Disconnection."""
    name = tlv(0x8A, b"1.3.6.1.4.1.1466.20036")
    return message(0, result(EXTENDED_RESPONSE, 52, "", name))


class Request(NamedTuple):
    """What a client asked."""

    id: int
    tag: int

    def answer(self, code: int = 0, text: str = "") -> bytes:
        """The right answer."""
        return message(self.id, result(RESPONSES[self.tag], code, text))


class Talk:
    """One connection, as the script sees it. Scripts are ended when the client leaves."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.received = b""

    async def request(self) -> Request:
        """Wait for the next request."""
        head = await self._read(2)
        if head[0] != 0x30:
            await self.silence()
            raise ConnectionError("the client does not speak LDAP")
        length = head[1]
        if length >= 0x80:
            length = int.from_bytes(await self._read(length & 0x7F), "big")
        body = await self._read(length)
        size = body[1]
        return Request(int.from_bytes(body[2 : 2 + size], "big"), body[2 + size])

    async def _read(self, count: int) -> bytes:
        data = await self._reader.readexactly(count)
        self.received += data
        return data

    async def send(self, *data: bytes) -> None:
        self._writer.write(b"".join(data))
        await self._writer.drain()

    async def trickle(self, data: bytes, pause: float) -> None:
        """Send one byte each ``pause`` seconds."""
        for byte in data:
            await self.send(bytes([byte]))
            await asyncio.sleep(pause)

    async def start_tls(self, context: ssl.SSLContext) -> None:
        await self._writer.start_tls(context)

    async def silence(self) -> None:
        """Say nothing more until the client leaves; take down what it says."""
        while data := await self._reader.read(65536):
            self.received += data


Script = Callable[[Talk], Awaitable[None]]


async def say_yes(talk: Talk) -> None:
    """Answer success to whatever is asked, also to an empty password, until the client leaves."""
    while (asked := await talk.request()).tag != UNBIND:
        await talk.send(asked.answer())


class LdapFake:
    """Runs ``script`` for each connection, in a thread of its own, and closes it then."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._reserved = ReservedPort()
        self._thread: LoopThread | None = None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.talks: list[Talk] = []
        self._open = 0

    @property
    def port(self) -> int:
        return self._reserved.number

    @property
    def open(self) -> int:
        """How many connections there are at the moment."""
        return self._open

    @property
    def received(self) -> bytes:
        """What scripts have read of what clients sent, on all connections."""
        return b"".join(talk.received for talk in self.talks)

    def __enter__(self) -> Self:
        self._thread = LoopThread(type(self).__name__)
        self._thread.run(self._listen())
        return self

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._accept, sock=self._reserved.bind(), ssl=self._tls
        )

    async def _refuse(self) -> None:
        # A connection that was just accepted gets its transport, and then its writer, some turns
        # later; asyncio forgets to close it if the server is closed in between.
        for _ in range(5):
            await asyncio.sleep(0)
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not as a coroutine: asyncio complains of those that are still running at the end.
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        self._writers.add(writer)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk(reader, writer)
        self.talks.append(talk)
        self._open += 1
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._script(talk)
        finally:
            self._open -= 1
            self._writers.discard(writer)
            writer.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._thread is not None:
            self._thread.run(self._refuse())
            self._thread.close()
        self._reserved.close()
