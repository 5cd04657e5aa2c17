"""Connections on the event loop, without threads: the default driver."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl

from providers import _sockets
from providers._tls import at_least_1_2, client_context
from providers.ldap.certificates import described
from providers.ldap.client import Connection, ConnectionFailed, Server, TlsSettings
from providers.ldap.wire import Wire


class Ldap3Driver:
    """See ``Driver``. One TLS context for each kind: loading authorities takes tens of ms."""

    def __init__(self) -> None:
        self._contexts: dict[TlsSettings, ssl.SSLContext] = {}

    async def connect(self, server: Server, within: float) -> Connection:
        """See ``Driver``."""
        deadline = asyncio.get_running_loop().time() + within
        try:
            async with asyncio.timeout_at(deadline):
                return await self._connect(server, deadline)
        except TimeoutError:
            raise ConnectionFailed("no connection in time") from None
        except ssl.SSLCertVerificationError as error:
            shown = await self._shown(server, deadline)
            why = error.verify_message.rstrip(".")
            raise ConnectionFailed(f"certificate refused: {why}{shown}") from None
        except ssl.SSLError as error:
            raise ConnectionFailed(f"no TLS: {error.reason or type(error).__name__}") from None
        except UnicodeError:
            raise ConnectionFailed("no host can have that name") from None
        except OSError as error:
            raise ConnectionFailed(_reason(error, server)) from None

    async def _connect(self, server: Server, deadline: float) -> Wire:
        context = None if server.tls is None else self._context(server.tls)
        if not server.start_tls:
            return await self._open(server, context)
        if context is None:
            raise ConnectionFailed("StartTLS needs to know which certificates are believed")
        wire = await self._open(server, None)
        try:
            left = deadline - asyncio.get_running_loop().time()
            await wire.start_tls(context, server.host, left)
        except BaseException:
            await wire.close()
            raise
        return wire

    async def _open(self, server: Server, context: ssl.SSLContext | None) -> Wire:
        loop = asyncio.get_running_loop()
        connected = await _sockets.connect(server.host, server.port)
        with _sockets.handed_over(connected):
            _, wire = await loop.create_connection(
                Wire, sock=connected, ssl=context, server_hostname=server.host if context else None
            )
        return wire

    async def _shown(self, server: Server, deadline: float) -> str:
        """Describe the certificate that was refused; nothing else is done on such a connection."""
        assert server.tls is not None  # noqa: S101 - only TLS refuses certificates
        unverified = server._replace(tls=server.tls._replace(verify=False))
        # The server may have changed, or be a hostile one: then there is less to say.
        with contextlib.suppress(OSError, ConnectionFailed, ValueError):
            async with asyncio.timeout_at(deadline):
                wire = await self._connect(unverified, deadline)
            certificate = wire.certificate()
            await wire.close()
            if certificate is not None:
                return f" (the certificate {described(certificate)})"
        return ""

    def _context(self, settings: TlsSettings) -> ssl.SSLContext:
        context = self._contexts.get(settings)
        if context is None:
            context = self._contexts[settings] = _client_context(settings)
        return context

    async def close(self) -> None:
        """Nothing is shared but settings."""


def _reason(error: OSError, server: Server) -> str:
    if server.tls is not None and isinstance(error, (ConnectionResetError, ConnectionAbortedError)):
        return "no TLS: the server closed the connection"
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or type(error).__name__


def _client_context(settings: TlsSettings) -> ssl.SSLContext:
    if settings.verify:
        return client_context(settings.ca_file)
    context = at_least_1_2(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
