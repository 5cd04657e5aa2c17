"""A thin HTTP/1.1 client, which tells how a request failed."""

from __future__ import annotations

import asyncio
import time
from typing import Final, cast

from bench import http1
from bench.trials.ledger import BROKEN, REFUSED, TIMED_OUT

TIMEOUT: Final = 40.0  # seconds; proxies are told to wait so long, too
KEPT: Final = 60.0  # seconds that a connection may wait for its next request


class Failed(Exception):
    """No answer came. The text is one of ``BROKEN``, ``REFUSED``, ``TIMED_OUT``."""


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._answer: asyncio.Future[tuple[bytes, bytes]] | None = None
        self._received = b""
        self.closed = False
        self.since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, message: bytes) -> asyncio.Future[tuple[bytes, bytes]]:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(message)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        message = http1.split(self._received)
        if message is None or self._answer is None or self._answer.done():
            return
        self._received = b""
        self._answer.set_result(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Failed(BROKEN))

    def close(self) -> None:
        self._transport.close()

    def late(self) -> None:
        """Give up waiting."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Failed(TIMED_OUT))


class Client:
    """Posts to one URL. Connections are kept for those who keep theirs."""

    def __init__(self, url: str) -> None:
        authority, _, path = url.removeprefix("http://").partition("/")
        host, _, port = authority.partition(":")
        self._host, self._port = host, int(port)
        line = f"POST /{path} HTTP/1.1\r\nHost: {authority}\r\n"
        self._head = line.encode() + b"Content-Type: application/json\r\n"
        self._idle: list[_Connection] = []
        self._loop = asyncio.get_running_loop()

    async def post(self, body: bytes, *, keep: bool) -> bytes:
        """Send one request, return the body of the answer. Raises ``Failed``.

        Without ``keep`` it goes over a connection of its own.
        """
        close = b"" if keep else b"Connection: close\r\n"
        message = b"%b%bContent-Length: %d\r\n\r\n%b" % (self._head, close, len(body), body)
        connection = (self._kept() if keep else None) or await self._connect()
        timer = self._loop.call_later(TIMEOUT, connection.late)
        kept = False
        try:
            head, answer = await connection.send(message)
            kept = keep and b"\r\nconnection: close" not in head.lower()
        finally:
            timer.cancel()
            if kept:
                connection.since = time.monotonic()
                self._idle.append(connection)
            else:
                connection.close()
        return answer

    def _kept(self) -> _Connection | None:
        oldest = time.monotonic() - KEPT
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and connection.since > oldest:
                return connection
            connection.close()
        return None

    async def _connect(self) -> _Connection:
        try:
            async with asyncio.timeout(TIMEOUT):
                _, connection = await self._loop.create_connection(
                    _Connection, self._host, self._port
                )
        except ConnectionRefusedError:
            raise Failed(REFUSED) from None
        except TimeoutError:
            raise Failed(TIMED_OUT) from None
        except OSError:
            raise Failed(BROKEN) from None
        return connection

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()
