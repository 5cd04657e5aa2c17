"""A message as an email (RFC 5322, RFC 2045), ready for SMTP's DATA.

Nothing in a message can become a header, an address or a command: white space in header fields is
made plain, other control characters and addresses beyond the simple form are refused, and all text
is quoted-printable, which leaves no bare line end and asks nothing of the servers on the way.
"""

from __future__ import annotations

import datetime
import functools
import re
import secrets
from email import policy
from email.charset import QP, Charset
from email.errors import ObsoleteHeaderDefect
from email.header import Header
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.utils import format_datetime, formataddr
from typing import Final, NamedTuple

from providers._senders import Message, Refused

MAX_ADDRESS: Final = 254  # bytes; RFC 5321 4.5.3.1.3, without the angle brackets
MAX_PLAIN_SUBJECT: Final = 78 - len("Subject: ")  # RFC 5322 2.1.1

# Dot-string "@" Domain of RFC 5321 4.1.2: no quoted local part, no literal, no SMTPUTF8.
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(\.{_ATOM})*@({_LABEL}\.)*{_LABEL}")

_TEXT: Final = Charset("utf-8")
_TEXT.body_encoding = QP
# EmailMessage, the newer interface, takes three to five times as long for the same bytes.
_WIRE: Final = policy.compat32.clone(linesep="\r\n", cte_type="7bit")


class Envelope(NamedTuple):
    """What travels: addresses for SMTP, and the mail itself, dot-stuffed and ended by a dot."""

    sender: str
    recipient: str
    message_id: str  # without angle brackets
    data: bytes


class From(NamedTuple):
    """Whom a mail is from."""

    name: str
    address: str


def is_address(text: str) -> bool:
    """Whether ``text`` is an address that any mail server takes as it is."""
    return len(text) <= MAX_ADDRESS and _ADDRESS.fullmatch(text) is not None


@functools.lru_cache(maxsize=64)  # a few, out of the configuration
def parse_from(text: str) -> From:
    """Read ``Example <no-reply@example.com>``. Raises ``ValueError``."""
    if not text.isprintable():
        raise ValueError("must be one line of text")
    header = policy.SMTP.header_factory("From", text)
    addresses = header.addresses
    sound = all(isinstance(defect, ObsoleteHeaderDefect) for defect in header.defects)
    if not sound or len(addresses) != 1 or not is_address(addresses[0].addr_spec):
        raise ValueError('must be one address, such as "Example <no-reply@example.com>"')
    return From(addresses[0].display_name, addresses[0].addr_spec)


def compose(message: Message) -> Envelope:
    """Write ``message`` as an email.

    Raises ``Refused`` for its recipient, ``ValueError`` for all else.
    """
    if not is_address(message.to):
        raise Refused("not an address that mail can be sent to")
    if message.mail is None:
        raise ValueError("a message without sender and subject")
    sender = parse_from(message.mail.sender)
    message_id = f"{secrets.token_hex(16)}@{sender.address.rpartition('@')[2]}"
    mail = _body(message.text, message.mail.html)
    mail["From"] = _from_header(sender)
    mail["To"] = message.to
    mail["Subject"] = _subject(message.mail.subject)
    mail["Date"] = format_datetime(datetime.datetime.now(datetime.UTC))
    mail["Message-ID"] = f"<{message_id}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is answered to us
    return Envelope(sender.address, message.to, message_id, _for_data(mail))


def _body(text: str, html: str | None) -> MIMEBase:
    plain = _part("plain", text)
    if html is None:
        return plain
    return MIMEMultipart("alternative", _subparts=[plain, _part("html", html)])


def _part(kind: str, text: str) -> MIMEBase:
    part = MIMENonMultipart("text", kind)
    part.set_payload(text, _TEXT)
    return part


def _from_header(sender: From) -> str:
    if sender.name.isascii():
        return formataddr(sender)
    header = Header(sender.name, "utf-8", header_name="From")
    header.append(f"<{sender.address}>", "us-ascii")
    return header.encode()


def _subject(text: str) -> str:
    line = " ".join(text.split())  # Unicode's white space, line and paragraph separators included
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in line):
        raise ValueError("a control character in the subject")
    # Anything like an encoded word would be read as one, and a long line would have to be folded.
    plain = line.isascii() and "=?" not in line and len(line) <= MAX_PLAIN_SUBJECT
    return line if plain else Header(line, "utf-8", header_name="Subject").encode()


def _for_data(mail: MIMEBase) -> bytes:
    """Add SMTP's transparency and its end of the mail (RFC 5321 4.5.2)."""
    data = mail.as_bytes(policy=_WIRE)
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    ends = data.count(b"\r\n")
    if data.count(b"\r") != ends or data.count(b"\n") != ends:  # another server's line end
        raise ValueError("a bare line end")
    return data.replace(b"\r\n.", b"\r\n..") + b".\r\n"
