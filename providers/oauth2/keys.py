"""The keys with which an issuer signs: fetched, kept, and found again by their names."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from providers._base import Rejected, Unavailable
from providers.oauth2 import jwks
from providers.oauth2.discovery import Discovery
from providers.oauth2.jwks import PublicKey, VerificationKey
from providers.oauth2.published import Copy, Published
from providers.oauth2.web import Web

FRESH: Final = 300.0  # seconds: so long a key that was withdrawn goes on to be good
STALE: Final = 3600.0  # the same while the issuer does not answer
GAP: Final = 30.0  # seconds between fetches for the sake of unknown keys
WITHIN: Final = 5.0  # seconds for the document

_Keys = tuple[VerificationKey, ...]


class Keys:
    """Finds keys. Whoever makes up names of keys causes a fetch every 30 seconds and no more."""

    def __init__(
        self, web: Web, discovery: Discovery, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._web = web
        self._discovery = discovery
        self._clock = clock
        self._published = Published(web.name, self._fetch, clock, fresh=FRESH, stale=STALE)
        self._next_renewal = clock()

    async def find(self, kid: str | None, alg: str) -> PublicKey:
        """Return the key that a token names, for the algorithm that it names.

        A token may leave the name out if there is one such key only (OpenID Connect Core 10.1).
        Raises ``Rejected`` if there is no such key, and ``Unavailable``.
        """
        asked = self._clock()
        copy = await self._published.get()
        found = _fitting(copy.value, kid, alg)
        if not found and copy.asked < asked:
            copy = await self._renewed()
            found = _fitting(copy.value, kid, alg)
        if not copy.value:
            raise Unavailable(self._web.name, "publishes no keys that signatures can be checked by")
        if len(found) != 1:
            raise Rejected("several keys fit the token" if found else "no key fits the token")
        return found[0]

    async def close(self) -> None:
        """End what is under way."""
        await self._published.close()

    async def _renewed(self) -> Copy[_Keys]:
        """Return what is published now, or was a moment ago."""
        if not self._published.under_way:
            if self._clock() < self._next_renewal:
                return self._published.latest()
            self._next_renewal = self._clock() + GAP
        return await self._published.renew()

    async def _fetch(self) -> _Keys:
        document = await self._web.json(await self._discovery.jwks_uri(), within=WITHIN)
        try:
            return jwks.read(document)
        except ValueError as error:
            raise Unavailable(self._web.name, f"jwks_uri: a document that {error}") from None


def _fitting(keys: _Keys, kid: str | None, alg: str) -> list[PublicKey]:
    return [each.key for each in keys if alg in each.algorithms and kid in (None, each.id)]
