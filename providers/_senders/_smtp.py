"""The sender of ``type: smtp``: hands each mail to the server once, and says what came of it."""

from __future__ import annotations

import asyncio
import functools
import re
from typing import Final

from providers._base import Context, Unavailable
from providers._senders import Declined, Message, Refused
from providers._senders._mail import Envelope, compose
from providers._senders._smtp_failures import THE_MAIL, Failed, NegativeReply
from providers._senders._smtp_pool import Pool
from providers._senders._smtp_session import Server, Session
from providers._senders.smtp import PORTS, SmtpConfig
from providers._spans import Attributes, span
from providers._tls import client_context

# What is said of a mailbox: by the enhanced code if there is one (RFC 3463: of addresses, though
# not the sender's; of mailboxes; no host, no route), else by the code (RFC 5321 4.2.2). All other
# answers are about the mail system, its limits, its rules, or what we said.
_MAILBOX_SUBJECT: Final = re.compile(r"0\.\d+|1\.(?![78]$)\d+|2\.\d+|4\.[14]")
_MAILBOX_CODE: Final = frozenset({550, 551, 552, 553, 554, 556})
_LOGIN: Final = frozenset({530, 535})  # RFC 4954


class Smtp:
    """Keeps connections to one mail server."""

    def __init__(self, config: SmtpConfig, context: Context) -> None:
        self.name = config.name
        self._meter = context.meter
        self._timeout = config.timeout
        login = None
        if config.username is not None and config.password is not None:
            login = (config.username, config.password.get_secret_value())
        self._server = Server(
            host=config.host,
            port=config.port or PORTS[config.security],
            tls=None if config.security == "none" else client_context(config.ca_file),
            implicit_tls=config.security == "tls",
            helo=config.helo,
            login=login,
        )
        self._described: Attributes = {
            "network.protocol.name": "smtp",
            "server.address": self._server.host,
            "server.port": self._server.port,
        }
        self._pool = Pool(config.pool_size, functools.partial(Session.open, self._server))

    async def send(self, message: Message, within: float) -> str | None:
        """Send one mail and return its Message-ID, which mail servers log; see ``Sender``."""
        try:
            envelope = compose(message)
        except ValueError:  # its text may repeat the message
            detail = "no mail can be made of this sender, subject or text"
            raise Declined(self.name, detail) from None
        loop = asyncio.get_running_loop()
        started = loop.time()
        outcome = "failed"
        try:
            with span(self.name, self._described):
                await self._deliver(envelope, started + min(within, self._timeout))
            outcome = "answered"
        except NegativeReply as error:
            outcome = "answered"
            raise self._verdict(error) from None
        except Failed as error:
            raise Unavailable(self.name, str(error)) from None
        finally:
            self._meter.upstream(self.name, outcome, loop.time() - started)
        return envelope.message_id

    async def _deliver(self, envelope: Envelope, deadline: float) -> None:
        """One retry, on another connection, while the mail is surely not handed over."""
        try:
            await self._try(envelope, deadline)
        except Failed as error:
            if not error.again:
                raise
            await self._try(envelope, deadline, fresh=True)

    async def _try(self, envelope: Envelope, deadline: float, *, fresh: bool = False) -> None:
        async with self._pool.lease(deadline, fresh=fresh) as session:
            await session.begin(envelope, deadline)
            await session.finish(envelope, deadline)

    def _verdict(self, answer: NegativeReply) -> Exception:
        if _says_of_the_mailbox(answer):
            return Refused(str(answer))
        of_this_mail = answer.command in ("RCPT", "DATA", THE_MAIL) and answer.code != 421
        return (Declined if of_this_mail else Unavailable)(self.name, _explained(answer))

    async def check(self) -> list[str]:
        """Connect and log in, without a mail."""
        deadline = asyncio.get_running_loop().time() + self._timeout
        try:
            session = await Session.open(self._server, deadline)
            async with session.ended_by_failure(deadline):
                await session.noop(deadline)
            await session.quit()
        except NegativeReply as error:
            return [f"{self.name}: {_explained(error)}"]
        except Failed as error:
            return [f"{self.name}: {error}"]
        return []

    async def close(self) -> None:
        """Close the connections that wait."""
        await self._pool.close()


def _says_of_the_mailbox(answer: NegativeReply) -> bool:
    """Whether no mail can ever reach it; any other answer is about us, or about now."""
    if answer.command != "RCPT" or answer.code < 500 or answer.code in _LOGIN:
        return False
    if answer.subject is None:
        return answer.code in _MAILBOX_CODE
    return _MAILBOX_SUBJECT.fullmatch(answer.subject) is not None


def _explained(answer: NegativeReply) -> str:
    """Add what the operator can do."""
    if answer.code == 530:
        return f"the mail server wants a login ({answer.codes}): set username and password"
    if answer.command == "AUTH" and answer.code >= 500:
        return f"the mail server refuses the credentials ({answer.codes})"
    if answer.code >= 500 and (answer.subject or "").startswith("7."):
        return f"{answer}: may this gateway send to anybody there, and under its From address?"
    return str(answer)
