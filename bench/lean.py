"""The lean floor's clients: one connection to Redis for all, and HTTP with nothing but keep-alive.

What could be had by whoever gives up time-outs, limits, TLS, reconnection and everything else that
clients are for. It is the floor below the stock floor.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final, cast
from urllib.parse import urlsplit

import hiredis

_HEAD: Final = "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
_LENGTH: Final = b"content-length:"


class Redis(asyncio.Protocol):
    """All commands of one turn of the event loop travel in one write."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._replies: deque[asyncio.Future[Any]] = deque()
        self._commands: list[bytes] = []

    @classmethod
    async def connect(cls, url: str) -> Redis:
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        _, redis = await loop.create_connection(cls, parts.hostname or "", parts.port or 0)
        await redis.send("SELECT", parts.path[1:])
        return redis

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            future = self._replies.popleft()
            if isinstance(reply, Exception):
                future.set_exception(reply)
            else:
                future.set_result(reply)

    def send(self, *words: Any) -> asyncio.Future[Any]:
        if not self._commands:
            self._loop.call_soon(self._flush)
        self._commands.append(hiredis.pack_command(words))
        future = self._loop.create_future()
        self._replies.append(future)
        return future

    def _flush(self) -> None:
        self._transport.write(b"".join(self._commands))
        self._commands.clear()

    async def script_load(self, text: str) -> str:
        sha: bytes = await self.send("SCRIPT", "LOAD", text)
        return sha.decode()

    def evalsha(self, sha: str, keys: int, *words: str | bytes) -> asyncio.Future[Any]:
        return self.send("EVALSHA", sha, keys, *words)


class Http:
    """POST to one server. A connection takes one request at a time and is used again."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = parts.hostname or "", parts.port or 0
        self._idle: list[_Connection] = []
        self._heads: dict[str, bytes] = {}

    async def post(self, path: str, body: bytes) -> bytes:
        head = self._heads.get(path)
        if head is None:
            head = self._heads[path] = (_HEAD % (path, self._address[0])).encode()
        connection = self._idle.pop() if self._idle else await self._connect()
        answer = await connection.exchange(
            b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)
        )
        self._idle.append(connection)
        return answer

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(_Connection, *self._address))[1]


class _Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        self._received = b""

    def exchange(self, request: bytes) -> asyncio.Future[bytes]:
        self._answer: asyncio.Future[bytes] = self._loop.create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        received = self._received = self._received + data
        end = received.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        at = received.lower().index(_LENGTH, 0, end) + len(_LENGTH)
        length = int(received[at : received.index(b"\r\n", at)])
        if len(received) == end + length:
            self._received = b""
            self._answer.set_result(received[end:])
