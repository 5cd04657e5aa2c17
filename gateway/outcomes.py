"""What goes into a login and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass

from providers import Fields, Receipt


@dataclass(slots=True)
class LoginRequest:
    """What a client asks for; nothing in it is proven."""

    app: str
    provider: str | None
    challenge: str | None
    fields: Fields
    client: str = ""  # the network it comes from, as limits count it
    request_id: str = ""


@dataclass(slots=True)
class CodeSent:
    """A code is pending. Seconds."""

    provider: str
    resend_after: float
    expires_in: float
    receipt: Receipt | None = None  # of the message, if one was sent now; for the audit


@dataclass(slots=True)
class SignedIn:
    """Proven, and issued a token."""

    token: str
    address: str
    name: str | None


@dataclass(slots=True)
class Refused:
    """A public error word, and seconds after which trying again may help."""

    word: str
    retry_after: float | None = None


Outcome = CodeSent | SignedIn | Refused
