"""What the tests of the SMTP sender share."""

from __future__ import annotations

import email
from email import policy
from email.message import EmailMessage
from typing import Any, Protocol, cast

from providers._senders import Mail, Message, Sender
from tests.providers.sending import Recorder
from tests.servers.smtp_record import ReceivedMail

ACCOUNT = ("gw", "mail-secret")
TO = "ann@example.com"
TEXT = "123456 ist dein Code für Ödön"
MESSAGE = Message(
    TO, TEXT, "123456", Mail("Example <no-reply@example.org>", "Your code", f"<p>{TEXT}</p>")
)


class Meter(Recorder):
    """A meter that keeps the outcomes of calls, too."""

    def __init__(self) -> None:
        super().__init__()
        self.upstreams: list[tuple[str, str]] = []

    def upstream(self, upstream: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.upstreams.append((upstream, outcome))


class Make(Protocol):
    """Make a sender for the server of the test, with other keys if given."""

    def __call__(self, **keys: Any) -> Sender: ...


def message(to: str = TO, text: str = TEXT, **changes: Any) -> Message:
    """Return ``MESSAGE`` with changes; those of ``Mail`` by name."""
    mail = cast(Mail, MESSAGE.mail)
    return MESSAGE._replace(to=to, text=text, mail=mail._replace(**changes))


def parsed(mail: ReceivedMail) -> EmailMessage:
    """Read a mail as a person's mail program would."""
    return email.message_from_bytes(mail.data, policy=policy.default)


def texts(mail: EmailMessage) -> list[tuple[str, str]]:
    """Return type and text of each part; line ends are ``\\n`` and the last one is left out."""
    return [
        (part.get_content_type(), part.get_content().replace("\r\n", "\n").removesuffix("\n"))
        for part in mail.walk()
        if not part.is_multipart()
    ]
