"""Mails as the people read them who got them."""

from __future__ import annotations

import email
import itertools
import re
from email.message import EmailMessage
from email.policy import default

from tests.servers.configs import Config
from tests.servers.smtp import SmtpServer
from tests.servers.smtp_record import ReceivedMail
from tests.servers.tls import Authority

USER, PASSWORD = "gw", "mail/secret+of the gateway"
SENDER = "no-reply@example.com"

_NUMBERS = itertools.count(1)


def fresh_address() -> str:
    """Return an address that no other test uses."""
    return f"reader{next(_NUMBERS)}@example.com"


def smtp_sender(server: SmtpServer, authority: Authority, **keys: object) -> Config:
    """Return the configuration of a sender that mails by this server, with STARTTLS and a login."""
    return {
        "type": "smtp",
        "host": "127.0.0.1",
        "port": server.port,
        "ca_file": str(authority.ca_file),
        "username": USER,
        "password": PASSWORD,
        **keys,
    }


def mails_to(server: SmtpServer, address: str) -> list[ReceivedMail]:
    return [mail for mail in server.mails if mail.recipients == [address]]


def parsed(mail: ReceivedMail) -> EmailMessage:
    """Read a mail strictly: a defect is an error."""
    message = email.message_from_bytes(mail.data, policy=default)
    assert isinstance(message, EmailMessage)
    assert [part.defects for part in message.walk() if part.defects] == []
    return message


def texts(mail: ReceivedMail) -> list[str]:
    """Return the contents of all parts, with plain line ends."""
    parts = [part for part in parsed(mail).walk() if not part.is_multipart()]
    contents = [part.get_content() for part in parts if isinstance(part, EmailMessage)]
    return [content.replace("\r\n", "\n") for content in contents]


def code_in(mail: ReceivedMail) -> str:
    """Return the code that begins the text; raises ``LookupError`` if there is none."""
    found = re.match("[0-9]{6,10}", texts(mail)[0])
    if found is None:
        raise LookupError(f"no code in {texts(mail)[0]!r}")
    return found[0]


def code_for(server: SmtpServer, address: str) -> str:
    """Return the code in the last mail to an address."""
    return code_in(mails_to(server, address)[-1])
