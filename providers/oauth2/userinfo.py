"""What an identity provider tells of the bearer of an access token.

OpenID Connect Core 5.3; GitHub's ``/user`` and ``/user/emails`` (docs.github.com/rest). It is asked
only for what the ID token lacks. An ID token is signed and stands above; where nothing but comfort
is missing, somebody signs in without it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, Final

import orjson
import structlog

from providers._base import LoginError, Rejected, Unavailable
from providers._connection import Reply
from providers.oauth2.discovery import Discovery, Endpoints
from providers.oauth2.failures import unusable
from providers.oauth2.presets import Profile
from providers.oauth2.web import Web, json_object

Claims = Mapping[str, Any]

_EMAIL: Final = ("email", "email_verified")
_PHONE: Final = ("phone_number", "phone_number_verified")
# Without its scope there is no such claim (OpenID Connect Core 5.4).
_SCOPES: Final = {
    **dict.fromkeys(_EMAIL, "email"),
    **dict.fromkeys(_PHONE, "phone"),
    **dict.fromkeys(("name", "given_name", "family_name", "middle_name"), "profile"),
    **dict.fromkeys(("nickname", "preferred_username", "locale"), "profile"),
}
_JWT: Final = re.compile(rb"\s*[\w-]+(\.[\w-]*){2,4}\s*")  # signed, or encrypted

log = structlog.get_logger()


class Userinfo:
    """Asks for one provider. Deadlines are monotonic seconds."""

    def __init__(self, web: Web, profile: Profile, discovery: Discovery) -> None:
        self._web = web
        self._profile = profile
        self._discovery = discovery

    async def of_bearer(self, access_token: str, deadline: float) -> Claims:
        """Return what is told of whoever has no ID token. Raises ``LoginError``."""
        endpoints = await self._discovery.endpoints()
        if endpoints.userinfo is None:
            raise unusable(self._web.name, "names no userinfo_endpoint")
        return await self._ask(endpoints, endpoints.userinfo, access_token, deadline)

    async def completed(self, signed: Claims, access_token: str | None, deadline: float) -> Claims:
        """Return the claims of an ID token, with those that it lacks.

        Raises ``Rejected`` for an access token of somebody else, and ``LoginError`` if there is no
        answer and nobody may sign in without.
        """
        lacking = missing(self._profile, signed)
        if not lacking or access_token is None:
            return signed
        try:
            endpoints = await self._discovery.endpoints()
            if endpoints.userinfo is None:
                return signed
            told = await self._ask(endpoints, endpoints.userinfo, access_token, deadline)
        except LoginError as error:
            self._do_without(lacking, error)
            return signed
        if told.get("sub") != signed["sub"]:  # OpenID Connect Core 5.3.2
            log.error("userinfo is of another person than the ID token", provider=self._web.name)
            raise Rejected("userinfo is of another person than the ID token")
        return joined(self._profile, signed, told)

    async def _ask(
        self, endpoints: Endpoints, url: str, access_token: str, deadline: float
    ) -> Claims:
        told = read(self._web.name, await self._get(url, access_token, deadline))
        if endpoints.emails is None:
            return told
        address = None
        try:
            reply = await self._get(endpoints.emails, access_token, deadline)
            address = read_emails(self._web.name, reply)
        except LoginError as error:
            self._do_without({*_EMAIL}, error)
        return with_address(told, address)

    async def _get(self, url: str, access_token: str, deadline: float) -> Reply:
        within = max(0.0, deadline - time.monotonic())
        return await self._web.fetch("GET", url, within=within, headers=headers(access_token))

    def _do_without(self, lacking: set[str], error: LoginError) -> None:
        """Raise ``error`` if one of these claims decides on who somebody is, or may sign in."""
        if not lacking.isdisjoint((*self._profile.require, *self._profile.subject)):
            raise error
        log.warning("userinfo is left out", provider=self._web.name, detail=str(error))


def missing(profile: Profile, signed: Claims) -> set[str]:
    """Return the claims that an ID token lacks and that there might be."""
    wanted = {*profile.claims.values(), *profile.require, *profile.subject}
    return {
        name
        for name in wanted
        if name
        and name not in signed
        and _SCOPES.get(name, "openid") in ("openid", *profile.scopes)
    }


def joined(profile: Profile, signed: Claims, told: Claims) -> Claims:
    """Return the claims of an ID token, with others that go with it.

    An address or number keeps company with the claim that says it is verified: what is said of
    one is not true of another.
    """
    claims = {**told, **signed}
    email = {"email", profile.claims.get("email") or "email"}
    phone = {"phone_number", profile.claims.get("phone") or "phone_number"}
    for flag, names in ((profile.email_verified[0], email), (_PHONE[1], phone)):
        source = signed if flag in signed and names & signed.keys() else told
        for name in (flag, *names):
            claims.pop(name, None)
            if name in source:
                claims[name] = source[name]
    return claims


def with_address(told: Claims, address: str | None) -> Claims:
    """Return claims with this verified address, or none at all."""
    others = {name: value for name, value in told.items() if name not in _EMAIL}
    return others if address is None else {**others, "email": address, "email_verified": True}


def headers(access_token: str) -> dict[str, str]:
    """Return what a request is made with: the token travels in no other way (RFC 6750 2.1)."""
    return {
        "Authorization": f"Bearer {access_token}",
        "Accept": "application/json",
        "User-Agent": "messenger-auth-gateway",  # GitHub refuses whoever has no name
    }


def read(provider: str, reply: Reply) -> Claims:
    """Return the claims. Raises ``Rejected`` if the token is not good, else ``Unavailable``."""
    _check(provider, reply)
    try:
        return json_object(reply.body)
    except ValueError as error:
        raise Unavailable(provider, f"userinfo that {error}") from None


def read_emails(provider: str, reply: Reply) -> str | None:
    """Return the verified primary address of a list of GitHub's. Raises as ``read``."""
    _check(provider, reply)
    try:
        entries = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        raise Unavailable(provider, "addresses that are no JSON") from None
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("primary") is True is entry.get("verified"):
            address = entry.get("email")
            return address if isinstance(address, str) else None
    return None


def _check(provider: str, reply: Reply) -> None:
    if reply.status == 401:
        raise Rejected("the identity provider does not take the access token")
    if reply.status == 403 and reply.retry_after is None:
        raise unusable(provider, "userinfo is forbidden: see scopes")
    if reply.status != 200:
        raise Unavailable(provider, f"HTTP status {reply.status} for userinfo", reply.retry_after)
    if _JWT.fullmatch(reply.body):
        detail = "gives userinfo as a JWT: have it give JSON (userinfo_signed_response_alg)"
        raise unusable(provider, detail)
