"""One connection, one exchange after the other: none may disturb the next."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from providers import Reply, Upstream
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
