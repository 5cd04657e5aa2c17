"""Authorization codes that are spent, though the token could not be had.

An identity provider redeems a code once. What it proved is kept for as long as apps try again, for
whoever has the same code with the same ``code_verifier``.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import orjson

from gateway.challenges import MAX_KEPT, Challenges, Lease
from gateway.digests import Digests
from providers import Fields

LIFETIME: Final = 300.0  # seconds
TRIES: Final = 1  # none is ever taken: a code either fits or is not found


class Kept(NamedTuple):
    """Who the code was for."""

    address: str
    name: str | None


class SpentCodes:
    """Kept, and used up."""

    def __init__(self, challenges: Challenges, digests: Digests) -> None:
        self._challenges = challenges
        self._digests = digests

    def key(self, app_id: str, provider: str, fields: Fields) -> bytes | None:
        """Where what the code in a request proved is kept; None: there is no code."""
        if "code" not in fields:
            return None
        parts = (fields["code"], fields.get("code_verifier", ""), fields.get("redirect_uri", ""))
        return self._digests.name("spent", app_id, provider, self._digests.secret("spent", *parts))

    async def keep(self, key: bytes, kept: Kept) -> None:
        """Keep what a code proved. Raises ``StoreUnavailable``."""
        memo = orjson.dumps([*kept])
        if len(memo) <= MAX_KEPT:
            await self._challenges.keep(key, "", memo, lifetime=LIFETIME, tries=TRIES)

    async def take(self, key: bytes) -> Lease | None:
        """Get the sole right to what is kept, if anything is. Raises ``Refusal``."""
        return await self._challenges.take(key, "", count=())


def read(lease: Lease) -> Kept:
    """What was kept."""
    return Kept(*orjson.loads(lease.memo))
