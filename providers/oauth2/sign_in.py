"""The three ways in, step by step: an ID token of an app's, a code of an app's, a browser.

All that one sign-in asks of the identity provider is done within ``timeout``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from providers._base import Identity, Meter, Rejected, Trip, Unavailable, UnknownIdentity
from providers.oauth2 import authorization, client_auth, exchange, people
from providers.oauth2.checking import Inspection
from providers.oauth2.discovery import Discovery, Endpoints
from providers.oauth2.exchange import Grant
from providers.oauth2.failures import unusable
from providers.oauth2.keys import Keys
from providers.oauth2.settings import OAuth2Config
from providers.oauth2.tokens import IdTokens, SignedClaims
from providers.oauth2.userinfo import Claims, Userinfo
from providers.oauth2.web import Web

# Seconds on top of the deadline of each request, so that it is the request that ends.
GRACE: Final = 0.1

Verify = Callable[..., Awaitable[SignedClaims]]


class SignIn:
    """Sign-ins at the identity provider ``name``. Every way raises ``LoginError``."""

    def __init__(self, name: str, config: OAuth2Config, meter: Meter) -> None:
        self._name = name
        self._config = config
        self._profile = profile = config.profile
        self._web = web = Web(name, config, meter)
        self._discovery = Discovery(web, profile)
        self._keys = Keys(web, self._discovery)
        self._tokens = IdTokens(name, profile, config, self._keys)
        self._authenticate = client_auth.create(config)
        self._userinfo = Userinfo(web, profile, self._discovery)

    async def by_token(
        self, unverified: str, nonce: str | None, access_token: str | None
    ) -> Identity:
        """Sign in with an ID token that an app has got."""
        if access_token is not None and not exchange.is_access_token(access_token):
            raise Rejected("what no access token looks like")
        async with self._time_limit() as deadline:
            signed = await self._tokens.from_app(unverified, nonce=nonce, access_token=access_token)
            claims = await self._userinfo.completed(signed.claims, access_token, deadline)
        identity = people.identity(self._profile, claims)
        identity.proof = signed.proof
        return identity

    async def by_code(
        self, code: str, verifier: str, redirect_uri: str, nonce: str | None
    ) -> Identity:
        """Sign in with a code that an app has got for one of its own redirect URIs."""
        grant = Grant(code, verifier, redirect_uri)
        exchange.check(grant)
        async with self._time_limit() as deadline:
            endpoints = await self._discovery.endpoints()
            verify = partial(self._tokens.for_code, nonce=nonce)
            claims = await self._redeemed(endpoints, grant, verify, deadline)
        return people.identity(self._profile, claims)

    async def depart(self, trip: Trip) -> str:
        """Return where a browser goes."""
        async with self._time_limit():
            endpoints = await self._discovery.endpoints()
        return authorization.url(
            endpoints.authorization,
            self._config.client_id,
            trip,
            self._profile.scopes,
            self._profile.response_mode,
            self._config.authorization_params,
        )

    async def arrive(self, trip: Trip, answer: Mapping[str, str]) -> Identity:
        """Sign in with what a browser brought back."""
        code, names_issuer = authorization.read(self._name, answer, self._profile.issuers)
        grant = Grant(code, trip.verifier, trip.return_url)
        exchange.check(grant)
        async with self._time_limit() as deadline:
            endpoints = await self._discovery.endpoints()
            if endpoints.names_issuer and not names_issuer:
                raise Rejected("an answer without its issuer (iss), which announces to name itself")
            verify = partial(self._tokens.for_trip, nonce=trip.nonce)
            claims = await self._redeemed(endpoints, grant, verify, deadline)
        identity = people.identity(self._profile, claims)
        if self._profile.tells_name and identity.name is None:
            identity.name = authorization.told_name(answer.get("user", ""))
        return identity

    async def _redeemed(
        self, endpoints: Endpoints, grant: Grant, verify: Verify, deadline: float
    ) -> Claims:
        """Return what is told of whoever the code is for."""
        id_token, access_token = await exchange.redeem(
            self._web,
            endpoints.token,
            grant,
            self._authenticate,
            self._audience(endpoints),
            deadline,
        )
        if self._profile.issuer is None:
            if access_token is None:
                raise Unavailable(self._name, "an answer without an access token to a code")
            return await self._userinfo.of_bearer(access_token, deadline)
        if id_token is None:
            raise unusable(self._name, "gives no ID token: see scopes")
        try:
            signed = await verify(id_token, access_token=access_token)
        except UnknownIdentity as error:  # as the code was for this one, no other is to be asked
            raise Rejected(str(error)) from None
        return await self._userinfo.completed(signed.claims, access_token, deadline)

    def _audience(self, endpoints: Endpoints) -> str:
        """Whom a signed statement of the client's is for: the issuer, by the name it has itself."""
        issuer = self._profile.issuer
        if issuer is None or issuer != self._profile.announced:
            return endpoints.token
        return issuer

    @asynccontextmanager
    async def _time_limit(self) -> AsyncIterator[float]:
        """Give the monotonic deadline."""
        seconds = self._config.timeout
        try:
            async with asyncio.timeout(seconds + GRACE):
                yield time.monotonic() + seconds
        except TimeoutError:
            raise Unavailable(self._name, f"not done within {seconds:g} s") from None

    async def problems(self) -> list[str]:
        """Return what keeps people from signing in, as far as it can be seen without one."""
        return await Inspection(self._config, self._profile, self._web).problems()

    async def close(self) -> None:
        """End what is under way, and close the connections."""
        await self._keys.close()
        await self._discovery.close()
        await self._web.close()
