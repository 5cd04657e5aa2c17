"""Somebody signs in by a provider, in each of the three ways."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from providers import Attempt, Context, Fields, Identity, Trip
from providers.oauth2 import OAuth2
from providers.oauth2.settings import OAuth2Config
from tests.providers.oauth2.reaching import APP, Times
from tests.servers.oidc_fake import AUTHORIZE, OidcFake
from tests.servers.oidc_flow import Flow
from tests.servers.oidc_grants import Asked
from tests.servers.oidc_keys import ABSENT
from tests.servers.tls import Authority
from tests.servers.visitor import Arrival, Visitor

RETURN: Final = APP.redirect_uris[0]
LACKING: Final = {"name": ABSENT, "preferred_username": ABSENT}  # changes to an ID token
# What an identity provider does instead of its answer
OUTAGES: Final = ["http503", "html", "redirect", "cut", "truncated_json", "empty", "huge"]


def is_ann(found: Identity) -> bool:
    """Whether it is she, with all that is known of her."""
    told = {"name": "Ann Example", "preferred_username": "ann", "email": "ann@example.test"}
    return (
        (found.subject, found.username) == ("ann-1", "ann")
        and (found.email, found.name) == ("ann@example.test", "Ann Example")
        and found.claims.items() >= {**told, "sub": "ann-1", "email_verified": True}.items()
    )


def attempt(identity: str) -> Attempt:
    return Attempt("app", "App", "corp", identity, "192.0.2.1", "r")


def new_trip(return_url: str = RETURN) -> Trip:
    """Return a trip as the gateway makes it."""
    return Trip(return_url, *(secrets.token_urlsafe(32) for _ in range(3)))


def provider(config: OAuth2Config, times: Times | None = None) -> OAuth2:
    return OAuth2("corp", config, Context(times or Times()))


async def from_app(oauth2: OAuth2, **fields: str) -> Identity:
    """Sign in with what an app sends."""
    sent = cast(Fields, fields)
    identity = oauth2.identify(sent)
    assert identity is not None
    return await oauth2.begin(attempt(identity), sent)


class Site:
    """A provider and its identity provider, with a browser in between."""

    def __init__(self, oauth2: OAuth2, idp: OidcFake, authority: Authority) -> None:
        self.oauth2 = oauth2
        self.idp = idp
        self._trust = authority.client()

    async def visit(self, trip: Trip) -> Arrival:
        """Go where the provider says, and be sent back."""
        return await self._walk(await self.oauth2.depart(trip))

    async def _walk(self, url: str) -> Arrival:
        async with Visitor(self._trust) as visitor:
            return await visitor.walk(url, {}, "")

    async def arrive(self, trip: Trip, answer: Mapping[str, str]) -> Identity:
        return await self.oauth2.arrive(attempt(""), trip, answer)

    async def in_browser(self, **changes: str) -> Identity:
        """Go there and back; ``changes`` are made to what the browser brings."""
        trip = new_trip()
        back = await self.visit(trip)
        return await self.arrive(trip, {**back.parameters, **changes})

    async def code(self, flow: Flow) -> dict[str, str]:
        """Return what an app sends that has run this flow itself."""
        back = await self._walk(flow.start(self.idp.url + AUTHORIZE))
        return {
            "code": back.parameters["code"],
            "code_verifier": flow.verifier,
            "redirect_uri": flow.redirect_uri,
        }

    async def by_code(self, **changes: Any) -> Identity:
        """Sign in with a code that an app has got; ``changes`` are made to what it sends."""
        sent = await self.code(Flow(APP.id, RETURN))
        return await from_app(self.oauth2, **(sent | changes))

    def access_token(self, text: str = "access-token") -> str:
        """Return an access token that the identity provider knows."""
        self.idp.state.tokens[text] = Asked(APP.id, RETURN, "", "openid")
        return text


NewSite = Callable[..., Site]
