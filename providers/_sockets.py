"""TCP connections to whichever of a host's addresses answers first (RFC 8305)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import aiohappyeyeballs

from providers._public_addresses import is_public

NEXT_AFTER = 0.25  # seconds without an answer, until the next address is tried, too


class NotPublicError(OSError):
    """A name that leads to an address which is not out in the Internet."""


async def connect(host: str, port: int | None, *, public_only: bool = False) -> socket.socket:
    """Return a connected socket, to be handed over to the event loop. Raises ``OSError``.

    With ``public_only``, nothing is connected to unless all addresses of ``host`` are public. They
    are not looked up again in between: the answer might be another one by then.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if public_only and not all(is_public(str(address[0])) for *_, address in found):
        raise NotPublicError
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
