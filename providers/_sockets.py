"""TCP connections to whichever of a host's addresses answers first (RFC 8305)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import aiohappyeyeballs

NEXT_AFTER = 0.25  # seconds without an answer, until the next address is tried, too


async def connect(host: str, port: int | None) -> socket.socket:
    """Return a connected socket, to be handed over to the event loop. Raises ``OSError``."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return await aiohappyeyeballs.start_connection(found, happy_eyeballs_delay=NEXT_AFTER)


@contextlib.contextmanager
def handed_over(connected: socket.socket) -> Iterator[None]:
    """Meanwhile ``create_connection`` takes the socket; nobody may use it afterwards.

    uvloop closes the descriptor by itself. If the peer is quick to reset the connection, it does
    not tell the socket, which would close the same number again: that of another connection by
    then (https://github.com/MagicStack/uvloop/issues/738).
    """
    closes_the_socket = isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop)
    try:
        yield
    except BaseException:
        if closes_the_socket:
            connected.close()
        raise
    finally:
        if not closes_the_socket:
            connected.detach()
