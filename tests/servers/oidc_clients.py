"""The apps that an issuer knows, and how they prove at the token endpoint who they are.

RFC 6749 2.3.1 (basic, post), RFC 7523 2.2 with OpenID Connect Core 9 (private_key_jwt), and Apple's
client secret, which is a signed token
(developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret).
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import unquote_plus

from tests.servers.oidc_keys import Key, read

Method = Literal["client_secret_basic", "client_secret_post", "none", "private_key_jwt", "apple"]

ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_ASSERTION: Final = 600  # seconds
LONGEST_APPLE_SECRET: Final = 15_777_000  # seconds, as Apple says: six months
APPLE_AUDIENCE: Final = "https://appleid.apple.com"


class OAuthError(Exception):
    """A refusal: the word for ``error``, and for tests why."""

    def __init__(self, word: str, why: str, status: int = 400) -> None:
        super().__init__(f"{word}: {why}")
        self.word = word
        self.why = why
        self.status = status


def invalid_client(why: str) -> OAuthError:
    return OAuthError("invalid_client", why, 401)


@dataclass(frozen=True)
class Client:
    """An app. ``key`` is what it signs with; ``team`` is Apple's name for its maker.

    ``more`` is further metadata, for a real provider (OpenID Connect Dynamic Registration 2).
    """

    id: str
    redirect_uris: tuple[str, ...]
    auth: Method = "client_secret_basic"
    secret: str = ""
    key: Key | None = None
    team: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)


def authenticate(
    clients: Mapping[str, Client],
    authorization: str | None,
    form: Mapping[str, str],
    audience: Collection[str],
    seen: set[str],
) -> Client:
    """Return which client asks. ``seen`` are the ids of assertions, each good for once.

    Raises ``OAuthError``.
    """
    method, name, proof = _shown(authorization, form)
    client = clients.get(name)
    if client is None:
        raise invalid_client("there is no such client")
    if method != ("client_secret_post" if client.auth == "apple" else client.auth):
        raise invalid_client(f"the client proves itself by {client.auth}, this is {method}")
    if client.auth == "apple":
        _check_apple_secret(client, proof)
    elif client.auth == "private_key_jwt":
        _check_assertion(client, proof, audience, seen)
    elif proof != client.secret:
        raise invalid_client("the secret is wrong")
    return client


def _shown(authorization: str | None, form: Mapping[str, str]) -> tuple[Method, str, str]:
    """Return method, client and proof of the one way in which the client shows itself."""
    shown: list[tuple[Method, str, str]] = []
    if authorization is not None:
        shown.append(("client_secret_basic", *_basic(authorization)))
    name = form.get("client_id", "")
    if "client_secret" in form:
        shown.append(("client_secret_post", name, form["client_secret"]))
    if "client_assertion" in form or "client_assertion_type" in form:
        shown.append(("private_key_jwt", *_assertion(form)))
    if len(shown) > 1:
        raise OAuthError("invalid_request", "the client proves itself in two ways")
    if shown and name not in ("", shown[0][1]):
        raise OAuthError("invalid_request", "client_id is of another client")
    return shown[0] if shown else ("none", name, "")


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, credentials = authorization.partition(" ")
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise invalid_client("the credentials are no base64") from None
    name, colon, secret = decoded.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise invalid_client("the credentials are not basic")
    # Form-encoded before they are joined: RFC 6749 2.3.1.
    return unquote_plus(name), unquote_plus(secret)


def _assertion(form: Mapping[str, str]) -> tuple[str, str]:
    if form.get("client_assertion_type") != ASSERTION:
        raise invalid_client("the type of the assertion is unknown")
    assertion = form.get("client_assertion", "")
    _, claims = _read(assertion, None)
    return str(claims.get("sub")), assertion


def _read(token: str, key: Key | None) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        return read(token, key)
    except ValueError as error:
        raise invalid_client(f"the token is none: {error}") from None


def _check_signed(client: Client, token: str, issuer: str, longest: float) -> dict[str, Any]:
    if client.key is None:
        raise invalid_client("the client has no key")
    header, claims = _read(token, client.key)
    now = time.time()
    if header.get("alg") != client.key.alg or header.get("kid", client.key.kid) != client.key.kid:
        raise invalid_client("the header is not of the client's key")
    if claims.get("iss") != issuer or claims.get("sub") != client.id:
        raise invalid_client("iss or sub is not the client's")
    if not now - 1 < claims.get("exp", 0) < now + longest + 1:
        raise invalid_client("it is expired or lasts too long")
    if claims.get("iat", now) > now + 1 or claims.get("nbf", now) > now + 1:
        raise invalid_client("it is from the future")
    return claims


def _check_assertion(
    client: Client, assertion: str, audience: Collection[str], seen: set[str]
) -> None:
    claims = _check_signed(client, assertion, client.id, LONGEST_ASSERTION)
    if claims.get("aud") not in audience:
        raise invalid_client("it is for somebody else")
    name = claims.get("jti")
    if not isinstance(name, str) or name in seen:
        raise invalid_client("it was shown before, or cannot be told from others")
    seen.add(name)


def _check_apple_secret(client: Client, secret: str) -> None:
    claims = _check_signed(client, secret, client.team, LONGEST_APPLE_SECRET)
    if claims.get("aud") != APPLE_AUDIENCE or "iat" not in claims:
        raise invalid_client("it is not for Apple, or does not say since when")
    if "kid" not in _read(secret, None)[0]:
        raise invalid_client("it does not say which key has signed it")
