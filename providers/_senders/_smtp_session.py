"""One connection to a mail server (RFC 5321), for one mail at a time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final, cast

import aiosmtplib

from providers import _sockets
from providers._senders import Ambiguous
from providers._senders._mail import Envelope
from providers._senders._smtp_failures import (
    THE_MAIL,
    Disconnected,
    Failed,
    NegativeReply,
    failures,
    in_time,
)

CONNECT_TIMEOUT: Final = 3.0  # seconds
OPEN_TIMEOUT: Final = 4.0  # seconds, greeting, TLS and log-in included: the next sender needs some
GOODBYE: Final = 1.0  # seconds that a server may take for its answer to QUIT


@dataclass(frozen=True, slots=True)
class Server:
    """Where to connect, and how."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    implicit_tls: bool  # from the first byte (RFC 8314); otherwise by STARTTLS
    helo: str | None  # None: the address that the connection comes from
    login: tuple[str, str] | None = field(repr=False)  # user name and password


class _Client(aiosmtplib.SMTP):
    """Closes at once: a server that hangs would keep TLS waiting for its good-bye."""

    def close(self) -> None:
        if self.transport is not None:
            cast(asyncio.Transport, self.transport).abort()
        super().close()


class Session:
    """Open one with ``Session.open``. Deadlines are in the loop's time.

    Every method raises ``Failed``; then the connection is of no more use.
    """

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self._client = client
        self._used = False

    @property
    def alive(self) -> bool:
        """Whether the connection stands, as far as can be seen without asking."""
        return self._client.is_connected

    @classmethod
    async def open(cls, server: Server, deadline: float) -> Session:
        """Connect, with TLS if it is configured, and log in."""
        deadline = min(deadline, asyncio.get_running_loop().time() + OPEN_TIMEOUT)
        async with in_time(deadline):
            with failures("the connection"):
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    sock = await _sockets.connect(server.host, server.port)
            client = _Client(
                hostname=server.host,
                sock=sock,
                local_hostname=server.helo or _address_literal(sock),
                use_tls=server.implicit_tls,
                start_tls=False,  # not before it is known to be offered
                tls_context=server.tls,
                timeout=None,  # there are deadlines
            )
            session = cls(client)
            async with session.ended_by_failure(deadline):
                with failures("the connection"), _sockets.handed_over(sock):
                    await client.connect()
                with failures("EHLO"):
                    await client.ehlo()
                if server.tls is not None and not server.implicit_tls:
                    await _start_tls(client)
                if server.login is not None:
                    await _log_in(client, *server.login)
            return session

    @contextlib.asynccontextmanager
    async def ended_by_failure(self, deadline: float) -> AsyncIterator[None]:
        """Close the connection if what is done inside fails."""
        try:
            yield
        except NegativeReply:
            await self.quit(deadline)  # who just leaves is taken for a robot
            raise
        except BaseException:
            self.abort()
            raise

    async def begin(self, envelope: Envelope, deadline: float) -> None:
        """Go as far as the server's word that it is ready for the mail."""
        try:
            async with in_time(deadline):
                await self._command("MAIL", f"FROM:<{envelope.sender}>")
                await self._command("RCPT", f"TO:<{envelope.recipient}>")
                await self._command("DATA", success=3)
        except Disconnected as error:
            # It may have ended while it was kept.
            raise Failed(str(error), again=self._used) from None

    async def finish(self, envelope: Envelope, deadline: float) -> None:
        """Hand the mail over. Raises ``Ambiguous``, too: when nothing is said of it."""
        protocol = self._client.protocol
        if protocol is None:
            raise Disconnected
        with failures("DATA"):
            protocol.write(envelope.data)
        try:
            async with asyncio.timeout_at(deadline):
                reply = await protocol.read_response()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Ambiguous from error
        if 400 <= reply.code < 600:
            raise NegativeReply(THE_MAIL, reply.code, reply.message)
        if reply.code // 100 != 2:
            raise Ambiguous
        self._used = True

    async def noop(self, deadline: float) -> None:
        """Ask whether the server still listens."""
        async with in_time(deadline):
            await self._command("NOOP")

    async def quit(self, deadline: float | None = None) -> None:
        """Say good-bye and close."""
        latest = asyncio.get_running_loop().time() + GOODBYE
        try:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                async with asyncio.timeout_at(min(latest, deadline or latest)):
                    await self._client.quit()
        finally:
            self.abort()

    def abort(self) -> None:
        """Close at once."""
        self._client.close()

    async def _command(self, verb: str, argument: str = "", *, success: int = 2) -> None:
        words = [word.encode("ascii") for word in (verb, argument) if word]
        with failures(verb):
            reply = await self._client.execute_command(*words)
        if reply.code // 100 != success:
            raise NegativeReply(verb, reply.code, reply.message)


def _address_literal(sock: socket.socket) -> str:
    """The name of a client that has none (RFC 5321 4.1.3, 4.1.4)."""
    address: str = sock.getsockname()[0].partition("%")[0]  # an IPv6 zone means nothing elsewhere
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


async def _start_tls(client: aiosmtplib.SMTP) -> None:
    """What came in the clear is thrown away, and the server asked again (RFC 3207 4.2)."""
    if not client.supports_extension("starttls"):
        raise Failed("the mail server does not offer STARTTLS: security: tls, or another port?")
    with failures("STARTTLS"):
        await client.starttls()
    with failures("EHLO"):
        await client.ehlo()


async def _log_in(client: aiosmtplib.SMTP, username: str, password: str) -> None:
    """One try: to try every method costs as many failures on the account."""
    with failures("AUTH"):
        if "plain" in client.server_auth_methods:
            await client.auth_plain(username, password)
        elif "login" in client.server_auth_methods:
            await client.auth_login(username, password)
        else:
            raise Failed("the mail server offers neither AUTH PLAIN nor AUTH LOGIN")
