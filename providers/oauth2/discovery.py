"""Where the endpoints are: by OpenID Connect Discovery 1.0 section 4, or as the operator says."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from providers._base import Unavailable
from providers.oauth2.failures import unusable
from providers.oauth2.presets import Profile
from providers.oauth2.published import Published
from providers.oauth2.web import Web

FRESH: Final = 3600.0  # seconds: endpoints hardly ever move
STALE: Final = 86400.0
WITHIN: Final = 5.0  # seconds for the document

NAMES: Final = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")

Document = Mapping[str, Any]


class Endpoints(NamedTuple):
    """Of one identity provider; all are sound URLs."""

    issuer: str | None  # as configured; None: plain OAuth 2.0
    authorization: str
    token: str
    userinfo: str | None
    emails: str | None  # GitHub's
    jwks_uri: str | None
    names_issuer: bool  # whether its answers name it (RFC 9207)


class Discovery:
    """Finds the endpoints when they are first needed, so that a start needs no identity provider.

    They are asked for again after an hour, and used for a day while there is no answer. Endpoints
    that the configuration names stand above; if it names all that a sign-in needs, nobody is asked.
    """

    def __init__(
        self, web: Web, profile: Profile, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._web = web
        self._profile = profile
        self._document = Published(web.name, self._fetch, clock, fresh=FRESH, stale=STALE)

    async def endpoints(self) -> Endpoints:
        """Return them. Raises ``Unavailable``."""
        profile = self._profile
        document = (await self._document.get()).value if profile.needs_discovery else {}
        authorization, token, userinfo, jwks_uri = (
            getattr(profile, name) or document.get(name) for name in NAMES
        )
        if authorization is None or token is None:
            raise unusable(self._web.name, "names no authorization_endpoint or no token_endpoint")
        names_issuer = document.get("authorization_response_iss_parameter_supported") is True
        return Endpoints(
            profile.issuer,
            authorization,
            token,
            userinfo,
            profile.emails_endpoint,
            jwks_uri,
            names_issuer,
        )

    async def jwks_uri(self) -> str:
        """Return where the keys are, which may be all that there is. Raises ``Unavailable``."""
        if self._profile.jwks_uri is not None:
            return self._profile.jwks_uri
        uri: str | None = (await self._document.get()).value.get("jwks_uri")
        if uri is None:
            raise unusable(self._web.name, "names no jwks_uri")
        return uri

    async def close(self) -> None:
        """End what is under way."""
        await self._document.close()

    async def _fetch(self) -> Document:
        if self._profile.issuer is None:
            raise Unavailable(self._web.name, "has no issuer to be asked")
        document = await self._web.json(location(self._profile.issuer), within=WITHIN)
        for fault in faults(document, self._profile, self._web):
            raise unusable(self._web.name, f"{fault}; run check --connect")
        return document


def location(issuer: str) -> str:
    """Return where the discovery document of an issuer is (section 4)."""
    return issuer.removesuffix("/") + "/.well-known/openid-configuration"


def faults(document: Document, profile: Profile, web: Web) -> list[str]:
    """Return why a discovery document must not be used."""
    if document.get("issuer") != profile.announced:
        return ["the discovery document is another issuer's"]
    found = []
    for name in NAMES:
        told = document.get(name)
        if told is None or getattr(profile, name) is not None:
            continue
        try:
            web.endpoint(told)
        except ValueError as error:
            found.append(f"{name} of the discovery document {error}")
    return found
