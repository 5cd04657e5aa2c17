"""How the gateway proves at the token endpoint which client it is (RFC 6749 2.3, RFC 7523)."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from providers.oauth2.settings import OAuth2Config

LIFETIME: Final = 60  # seconds of a signed statement: it is made for one request
JWT_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
APPLE: Final = "https://appleid.apple.com"

_ECDSA: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


class Credentials(NamedTuple):
    """What to add to a request."""

    headers: Mapping[str, str]
    form: Mapping[str, str]


# Takes the audience: who is to believe it. The issuer's identifier, where there is one.
ClientAuth = Callable[[str], Credentials]


def create(config: OAuth2Config) -> ClientAuth:
    """Return what ``config``, which is valid, asks for."""
    client_id = config.client_id
    secret, pem = (
        given.get_secret_value() if given else ""
        for given in (config.client_secret, config.private_key)
    )
    match config.profile.client_auth:
        case "basic":
            return basic(client_id, secret)
        case "post":
            return post(client_id, secret)
        case "none":
            return public(client_id)
        case "private_key_jwt":
            return private_key_jwt(client_id, pem, config.key_id)
        case "apple":
            return apple(client_id, pem, config.key_id or "", config.team_id or "")


def basic(client_id: str, secret: str) -> ClientAuth:
    """``client_secret_basic``. Both are form-encoded first (RFC 6749 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    header = "Basic " + base64.b64encode(pair.encode()).decode()
    return lambda _audience: Credentials({"Authorization": header}, {})


def post(client_id: str, secret: str) -> ClientAuth:
    """``client_secret_post``."""
    form = {"client_id": client_id, "client_secret": secret}
    return lambda _audience: Credentials({}, form)


def public(client_id: str) -> ClientAuth:
    """``none``: a client without a secret; PKCE alone protects its codes."""
    return lambda _audience: Credentials({}, {"client_id": client_id})


def private_key_jwt(client_id: str, pem: str, key_id: str | None) -> ClientAuth:
    """``private_key_jwt`` (RFC 7523 2.2, 3). Raises ``ValueError`` for what is no private key."""
    sign = _signer(pem, key_id)

    def authenticate(audience: str) -> Credentials:
        # The issuer as the only audience: whoever gets it cannot use it at another server
        # (draft-ietf-oauth-rfc7523bis).
        assertion = sign({"iss": client_id, "sub": client_id, "aud": audience})
        form = {
            "client_id": client_id,
            "client_assertion_type": JWT_BEARER,
            "client_assertion": assertion,
        }
        return Credentials({}, form)

    return authenticate


def apple(client_id: str, pem: str, key_id: str, team_id: str) -> ClientAuth:
    """Apple's client secret, a signed statement of the team's.

    Source: developer.apple.com, "Creating a client secret".
    """
    sign = _signer(pem, key_id)

    def authenticate(_audience: str) -> Credentials:
        secret = sign({"iss": team_id, "sub": client_id, "aud": APPLE})
        return Credentials({}, {"client_id": client_id, "client_secret": secret})

    return authenticate


def _signer(pem: str, key_id: str | None) -> Callable[[dict[str, Any]], str]:
    key, algorithm = _private_key(pem)
    header = {"alg": algorithm} | ({"kid": key_id} if key_id else {})

    def sign(claims: dict[str, Any]) -> str:
        now = int(time.time())
        claims |= {"iat": now, "exp": now + LIFETIME, "jti": secrets.token_urlsafe(16)}
        return jwt.encode(header, claims, key, algorithms=[algorithm])

    return sign


def _private_key(pem: str) -> tuple[RSAKey | ECKey, str]:
    """Return a key and the algorithm that it signs with."""
    key = load_pem_private_key(pem.encode(), None)
    if isinstance(key, RSAPrivateKey):
        return RSAKey.import_key(pem), "RS256"
    if isinstance(key, EllipticCurvePrivateKey) and key.curve.name in _ECDSA:
        return ECKey.import_key(pem), _ECDSA[key.curve.name]
    raise ValueError("must be an RSA key, or one of the curves P-256, P-384 and P-521")
