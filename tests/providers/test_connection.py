"""One connection, one exchange after the other: none may disturb the next."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from providers import Reply, Upstream
from providers._connection import Connection
from tests.providers.sending import Recorder

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A server that answers ``/now`` at once and everything else after half a second."""
    serving: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):  # the client left
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(0 if head.startswith(b"GET /now ") else 0.5)
                writer.write(ANSWER)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        upstream = Upstream("server", URL(f"http://127.0.0.1:{port}"), Recorder())
        yield upstream
        await upstream.close()
        await asyncio.gather(*filter(None, serving))


async def test_the_deadline_of_one_exchange_is_not_that_of_the_next(upstream: Upstream) -> None:
    first = asyncio.create_task(upstream.exchange("GET", "/now", within=0.2))
    while not upstream._idle:  # noqa: ASYNC110 - to act in the turn in which it is given back
        await asyncio.sleep(0)
    reply = await upstream.exchange("GET", "/later", within=5.0)
    assert reply == await first == Reply(200, b"ok")
    assert len(upstream._idle) == 1  # it was the same connection


async def test_a_deadline_that_was_kept_is_forgotten(upstream: Upstream) -> None:
    for _ in range(3):
        await upstream.exchange("GET", "/now", within=0.2)
    assert await upstream.exchange("GET", "/later", within=5.0) == Reply(200, b"ok")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (b"Retry-After: 30", 30.0),
        (b"retry-after:0", 0.0),
        (b"RETRY-AFTER: 120 ", 120.0),
        (b"Retry-After: Fri, 31 Dec 1999 23:59:59 GMT", None),  # by the vendor's clock, not ours
        (b"Retry-After: -1", None),
        (b"Retry-After: 1.5", None),
        (b"Retry-After: ", None),
        (b"Retry-After: 9999999999", None),
        (b"Retry-After: \xb2", None),
        (b"X-Retry-After: 30", None),
    ],
)
async def test_retry_after_is_read_in_seconds(header: bytes, seconds: float | None) -> None:
    asked = asyncio.get_running_loop().create_future()
    connection = Connection(lambda _: None)
    connection._waiter = asked
    connection.data_received(b"HTTP/1.1 429 Busy\r\n%s\r\nContent-Length: 0\r\n\r\n" % header)
    assert asked.result() == Reply(429, b"", seconds)


async def test_retry_after_is_that_of_the_last_answer() -> None:
    connection = Connection(lambda _: None)
    for head, seconds in ((b"429 Busy\r\nRetry-After: 30", 30.0), (b"200 OK", None)):
        connection._waiter = asyncio.get_running_loop().create_future()
        asked = connection._waiter
        connection.data_received(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % head)
        assert asked.result().retry_after == seconds
