"""Exchanges with somebody else's server, over real sockets that behave and misbehave."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from yarl import URL

from providers import Broken, NotSent, Reply, Unavailable, Upstream, _http, _sockets
from providers._connection import MAX_BODY
from providers._http import NotPublic
from tests.servers.tls import Authority, Kind

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Meter:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def message(self, sender: str, outcome: str) -> None:
        raise AssertionError

    def upstream(self, upstream: str, outcome: str, seconds: float) -> None:
        self.calls.append((upstream, outcome))


class Server:
    """Answers each request with ``answer``; what it got is in ``requests``."""

    def __init__(self, answer: bytes = OK) -> None:
        self.answer = answer
        self.close_after = False
        self.requests: list[bytes] = []
        self.connections = 0
        self.gone = asyncio.Event()  # a client left
        self.reader: asyncio.StreamReader | None = None  # of the latest connection
        self.hook: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.reader = reader
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = 0
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                self.requests.append(head + await reader.readexactly(length))
                if self.hook is not None:
                    await self.hook(writer)
                writer.write(self.answer)
                await writer.drain()
                if self.close_after:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.gone.set()
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, Upstream]]:
    fake = Server()
    listener = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    upstream = Upstream("vendor", URL(f"http://127.0.0.1:{port}"), Meter())
    yield fake, upstream
    await upstream.close()
    listener.close()


Pair = tuple[Server, Upstream]


async def ask(upstream: Upstream, within: float = 5.0) -> Reply:
    return await upstream.exchange("POST", "/x?y=1", within=within, data=b"{}")


async def test_a_request_is_sent_as_it_is_meant(server: Pair) -> None:
    fake, upstream = server
    reply = await upstream.exchange(
        "POST", "/x?y=%20", within=5.0, headers={"X-A": "b c"}, data=b"body"
    )
    assert reply == Reply(200, b"ok")
    head, _, body = fake.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /x?y=%20 HTTP/1.1"
    assert lines[1].startswith(b"Host: 127.0.0.1:")
    assert lines[2:] == [b"X-A: b c", b"Content-Length: 4"]
    assert body == b"body"


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        pytest.param(OK, 200, b"ok", id="length"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", id="no-content"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
            200,
            b"ok",
            id="chunked",
        ),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok", id="continue-first"),
        pytest.param(
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            302,
            b"",
            id="redirect-not-followed",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MAX_BODY + b"x" * MAX_BODY,
            200,
            b"x" * MAX_BODY,
            id="longest",
        ),
    ],
)
async def test_answers_of_every_form_are_read_and_the_connection_is_used_again(
    server: Pair, answer: bytes, status: int, body: bytes
) -> None:
    fake, upstream = server
    fake.answer = answer
    for _ in range(3):
        assert await ask(upstream) == Reply(status, body)
    assert fake.connections == 1


async def test_an_answer_may_end_with_its_connection(server: Pair) -> None:
    fake, upstream = server
    fake.answer, fake.close_after = b"HTTP/1.1 200 OK\r\n\r\nto the end", True
    for _ in range(2):
        assert await ask(upstream) == Reply(200, b"to the end")
    assert fake.connections == 2


async def test_a_connection_that_the_server_wants_closed_is_not_used_again(server: Pair) -> None:
    fake, upstream = server
    fake.answer = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    await ask(upstream)
    await asyncio.wait_for(fake.gone.wait(), 5)
    await ask(upstream)
    assert fake.connections == 2


async def test_requests_at_once_have_a_connection_each(server: Pair) -> None:
    fake, upstream = server
    everybody = asyncio.Barrier(5)

    async def meet(_writer: asyncio.StreamWriter) -> None:
        await everybody.wait()

    fake.hook = meet
    replies = await asyncio.gather(*(ask(upstream) for _ in range(5)))
    assert replies == [Reply(200, b"ok")] * 5
    assert fake.connections == 5


async def test_a_connection_that_ended_while_idle_costs_nothing(server: Pair) -> None:
    fake, upstream = server
    fake.close_after = True
    for _ in range(3):
        assert await ask(upstream) == Reply(200, b"ok")
        await asyncio.wait_for(fake.gone.wait(), 5)
        fake.gone.clear()
        while not upstream._idle[0].closed:  # noqa: ASYNC110 - nothing tells that the end arrived
            await asyncio.sleep(0)
    assert fake.connections == 3


async def test_a_connection_is_not_used_after_a_long_rest(
    server: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, upstream = server
    monkeypatch.setattr(_http, "KEEP_ALIVE", 0.0)
    await ask(upstream)
    await ask(upstream)
    assert fake.connections == 2


async def test_what_nobody_asked_for_ends_the_connection(server: Pair) -> None:
    fake, upstream = server
    fake.answer = OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    assert await ask(upstream) == Reply(200, b"ok")
    fake.answer = OK
    assert await ask(upstream) == Reply(200, b"ok")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"SSH-2.0-OpenSSH\r\n", id="not-http"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * (MAX_BODY + 1),
            id="declared-too-long",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"8000\r\n" + b"x" * 0x8000 + b"\r\n8001\r\n" + b"x" * 0x8001,
            id="chunks-too-long",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000, id="endless-head"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", id="two-lengths"
        ),
    ],
)
async def test_an_answer_that_cannot_be_used_is_broken(server: Pair, answer: bytes) -> None:
    fake, upstream = server
    fake.answer = answer
    with pytest.raises(Broken):
        await ask(upstream)
    fake.answer = OK
    assert await ask(upstream) == Reply(200, b"ok")


@pytest.mark.parametrize("kept", [0, 1, 20, len(OK) - 1])
async def test_an_answer_that_is_cut_short_is_broken(server: Pair, kept: int) -> None:
    fake, upstream = server
    fake.answer, fake.close_after = OK[:kept], True
    with pytest.raises(Broken):
        await ask(upstream)


async def test_no_answer_in_time_is_unavailable_and_the_connection_is_closed(server: Pair) -> None:
    fake, upstream = server
    fake.answer = OK[:-1]
    with pytest.raises(Unavailable) as caught:
        await ask(upstream, within=0.05)
    assert not isinstance(caught.value, NotSent | Broken)
    await asyncio.wait_for(fake.gone.wait(), 5)
    assert upstream._idle == []


async def test_a_caller_that_leaves_closes_the_connection(server: Pair) -> None:
    fake, upstream = server
    reached = asyncio.Event()

    async def until_the_caller_has_left(_writer: asyncio.StreamWriter) -> None:
        reached.set()
        assert fake.reader is not None
        await fake.reader.read(1)

    fake.hook = until_the_caller_has_left
    call = asyncio.create_task(ask(upstream))
    await asyncio.wait_for(reached.wait(), 5)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(fake.gone.wait(), 5)
    fake.hook = None
    assert await ask(upstream) == Reply(200, b"ok")
    assert fake.connections == 2


async def test_c21_too_many_at_once_are_refused_on_the_spot(server: Pair) -> None:
    fake, upstream = server
    upstream = Upstream("vendor", URL(f"http://{upstream._authority}"), Meter(), max_in_flight=2)
    release = asyncio.Event()

    async def wait(_writer: asyncio.StreamWriter) -> None:
        await release.wait()

    fake.hook = wait
    calls = [asyncio.create_task(ask(upstream)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(NotSent):
        await ask(upstream)
    release.set()
    assert await asyncio.gather(*calls) == [Reply(200, b"ok")] * 2
    assert await ask(upstream) == Reply(200, b"ok")
    await upstream.close()


async def test_a_server_that_is_not_there_got_nothing(unused_tcp_port: int) -> None:
    meter = Meter()
    upstream = Upstream("vendor", URL(f"http://127.0.0.1:{unused_tcp_port}"), meter)
    with pytest.raises(NotSent) as caught:
        await ask(upstream)
    assert "vendor" in str(caught.value)
    assert str(unused_tcp_port) not in str(caught.value)
    assert meter.calls == [("vendor", "failed")]


async def test_a_name_that_is_none_got_nothing() -> None:
    with pytest.raises(NotSent):
        await ask(Upstream("vendor", URL("http://no-such-host.invalid"), Meter()))


@pytest.mark.parametrize("hostile", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b"])
async def test_p12_no_value_breaks_out_of_its_header(server: Pair, hostile: str) -> None:
    fake, upstream = server
    with pytest.raises(ValueError, match="line break"):
        await upstream.exchange("GET", "/", within=5.0, headers={"X-A": hostile})
    with pytest.raises(ValueError, match="line break"):
        await upstream.exchange("GET", f"/{hostile}", within=5.0)
    assert fake.requests == []


@pytest.mark.parametrize("kind", ["good", "expired", "other_name"])
@pytest.mark.parametrize("trusted", [True, False])
async def test_c16_only_a_certificate_that_holds_gets_a_request(
    tmp_path: Path, kind: Kind, trusted: bool
) -> None:
    authority = Authority(tmp_path)
    fake = Server()
    listener = await asyncio.start_server(fake.serve, "127.0.0.1", 0, ssl=authority.server(kind))
    port = listener.sockets[0].getsockname()[1]
    tls = ssl.create_default_context(cafile=authority.ca_file) if trusted else None
    upstream = Upstream("vendor", URL(f"https://localhost:{port}"), Meter(), tls=tls)
    try:
        if kind == "good" and trusted:
            assert await ask(upstream) == Reply(200, b"ok")
            return
        with pytest.raises(NotSent, match="certificate refused"):
            await ask(upstream)
        assert fake.requests == []
    finally:
        await upstream.close()
        listener.close()


async def test_o14_who_must_be_outside_gets_nothing_inside(server: Pair) -> None:
    fake, upstream = server
    meter = Meter()
    inside = Upstream("idp", URL(f"http://{upstream._authority}"), meter, public_only=True)
    with pytest.raises(NotPublic) as caught:
        await ask(inside)
    assert str(caught.value) == "idp: not at a public address"
    assert meter.calls == [("idp", "failed")]
    assert fake.connections == 0


async def test_o14_who_is_outside_is_asked(server: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    _, upstream = server
    monkeypatch.setattr(_sockets, "is_public", lambda address: address == "127.0.0.1")
    outside = Upstream("idp", URL(f"http://{upstream._authority}"), Meter(), public_only=True)
    assert await ask(outside) == Reply(200, b"ok")
    await outside.close()


@pytest.mark.parametrize("too_much", [0, 1])
async def test_longer_bodies_are_read_from_those_who_may_send_them(
    server: Pair, too_much: int
) -> None:
    fake, upstream = server
    most = 1024 * 1024
    body = b"x" * (most + too_much)
    fake.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    upstream = Upstream("idp", URL(f"http://{upstream._authority}"), Meter(), max_body=most)
    if too_much:
        with pytest.raises(Broken, match="too long"):
            await ask(upstream)
    else:
        assert await ask(upstream) == Reply(200, body)
    await upstream.close()
