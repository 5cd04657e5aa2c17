"""Connections by libldap, driven by the event loop: the driver that takes least processor time.

libldap never waits on the loop: a request is written at once, and messages are read when the socket
has some. Only TLS starts in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import defaultdict
from functools import partial
from typing import Final

from providers import _sockets
from providers._blocking import Places
from providers.ldap import libldap_opening
from providers.ldap.client import Connection, ConnectionFailed, Server
from providers.ldap.ldap3_driver import Ldap3Driver
from providers.ldap.libldap import Handle, LdapError, told
from providers.ldap.libldap_connection import LibldapConnection

Opened = tuple[Handle, socket.socket]

STARTING: Final = 4  # connections to one server that start TLS at a time


class PythonLdapDriver:
    """See ``Driver``. A server that is silent when TLS starts holds its own threads, no others."""

    def __init__(self) -> None:
        self._places: defaultdict[Server, Places] = defaultdict(lambda: Places(STARTING))

    async def connect(self, server: Server, within: float) -> Connection:
        """See ``Driver``."""
        deadline = asyncio.get_running_loop().time() + within
        try:
            async with asyncio.timeout_at(deadline):
                handle, opened = await self._open(server, within)
        except TimeoutError:
            raise ConnectionFailed("no connection in time") from None
        except (OSError, ValueError, LdapError) as error:
            raise await _explained(error, server, deadline) from None
        return LibldapConnection(handle, opened)

    async def _open(self, server: Server, within: float) -> Opened:
        if server.tls is None and server.start_tls:
            raise ValueError("StartTLS needs to know which certificates are believed")
        if server.tls is None or server.start_tls:
            return await self._open_clear(server)
        opening = partial(libldap_opening.open_secure, server, server.tls, within)
        return await self._places[server].run(opening, _discard)

    async def _open_clear(self, server: Server) -> Opened:
        opened = await _sockets.connect(server.host, server.port)
        try:
            if server.tls is None:
                return libldap_opening.adopt(opened, server), opened
            starting = partial(libldap_opening.start_tls, opened, server, server.tls)
            return await self._places[server].run(starting, _discard)
        except BaseException:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)  # so that a thread that waits for it ends
            opened.close()
            raise

    async def close(self) -> None:
        """Nothing is shared; threads end with what they do."""


def _discard(connection: Opened) -> None:
    libldap_opening.close(*connection)


async def _explained(error: Exception, server: Server, deadline: float) -> ConnectionFailed:
    """Say why there is no connection: libldap hardly does, and the other driver tries the same."""
    try:
        left = deadline - asyncio.get_running_loop().time()
        connection = await Ldap3Driver().connect(server, left)
    except ConnectionFailed as failure:
        return failure
    await connection.close()
    reason = told(error).get("info") or type(error).__name__
    return ConnectionFailed(f"libldap does not connect, and says no more than: {reason}")
