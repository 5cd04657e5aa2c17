"""An app's part of a sign-in by authorization code (RFC 6749 4.1, RFC 7636), done by hand."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

import aiohttp

from tests.servers.oidc_grants import s256
from tests.servers.oidc_keys import changed


class Said(NamedTuple):
    """An answer to an app: ``body`` is read if it is JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Flow:
    """One sign-in; ``changes`` to its steps make it a wrong one (ABSENT leaves something out)."""

    def __init__(self, client_id: str, redirect_uri: str, scope: str = "openid email") -> None:
        self.client_id = client_id
        self.redirect_uri = redirect_uri
        self.scope = scope
        self.verifier = secrets.token_urlsafe(32)
        self.state = secrets.token_urlsafe(16)
        self.nonce = secrets.token_urlsafe(16)

    def start(self, authorization_endpoint: str, changes: Mapping[str, Any] | None = None) -> str:
        """Return where the browser goes first."""
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": s256(self.verifier),
            "code_challenge_method": "S256",
        }
        return f"{authorization_endpoint}?{urlencode(changed(query, changes or {}))}"

    def redemption(self, code: str, changes: Mapping[str, Any] | None = None) -> dict[str, str]:
        """Return the form for the token endpoint, without the client's proof."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        return changed(form, changes or {})


Form = Mapping[str, str] | Sequence[tuple[str, str]]


async def post(url: str, trust: ssl.SSLContext, form: Form, headers: Mapping[str, str]) -> Said:
    """Post a form."""
    return await _send("POST", url, trust, data=form, headers=headers)


async def get(url: str, trust: ssl.SSLContext, headers: Mapping[str, str]) -> Said:
    """Get a page; no redirect is followed."""
    return await _send("GET", url, trust, headers=headers)


async def _send(method: str, url: str, trust: ssl.SSLContext, **what: Any) -> Said:
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.request(method, url, ssl=trust, allow_redirects=False, **what) as reply,
    ):
        as_json = reply.content_type.endswith("json")
        body = await reply.json(content_type=None) if as_json else await reply.text()
        return Said(reply.status, reply.headers.copy(), body)
