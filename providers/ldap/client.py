"""What the provider needs of an LDAP library: one connection, two operations (RFC 4511).

Two drivers implement it. No method takes longer than it is given; a connection on which anything
went wrong is closed by its user and never used again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol

Scope = Literal["base", "one", "sub"]

# Result codes (RFC 4511 appendix A) that are told apart.
SUCCESS: Final = 0
TIME_LIMIT: Final = 3
SIZE_LIMIT: Final = 4
STRONGER_AUTH_REQUIRED: Final = 8
REFERRAL: Final = 10
CONFIDENTIALITY_REQUIRED: Final = 13
CONSTRAINT_VIOLATION: Final = 19
NO_SUCH_OBJECT: Final = 32
INAPPROPRIATE_AUTHENTICATION: Final = 48
INVALID_CREDENTIALS: Final = 49
INSUFFICIENT_ACCESS: Final = 50
BUSY: Final = 51
UNAVAILABLE: Final = 52
UNWILLING: Final = 53

PASSWORD_POLICY: Final = "1.3.6.1.4.1.42.2.27.8.5.1"  # draft-behera-ldap-password-policy  # noqa: S105


class ConnectionFailed(Exception):
    """No connection, no TLS, no answer in time, or an answer that is no LDAP.

    The text is for the operator: what failed and, of a certificate, why; never what was sent.
    """


class ConnectionLost(ConnectionFailed):
    """The server closed the connection, perhaps long ago."""


class BadFilter(ValueError):
    """A filter that is none: the operator's failure."""


class TlsSettings(NamedTuple):
    """Which certificates are believed. Each driver makes one context of it and keeps that."""

    ca_file: Path | None  # PEM; None: the system's authorities
    verify: bool


class Server(NamedTuple):
    """Where a directory listens and how it is spoken to."""

    url: str  # as configured, for messages
    host: str
    port: int
    tls: TlsSettings | None  # None: in clear text
    start_tls: bool  # TLS after the StartTLS operation, not from the first byte


class Entry(NamedTuple):
    """An entry of the directory."""

    dn: str
    attributes: Mapping[str, Sequence[bytes]]  # names in lower case

    def texts(self, attribute: str) -> list[str]:
        """Return the values of an attribute that are text."""
        values = self.attributes.get(attribute.lower(), ())
        try:
            return [value.decode() for value in values]
        except UnicodeDecodeError:
            return [text for value in values if (text := _text(value)) is not None]

    def text(self, attribute: str) -> str | None:
        """Return the first value of an attribute as text, or None."""
        for value in self.attributes.get(attribute.lower(), ()):
            try:
                return value.decode()
            except UnicodeDecodeError:
                continue
        return None


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


class Query(NamedTuple):
    """A search. At most ``limit`` entries are asked for."""

    base: str
    scope: Scope
    filter: str  # RFC 4515, values escaped
    attributes: Sequence[str]
    limit: int = 2


class Found(NamedTuple):
    """What a search gave. References to other servers are left out and never followed."""

    code: int  # SIZE_LIMIT if there are more entries than were asked for, whatever the server says
    entries: Sequence[Entry]
    message: str = ""  # of the server, for the operator


class Bound(NamedTuple):
    """How a bind ended."""

    code: int
    message: str  # of the server: Active Directory tells here why
    policy: bytes | None  # the value of the password policy response control, if there was one


class Connection(Protocol):
    """One connection to one server, for one operation at a time."""

    async def bind(self, dn: str, password: str, within: float) -> Bound:
        """Bind with a simple password (never an empty one). Raises ``ConnectionFailed``."""

    async def search(self, query: Query, within: float) -> Found:
        """Search as whoever is bound. Raises ``ConnectionFailed``, ``BadFilter``."""

    @property
    def alive(self) -> bool:
        """Whether the connection may still work, as far as it shows without asking."""

    async def close(self) -> None:
        """Give it back; whatever is under way fails."""


class Driver(Protocol):
    """Opens connections."""

    async def connect(self, server: Server, within: float) -> Connection:
        """Connect, with TLS where the server has it. Raises ``ConnectionFailed``."""

    async def close(self) -> None:
        """Give back what all connections share."""
