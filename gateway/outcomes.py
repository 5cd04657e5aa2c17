"""What goes into a login and what comes out of it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from gateway.return_urls import with_query
from providers import Fields, Receipt


@dataclass(frozen=True, slots=True)
class HandOver:
    """What becomes of a sign-in in a browser: a one-time code takes the place of the token.

    ``return_url`` is one of the app's, to which the browser takes the code; without it a page shows
    the code. ``code_challenge`` is the app's own (S256, RFC 7636), or empty.
    """

    return_url: str | None = None
    code_challenge: str = ""


@dataclass(slots=True)
class LoginRequest:
    """What a client asks for; nothing in it is proven."""

    app: str
    provider: str | None
    challenge: str | None
    fields: Fields
    client: str = ""  # the network it comes from, as limits count it
    request_id: str = ""
    hand_over: HandOver | None = None  # None: an app asks, and gets the token itself


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
class GoTo:
    """The sign-in goes on in a browser, at ``url``; ``id`` is needed to get the token. Seconds."""

    provider: str
    id: str
    url: str
    expires_in: float


@dataclass(slots=True)
class HandedOver:
    """Proven in a browser: who shows ``code`` of the challenge ``id`` in time gets the token."""

    provider: str
    id: str
    code: str
    expires_in: float  # seconds
    return_url: str | None

    @property
    def location(self) -> str | None:
        """Where the browser takes the code; None: nowhere."""
        if self.return_url is None:
            return None
        return with_query(self.return_url, challenge=self.id, code=self.code)


@dataclass(slots=True)
class Refused:
    """A public error word, and seconds after which trying again may help."""

    word: str
    retry_after: float | None = None


Outcome = CodeSent | GoTo | HandedOver | SignedIn | Refused


class Mishap(enum.Enum):
    """Why a browser's sign-in does not go on, as a page tells it."""

    CANCELLED = "cancelled"
    REFUSED = "refused"  # the provider says no
    UNAVAILABLE = "unavailable"
    LIMITED = "limited"
    EXPIRED = "expired"  # or used already, or never begun here
    OTHER_BROWSER = "other_browser"  # begun in another one, or cookies are off
    MALFORMED = "malformed"


@dataclass(slots=True)
class Departure:
    """The browser goes to the provider's site at ``url``, bound to this sign-in by ``cookie``."""

    url: str
    cookie: str
    posts_back: bool  # the site answers by a form posted across sites


@dataclass(slots=True)
class Stranded:
    """The browser goes nowhere. ``app_name`` and ``return_url`` are known if the trip is."""

    mishap: Mishap
    app_name: str = ""
    return_url: str | None = None  # with which the app is told that nothing came of it
    again: str | None = None  # where the person can try once more
    retry_after: float | None = None  # seconds


@dataclass(slots=True)
class Landed:
    """The browser is back, and the person proven."""

    handed: HandedOver
    app_name: str
