"""Tickets: what a sign-in in a browser leaves for the app, to be exchanged for the token.

The browser carries a challenge id and a one-time code, never the token. The code is good for a
minute and one try, for the app id that it was made for, and together with the app's
``code_verifier`` only, if the app gave a challenge (RFC 7636, S256).
"""

from __future__ import annotations

import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import orjson

from gateway.challenges import MAX_KEPT, Challenges, Lease, plain_digits
from gateway.digests import Digests
from gateway.outcomes import HandedOver, HandOver
from gateway.stores import Window
from providers import Unavailable

LIFETIME: Final = 60.0  # seconds
ID_SIZE: Final = 16  # bytes
CODE_SIZE: Final = 16  # bytes of a code that a browser carries
TYPED_DIGITS: Final = 8  # of a code that a person carries

_ID: Final = re.compile("[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who signed in, and by which provider."""

    address: str
    name: str | None
    provider: str


def new_id() -> str:
    """The name of one sign-in: 22 characters, unguessable."""
    return secrets.token_urlsafe(ID_SIZE)


def is_id(text: str) -> bool:
    """Whether this can be the name of a sign-in."""
    return _ID.fullmatch(text) is not None


class Tickets:
    """Tickets: made, shown, used up."""

    def __init__(self, challenges: Challenges, digests: Digests) -> None:
        self._challenges = challenges
        self._digests = digests

    def _key(self, app_id: str, challenge: str) -> bytes:
        return self._digests.name("ticket", app_id, challenge)

    async def make(
        self, app_id: str, challenge: str, ticket: Ticket, hand_over: HandOver
    ) -> HandedOver:
        """Keep a ticket under the id ``challenge``, of which nobody has a code so far.

        Raises ``Unavailable``.
        """
        if hand_over.return_url is None:
            code = str(secrets.randbelow(10**TYPED_DIGITS)).zfill(TYPED_DIGITS)
        else:
            code = secrets.token_hex(CODE_SIZE)
        memo = orjson.dumps([ticket.address, ticket.name, ticket.provider])
        if len(memo) > MAX_KEPT:
            raise Unavailable(ticket.provider, "the address is too long")
        await self._challenges.keep(
            self._key(app_id, challenge),
            _bound(code, hand_over.code_challenge),
            memo,
            lifetime=LIFETIME,
            tries=1,
        )
        return HandedOver(ticket.provider, challenge, code, LIFETIME, hand_over.return_url)

    async def take(
        self, app_id: str, challenge: str, code: str, verifier: str, count: Sequence[Window]
    ) -> Lease | None:
        """Try a code. A wrong one, or a wrong verifier, is the end of the ticket.

        Raises ``Refusal``.
        """
        bound = _bound(plain_digits(code), s256(verifier) if verifier else "")
        return await self._challenges.take(self._key(app_id, challenge), bound, count=count)


def read(lease: Lease) -> Ticket:
    """What is in a ticket that was taken."""
    address, name, provider = orjson.loads(lease.memo)
    return Ticket(address, name, provider)


def s256(verifier: str) -> str:
    """The challenge that a verifier answers (RFC 7636 section 4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest())[:-1].decode()


def _bound(code: str, code_challenge: str) -> str:
    return f"{code}.{code_challenge}"
