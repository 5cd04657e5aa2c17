"""The codes and access tokens that an issuer gave away (RFC 6749 4.1, RFC 7636)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.servers.oidc_clients import Client, OAuthError
from tests.servers.oidc_keys import b64


@dataclass(frozen=True)
class Asked:
    """What a browser came with to the authorization endpoint, once it is found to be in order."""

    client_id: str
    redirect_uri: str
    challenge: str  # of S256
    scope: str
    nonce: str | None = None
    state: str | None = None
    response_mode: str = "query"

    @property
    def scopes(self) -> list[str]:
        return self.scope.split()


@dataclass
class Grants:
    """Each code is good for one access token; shown again, that token is void, too."""

    codes: dict[str, Asked] = field(default_factory=dict)
    tokens: dict[str, Asked] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)  # code: access token
    assertions: set[str] = field(default_factory=set)  # ids of those that clients have shown
    greeted: set[str] = field(default_factory=set)  # clients that were told who the person is

    def code(self, asked: Asked) -> str:
        code = secrets.token_urlsafe(24)
        self.codes[code] = asked
        return code

    def redeem(self, client: Client, form: Mapping[str, str]) -> tuple[str, Asked]:
        """Return an access token, and what was asked for. Raises ``OAuthError``."""
        if form.get("grant_type") != "authorization_code":
            raise OAuthError("unsupported_grant_type", "not a code")
        code = form.get("code", "")
        if code in self.used:
            self.tokens.pop(self.used[code], None)
            raise OAuthError("invalid_grant", "the code was used before")
        # Whatever comes with it, the code is spent: nobody may guess at the verifier.
        asked = self.codes.pop(code, None)
        if asked is None:
            raise OAuthError("invalid_grant", "there is no such code")
        if asked.client_id != client.id:
            raise OAuthError("invalid_grant", "the code is another client's")
        if asked.redirect_uri != form.get("redirect_uri"):
            raise OAuthError("invalid_grant", "redirect_uri is another one")
        if asked.challenge != s256(form.get("code_verifier", "")):
            raise OAuthError("invalid_grant", "the verifier is wrong")
        token = secrets.token_urlsafe(24)
        self.tokens[token] = asked
        self.used[code] = token
        return token, asked

    def who(self, authorization: str | None) -> Asked:
        """Return whose access token comes with a request. Raises ``OAuthError``."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() not in ("bearer", "token") or token not in self.tokens:
            raise OAuthError("invalid_token", "there is no such access token", 401)
        return self.tokens[token]


def asked_for(clients: Mapping[str, Client], query: Mapping[str, str]) -> Asked:
    """Read what a browser asks for. Raises ``ValueError`` if it must not even be sent back."""
    client = clients.get(query.get("client_id", ""))
    if client is None:
        raise ValueError("there is no such client")
    if query.get("redirect_uri") not in client.redirect_uris:
        raise ValueError("redirect_uri is not registered")
    return Asked(
        client.id,
        query["redirect_uri"],
        query.get("code_challenge", ""),
        query.get("scope", ""),
        query.get("nonce"),
        query.get("state"),
        query.get("response_mode", "query"),
    )


def check(query: Mapping[str, str], asked: Asked) -> None:
    """Raise ``OAuthError`` for what is to be told to the app."""
    if query.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "not a code")
    if query.get("code_challenge_method") != "S256" or len(asked.challenge) != 43:
        raise OAuthError("invalid_request", "no code_challenge by S256")
    if asked.response_mode not in ("query", "form_post"):
        raise OAuthError("invalid_request", "unknown response_mode")


def s256(verifier: str) -> str:
    """Return the challenge of a verifier (RFC 7636 4.2)."""
    return b64(hashlib.sha256(verifier.encode()).digest())
