"""A mail server for submissions: aiosmtpd on a real loopback socket, with switchable failures."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Literal, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers.http_faults import reset
from tests.servers.loop_thread import LoopThread
from tests.servers.reserved_port import ReservedPort
from tests.servers.smtp_record import CONNECT, END, Command, Fault, ReceivedMail, SmtpRecord


class SmtpServer(SmtpRecord):
    """Runs in a thread of its own.

    ``account`` (user, password) is asked for if given, by the ``mechanisms`` that are offered once
    there is TLS, or never will be. With ``security`` other than ``none``, ``tls`` is needed.
    """

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        security: Literal["starttls", "tls", "none"] = "starttls",
        account: tuple[str, str] | None = None,
        mechanisms: str = "LOGIN PLAIN",
    ) -> None:
        super().__init__()
        self.tls = tls if security == "starttls" else None
        self._implicit = tls if security == "tls" else None
        self.account = account
        self.mechanisms = mechanisms
        self.offers_tls = True  # False: the STARTTLS line is taken out of the answer to EHLO
        self.injected = b""  # lines that somebody on the way adds to the answer to STARTTLS
        self._reserved = ReservedPort()
        self.sessions: set[_Connection] = set()  # of the server's thread
        self._thread: LoopThread | None = None
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        return self._reserved.number

    # -- listening

    def start(self) -> Self:
        """Listen; after ``stop`` on the same port again."""
        self._thread = LoopThread(type(self).__name__)
        self._thread.run(self._listen())
        return self

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self, loop), sock=self._reserved.bind(), ssl=self._implicit
        )

    def stop(self) -> None:
        """Refuse connections and drop the ones there are; what was recorded stays."""
        if self._thread is not None:
            self._thread.run(self._refuse())
            self.wait(lambda: not self.open, "end of all connections")
            self._thread.close()
        self._thread = None

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
        for session in list(self.sessions):
            session.drop()

    def hang_up(self) -> None:
        """Close every open connection, as servers do with idle ones.

        Blocks until the client has done so, too: see ``wait``.
        """
        if self._thread is not None:
            self._thread.run(self._leave())
            self.wait(lambda: not self.open, "end of all connections")

    async def _leave(self) -> None:
        for session in list(self.sessions):
            session.leave()

    def close(self) -> None:
        """Stop and give the port back."""
        self.stop()
        self._reserved.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()


class _Handler:
    """aiosmtpd's hooks."""

    async def handle_EHLO(  # noqa: N802 - the hook's name
        self,
        connection: _Connection,
        session: Session,
        envelope: Envelope,
        hostname: str,
        lines: list[str],
    ) -> list[str]:
        session.host_name = hostname
        box = connection.box
        kept = [line for line in lines if not line.startswith("250-AUTH")]
        if not box.offers_tls:
            kept.remove("250-STARTTLS")
        if box.account is not None and (connection.encrypted() or box.tls is None):
            kept.insert(1, f"250-AUTH {box.mechanisms}")
        return kept

    async def handle_DATA(  # noqa: N802 - the hook's name
        self, connection: _Connection, session: Session, envelope: Envelope
    ) -> str:
        return await connection.received(envelope)


class _Connection(SMTP):
    """One connection of a client's."""

    def __init__(self, box: SmtpServer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            _Handler(),
            hostname="mail.example.test",
            ident="ESMTP",
            tls_context=box.tls,
            auth_require_tls=False,
            authenticator=self._check_login,
            loop=loop,
        )
        self.box = box
        self.number = 0
        self._user: str | None = None
        self._smtp_methods = {
            verb: functools.wraps(method)(functools.partial(self._hear, verb, method))
            for verb, method in self._smtp_methods.items()
        }

    def encrypted(self) -> bool:
        transport = self.transport
        return transport is not None and transport.get_extra_info("ssl_object") is not None

    def leave(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def drop(self) -> None:
        if isinstance(self.transport, asyncio.Transport):
            if self.transport.is_closing():  # politely, which takes its time
                with contextlib.suppress(AttributeError):  # Python 3.11.2: it is gone already
                    self.transport.abort()
            else:
                reset(self.transport)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not self.number:  # after STARTTLS it is made once more
            self.number = self.box.opened()
            self.box.sessions.add(self)
            sock: socket.socket = transport.get_extra_info("socket")
            # aiosmtpd writes line by line; each would wait for the client to acknowledge another.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if self in self.box.sessions:  # after a failed handshake aiosmtpd tells twice
            self.box.sessions.remove(self)
            self.box.closed()

    async def push(self, status: Any) -> None:
        if status == "220 Ready to start TLS" and self.box.injected:
            status = status.encode() + b"\r\n" + self.box.injected.removesuffix(b"\r\n")
        await super().push(status)

    async def _handle_client(self) -> None:
        answered = await self._fails(CONNECT, "")
        if answered:
            self.leave()
        else:
            await super()._handle_client()

    async def _hear(
        self, verb: str, method: Callable[[str | None], Awaitable[None]], argument: str | None
    ) -> None:
        self.box.note(Command(self.number, verb, argument or "", self.encrypted()))
        if await self._fails(verb, argument or ""):
            return
        if verb == "MAIL" and self.box.account is not None and self._user is None:
            await self.push("530 5.7.0 Authentication required")
            return
        await method(argument)

    async def _fails(self, stage: str, argument: str) -> bool:
        """Whether an answer was given that stands for the sound one."""
        what = self.box.take(stage, argument)
        if isinstance(what, str):
            await self.push(what)
            if what.startswith("421"):
                self.leave()
            return True
        await self._falter(what)
        return False

    async def _falter(self, what: float | Fault | None) -> None:
        if isinstance(what, float):
            await asyncio.sleep(what)
        elif what is not None:
            if what is Fault.DROP:
                self.drop()
            try:
                self.box.falter(+1)
                await asyncio.Event().wait()  # cancelled when the client leaves
            finally:
                self.box.falter(-1)
                self.leave()

    async def received(self, envelope: Envelope) -> str:
        what = self.box.take(END, str(envelope.rcpt_tos))
        if isinstance(what, str):
            return what
        assert isinstance(envelope.content, bytes)
        self.box.note(
            ReceivedMail(
                self.number,
                envelope.mail_from or "",
                list(envelope.rcpt_tos),
                envelope.content,
                self.encrypted(),
                self._user,
            )
        )
        await self._falter(what)
        return "250 2.0.0 Ok: queued as 4F1A2B3C"

    def _check_login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        given = (data.login.decode(), data.password.decode())
        right = isinstance(data, LoginPassword) and given == self.box.account
        self._user = given[0] if right else None
        return AuthResult(success=right, handled=False)
