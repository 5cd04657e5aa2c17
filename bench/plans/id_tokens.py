"""What it costs to verify an ID token, against its signature alone, and against a library alone."""

from __future__ import annotations

import asyncio
import base64
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from bench import fresh
from bench.figures import Effort, Figure, paired
from gateway.metrics import Metrics
from providers.oauth2.discovery import Discovery
from providers.oauth2.keys import Keys
from providers.oauth2.presets import resolve
from providers.oauth2.settings import OAuth2Config
from providers.oauth2.tokens import IdTokens
from providers.oauth2.web import Web

ISSUER: Final = "https://idp.example.com"
CLIENT: Final = "1234567890-web.apps.example.com"
NONCE: Final = "n" * 43
SHARE: Final = 5  # a run has so many fewer tokens than those of other plans have logins

FIGURES: Final = (
    Figure("T11r", "ID token, RS256, keys cached: CPU / signature alone", "x", at_most=3),
    Figure("T11e", "ID token, ES256, keys cached: CPU / signature alone", "x", at_most=2),
    Figure("jr", "ID token, RS256: CPU / joserfc, signature and claims", "x"),
    Figure("je", "ID token, ES256: CPU / joserfc, signature and claims", "x"),
    *(
        Figure(f"{way}{alg}", what, "us")
        for alg, name in (("r", "RS256"), ("e", "ES256"))
        for way, what in (
            ("v", f"ID token, {name}, by the provider"),
            ("l", f"ID token, {name}, by joserfc"),
            ("s", f"signature alone, {name}"),
        )
    ),
)


class Token(NamedTuple):
    """A token, and what shows that it is good."""

    text: str
    key: RSAKey | ECKey
    check_signature: Callable[[], object]  # takes it as the library wants it, nothing to be decoded


Way = Callable[[], Awaitable[object]]


def measure(effort: Effort) -> Mapping[str, list[float]]:
    cpu = fresh.run(_measure, effort)
    return {
        "T11r": paired(cpu["vr"], cpu["sr"]),
        "T11e": paired(cpu["ve"], cpu["se"]),
        "jr": paired(cpu["vr"], cpu["lr"]),
        "je": paired(cpu["ve"], cpu["le"]),
        **cpu,
    }


def _measure(effort: Effort) -> dict[str, list[float]]:
    return asyncio.run(_rounds(effort))


async def _rounds(effort: Effort) -> dict[str, list[float]]:
    ways = {
        f"{name}{alg}": way
        for alg, token in (("r", _rs256()), ("e", _es256()))
        for name, way in (
            ("v", _by_the_provider(token)),
            ("l", _by_joserfc(token)),
            ("s", _signature(token)),
        )
    }
    cpu: dict[str, list[float]] = defaultdict(list)
    for turn in range(effort.rounds + 1):
        for name in list(ways)[:: 1 if turn % 2 == 0 else -1]:
            cpu[name].append(await _run(ways[name], effort.logins // SHARE))
    return {name: values[1:] for name, values in cpu.items()}  # the first warms up


async def _run(way: Way, tokens: int) -> float:
    """Microseconds for each token."""
    started = time.process_time()
    for _ in range(tokens):
        await way()
    return (time.process_time() - started) / tokens * 1e6


def _by_the_provider(token: Token) -> Way:
    keys = {"keys": [{**token.key.as_dict(private=False), "kid": "1"}]}

    class Documents(Web):
        async def json(self, url: str, *, within: float) -> dict[str, Any]:
            return keys

    config = OAuth2Config.model_validate(
        {"issuer": ISSUER, "client_id": CLIENT, "jwks_uri": f"{ISSUER}/keys"}
    )
    profile = resolve(config)
    web = Documents("idp", config, Metrics())
    tokens = IdTokens("idp", profile, config, Keys(web, Discovery(web, profile)))
    return lambda: tokens.from_app(token.text, nonce=NONCE, access_token=None)


def _by_joserfc(token: Token) -> Way:
    registry = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": CLIENT},
        exp={"essential": True},
        nonce={"essential": True, "value": NONCE},
    )
    algorithms = ["RS256", "ES256", "PS256"]

    async def verify() -> None:
        registry.validate(jwt.decode(token.text, token.key, algorithms=algorithms).claims)

    return verify


def _signature(token: Token) -> Way:
    async def verify() -> None:
        token.check_signature()

    return verify


def _rs256() -> Token:
    private = rsa.generate_private_key(65537, 2048)
    text, signed, signature = _signed("RS256", RSAKey.import_key(private))
    public, pad = private.public_key(), padding.PKCS1v15()
    return Token(
        text,
        RSAKey.import_key(public),
        lambda: public.verify(signature, signed, pad, hashes.SHA256()),
    )


def _es256() -> Token:
    private = ec.generate_private_key(ec.SECP256R1())
    text, signed, signature = _signed("ES256", ECKey.import_key(private))
    halves = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    public, encoded = private.public_key(), encode_dss_signature(*halves)
    return Token(
        text,
        ECKey.import_key(public),
        lambda: public.verify(encoded, signed, ec.ECDSA(hashes.SHA256())),
    )


def _signed(alg: str, key: RSAKey | ECKey) -> tuple[str, bytes, bytes]:
    """Return a token such as identity providers make, what is signed in it, and the signature."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": CLIENT,
        "azp": CLIENT,
        "sub": "110248495921238986420",
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "nonce": NONCE,
        "email": "ann@example.com",
        "email_verified": True,
        "name": "Ann Example",
        "picture": "https://idp.example.com/people/ann.jpg",
        "locale": "en",
    }
    text = jwt.encode({"alg": alg, "kid": "1"}, claims, key)
    signed, _, signature = text.rpartition(".")
    return text, signed.encode(), base64.urlsafe_b64decode(signature + "==")
