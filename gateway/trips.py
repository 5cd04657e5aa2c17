"""Trips: sign-ins that go on in a browser, at a provider's own site, and come back.

A trip begins with an app's request and is known by its id. Whichever browser opens its URL gets a
``state`` of its own, which holds only together with that browser's cookie and for one return: so
neither a callback URL nor a trip that somebody else began can sign anybody in (RFC 9700 section
4.7). Nothing is stored at a departure; nonce and PKCE verifier are derived from the state.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from gateway import errors
from gateway.challenges import MAX_KEPT, Challenges, Lease
from gateway.digests import Digests
from gateway.errors import Refusal
from gateway.outcomes import HandOver
from gateway.stores import Window
from gateway.tickets import is_id, new_id
from providers import Trip

LIFETIME: Final = 600.0  # seconds
TRIES: Final = 255  # none is ever taken: a state either fits or is not looked up
COOKIE_SIZE: Final = 16  # bytes

_WORD: Final = "[A-Za-z0-9_-]{22}"
_COOKIE: Final = re.compile(_WORD)
_STATE: Final = re.compile(rf"({_WORD})\.({_WORD})\.([A-Za-z0-9_-]{{43}})")


@dataclass(frozen=True, slots=True)
class Journey:
    """What a trip is for."""

    app_id: str
    provider: str
    wish: HandOver


class Trips:
    """Trips: begun, bound to browsers, ended once."""

    def __init__(self, challenges: Challenges, digests: Digests) -> None:
        self._challenges = challenges
        self._digests = digests

    def _key(self, trip_id: str) -> bytes:
        return self._digests.name("trip", trip_id)

    async def begin(self, journey: Journey, count: Sequence[Window]) -> str:
        """Keep a trip; return its id. Raises ``Refusal``."""
        trip_id = new_id()
        wish = journey.wish
        memo = orjson.dumps(
            [journey.app_id, journey.provider, wish.return_url, wish.code_challenge]
        )
        if len(memo) > MAX_KEPT:
            raise Refusal(errors.BADREQUEST, "the app id and return_url are too long")
        await self._challenges.keep(
            self._key(trip_id), "", memo, lifetime=LIFETIME, tries=TRIES, count=count
        )
        return trip_id

    async def find(self, trip_id: str) -> Journey | None:
        """Return a trip that has not ended."""
        if not is_id(trip_id):
            return None
        memo = await self._challenges.read(self._key(trip_id))
        return _journey(memo) if memo else None

    def depart(self, trip_id: str, provider: str, cookie: str) -> str:
        """Return a new state for a browser with that cookie."""
        once = secrets.token_urlsafe(COOKIE_SIZE)
        return f"{trip_id}.{once}.{self._binding(trip_id, once, provider, cookie)}"

    def _binding(self, trip_id: str, once: str, provider: str, cookie: str) -> str:
        return self._digests.secret("state", trip_id, once, provider, cookie)

    def bound(self, state: str, provider: str, cookie: str) -> str | None:
        """Return the id of the trip whose state this is, if it is this provider's and browser's."""
        match = _STATE.fullmatch(state)
        if match is None or not is_cookie(cookie):
            return None
        expected = self._binding(match[1], match[2], provider, cookie)
        return match[1] if hmac.compare_digest(match[3], expected) else None

    def trip(self, state: str, return_url: str, lang: str = "") -> Trip:
        """What the provider is told, at the departure and again at the return."""
        nonce, verifier = (self._digests.secret(use, state) for use in ("nonce", "verifier"))
        return Trip(return_url, state, nonce, verifier, lang)

    def once(self, state: str) -> Window:
        """Where the one return of a state counts."""
        return Window(self._digests.name("state", state), 1, int(LIFETIME * 1000), "state 1")

    async def take(self, trip_id: str, count: Sequence[Window]) -> Lease | None:
        """Get the sole right to end a trip that has not ended. Raises ``Refusal``."""
        return await self._challenges.take(self._key(trip_id), "", count=count)


def read(lease: Lease) -> Journey:
    """What a trip that was taken is for."""
    return _journey(lease.memo)


def new_cookie() -> str:
    """What a browser is known by."""
    return secrets.token_urlsafe(COOKIE_SIZE)


def is_cookie(text: str) -> bool:
    """Whether a cookie can be one of ours."""
    return _COOKIE.fullmatch(text) is not None


def _journey(memo: bytes) -> Journey:
    app_id, provider, return_url, code_challenge = orjson.loads(memo)
    return Journey(app_id, provider, HandOver(return_url, code_challenge))
