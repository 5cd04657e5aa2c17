"""Sockets that are handed over to an event loop, asyncio's and uvloop's."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvloop

from providers import _sockets
from tests.servers.http_faults import reset
from tests.servers.process import HOST

AT_ONCE = 50
TCP = socket.SOCK_STREAM
SILENT, RESETTING, WELL = "silent", "resetting", "well"


async def serve(behaviour: str) -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if behaviour == RESETTING:
            reset(writer.transport)
        elif behaviour == SILENT:
            await reader.read()
        writer.close()

    return await asyncio.start_server(answer, HOST, 0)


async def connected(port: int) -> list[socket.socket]:
    """Connect so many times; a server may be quick to reset."""
    each = [_sockets.connect(HOST, port) for _ in range(AT_ONCE)]
    results = await asyncio.gather(*each, return_exceptions=True)
    return [result for result in results if isinstance(result, socket.socket)]


async def hand_over(taken: socket.socket, context: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        async with asyncio.timeout(0.1):
            with _sockets.handed_over(taken):
                transport, _ = await loop.create_connection(
                    asyncio.Protocol,
                    sock=taken,
                    ssl=context,
                    server_hostname=HOST if context else None,
                )
            transport.close()


async def crowd(behaviour: str, context: ssl.SSLContext | None) -> int:
    """Hand sockets over; return how many, when all have lost their descriptors."""
    async with await serve(behaviour) as server:
        sockets = await connected(server.sockets[0].getsockname()[1])
        await asyncio.gather(*(hand_over(each, context) for each in sockets))
        async with asyncio.timeout(5.0):
            while any(each.fileno() != -1 for each in sockets):  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.001)
    return len(sockets)


@pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
@pytest.mark.parametrize("context", [None, ssl.create_default_context()], ids=["plain", "TLS"])
@pytest.mark.parametrize("behaviour", [WELL, RESETTING, SILENT])
def test_socket_gives_its_descriptor_up(
    behaviour: str,
    context: ssl.SSLContext | None,
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """One that keeps the number would close it again when it is another connection's."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(crowd(behaviour, context)) > 0


@pytest.fixture
def port() -> Iterator[int]:
    """Of a socket that listens on all addresses."""
    with socket.create_server(("", 0)) as listening:
        yield listening.getsockname()[1]


Answers = Callable[..., None]


@pytest.fixture
async def look_up(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Have look-ups of any name give these lists of addresses, one after another."""

    def prepare(*answers: list[str]) -> None:
        lookups = iter(answers)

        async def getaddrinfo(_host: str, port: int, **_: object) -> list[tuple[object, ...]]:
            return [
                (socket.AF_INET6 if ":" in ip else socket.AF_INET, TCP, 0, "", (ip, port))
                for ip in next(lookups)
            ]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)

    return prepare


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["127.0.0.1"], id="loopback"),
        pytest.param(["::1"], id="loopback-ipv6"),
        pytest.param(["::ffff:127.0.0.1"], id="mapped"),
        pytest.param(["169.254.169.254"], id="metadata"),
        pytest.param(["8.8.8.8", "127.0.0.1"], id="one-of-two"),
        pytest.param(["127.0.0.1", "8.8.8.8"], id="other-of-two"),
    ],
)
async def test_o14_nothing_is_connected_to_unless_all_addresses_are_public(
    monkeypatch: pytest.MonkeyPatch, port: int, look_up: Answers, addresses: list[str]
) -> None:
    made: list[socket.socket] = []

    class Socket(socket.socket):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            made.append(self)
            super().__init__(*args, **kwargs)

    look_up(addresses)
    monkeypatch.setattr(socket, "socket", Socket)
    with pytest.raises(_sockets.NotPublicError):
        await _sockets.connect("idp.example", port, public_only=True)
    assert made == []


async def test_o14_what_was_looked_at_is_what_is_connected_to(
    monkeypatch: pytest.MonkeyPatch, port: int, look_up: Answers
) -> None:
    """A name that leads elsewhere the next time (DNS rebinding) is not looked up a next time."""
    monkeypatch.setattr(_sockets, "is_public", {"127.0.0.2": True, "127.0.0.1": False}.get)
    look_up(["127.0.0.2"], ["127.0.0.1"])
    with await _sockets.connect("idp.example", port, public_only=True) as connected:
        assert connected.getpeername() == ("127.0.0.2", port)
    with pytest.raises(_sockets.NotPublicError):
        await _sockets.connect("idp.example", port, public_only=True)


async def test_elsewhere_any_address_will_do(port: int, look_up: Answers) -> None:
    look_up(["127.0.0.1"])
    with await _sockets.connect("vendor.example", port) as connected:
        assert connected.getpeername() == ("127.0.0.1", port)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1"])
async def test_o14_every_spelling_of_an_address_is_seen_through(host: str) -> None:
    with pytest.raises(_sockets.NotPublicError):
        await _sockets.connect(host, 443, public_only=True)
