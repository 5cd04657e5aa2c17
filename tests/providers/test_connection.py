"""One connection, one exchange after the other: none may disturb the next."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from providers import Reply, Upstream
from providers._connection import MAX_BODY, MAX_HEAD, BrokenError, Connection
from providers._http import NotSent
from providers._outbox import Outbox
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
    connection = Connection(lambda _: None, Outbox())
    connection._waiter = asked
    connection.data_received(b"HTTP/1.1 429 Busy\r\n%s\r\nContent-Length: 0\r\n\r\n" % header)
    assert asked.result() == Reply(429, b"", seconds)


async def test_retry_after_is_that_of_the_last_answer() -> None:
    connection = Connection(lambda _: None, Outbox())
    for head, seconds in ((b"429 Busy\r\nRetry-After: 30", 30.0), (b"200 OK", None)):
        connection._waiter = asyncio.get_running_loop().create_future()
        asked = connection._waiter
        connection.data_received(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % head)
        assert asked.result().retry_after == seconds


@pytest.mark.parametrize(
    ("head", "date"),
    [
        (b"Date: Sun, 06 Nov 1994 08:49:37 GMT", b"Sun, 06 Nov 1994 08:49:37 GMT"),
        (b"date:soon", b"soon"),
        (b"X-Date: Sun, 06 Nov 1994 08:49:37 GMT", None),
    ],
)
async def test_date_is_told_as_it_came(head: bytes, date: bytes | None) -> None:
    connection = Connection(lambda _: None, Outbox())
    for line, told in ((head, date), (b"X: y", None)):  # the next answer is another one
        connection._waiter = asked = asyncio.get_running_loop().create_future()
        connection.data_received(b"HTTP/1.1 200 OK\r\n%s\r\nContent-Length: 0\r\n\r\n" % line)
        assert asked.result() == Reply(200, b"", None, told)


async def test_answer_before_its_request_is_nobodys(upstream: Upstream) -> None:
    """Such as a 408 that a proxy sends when it has waited long enough for a further request."""
    await upstream.exchange("GET", "/now", within=2.0)
    (connection,) = upstream._idle
    asked = asyncio.create_task(upstream.exchange("GET", "/now", within=2.0))
    while connection._waiter is None:  # noqa: ASYNC110 - to act in the turn in which it is asked
        await asyncio.sleep(0)
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale")
    with pytest.raises(NotSent, match="an answer came before its request"):
        await asked
    assert connection.closed
    assert await upstream.exchange("GET", "/now", within=2.0) == Reply(200, b"ok")


async def test_connection_that_ends_before_its_request_has_sent_nothing(upstream: Upstream) -> None:
    await upstream.exchange("GET", "/now", within=2.0)
    (connection,) = upstream._idle
    asked = asyncio.create_task(upstream.exchange("GET", "/now", within=2.0))
    while connection._waiter is None:  # noqa: ASYNC110 - to act in the turn in which it is asked
        await asyncio.sleep(0)
    assert connection._transport is not None
    connection._transport.abort()
    with pytest.raises(NotSent, match="connection closed"):
        await asked


class Torrent:
    """Feeds a connection until it has had enough; ``fed`` is how many bytes that were."""

    def __init__(self, max_body: int, start: bytes, more: bytes) -> None:
        self._connection = Connection(lambda _: None, Outbox(), max_body)
        self.waiter = asyncio.get_running_loop().create_future()
        self._connection._waiter = self.waiter
        self.fed = 0
        chunk = start
        while not self.waiter.done() and self.fed < 100 * MAX_BODY:
            self._connection.data_received(chunk)
            self.fed += len(chunk)
            chunk = more


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("max_body", [MAX_BODY, 1024 * 1024])
@pytest.mark.parametrize(
    ("start", "more", "bound"),
    [
        pytest.param(HEAD, b"X: y\r\n" * 100, MAX_HEAD, id="endless-headers"),
        pytest.param(HEAD + b"X: ", b"y" * 1000, MAX_HEAD, id="endless-header"),
        pytest.param(HEAD + b"\r\n", b"z" * 1000, None, id="endless-body"),
        pytest.param(CHUNKED, b"3e8\r\n" + b"z" * 1000 + b"\r\n", None, id="endless-chunks"),
        pytest.param(CHUNKED, b"1;x=" + b"y" * 1000 + b"\r\nz\r\n", None, id="chunk-extensions"),
        pytest.param(CHUNKED + b"0\r\n", b"X: y\r\n" * 100, None, id="endless-trailers"),
        pytest.param(CHUNKED + b"0\r\nX: ", b"y" * 1000, None, id="endless-trailer"),
    ],
)
async def test_o14_whatever_has_no_end_is_ended(
    max_body: int, start: bytes, more: bytes, bound: int | None
) -> None:
    torrent = Torrent(max_body, start, more)
    assert isinstance(torrent.waiter.exception(), BrokenError)
    assert torrent.fed < (bound or MAX_HEAD + 2 * max_body) + 2000


@pytest.mark.parametrize("max_body", [10, MAX_BODY, 1024 * 1024])
@pytest.mark.parametrize("too_much", [0, 1])
async def test_body_may_be_as_long_as_the_upstream_allows(max_body: int, too_much: int) -> None:
    length = max_body + too_much
    answer = HEAD + b"Content-Length: %d\r\n\r\n" % length + b"z" * length
    torrent = Torrent(max_body, answer, b"")  # the head and all of the body at once
    if too_much:
        assert isinstance(torrent.waiter.exception(), BrokenError)
    else:
        assert torrent.waiter.result() == Reply(200, b"z" * length)


async def test_connection_that_ended_leaves_nothing_for_the_collector(upstream: Upstream) -> None:
    gc.disable()
    try:
        await upstream.exchange("GET", "/now", within=5.0)
        kept = weakref.ref(upstream._idle[0])
        await upstream.close()
        async with asyncio.timeout(5):
            while kept() is not None:  # noqa: ASYNC110 - the loop tells it in a later turn
                await asyncio.sleep(0)
    finally:
        gc.enable()
