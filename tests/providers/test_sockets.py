"""Sockets that are handed over to an event loop, asyncio's and uvloop's."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

import pytest
import uvloop

from providers import _sockets
from tests.servers.http_faults import reset
from tests.servers.process import HOST

AT_ONCE = 50
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
