"""Tokens of an issuer that has a key for every algorithm, and whoever else signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, get_args

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import strategies as st
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from providers import Proof, Rejected, UnknownIdentity
from providers.oauth2.presets import resolve
from providers.oauth2.settings import Algorithm, OAuth2Config
from providers.oauth2.tokens import IdTokens, SignedClaims
from tests.providers.oauth2.reaching import settings
from tests.servers import oidc_keys
from tests.servers.oidc_keys import ABSENT, Signer, changed, jwt

ISSUER: Final = "https://idp.example"
NOW: Final = 1_800_000_000.0
ALGORITHMS: Final = get_args(Algorithm)
CLAIMS: Final[Mapping[str, Any]] = {
    "iss": ISSUER,
    "aud": "app",
    "sub": "ann-1",
    "iat": int(NOW),
    "exp": int(NOW) + 300,
}
_HASHES: Final = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


@dataclass(frozen=True)
class LongKey:
    """The algorithms that ``oidc_keys.Key`` has not."""

    alg: str
    kid: str

    @property
    def header(self) -> Mapping[str, Any]:
        return {"alg": self.alg, "kid": self.kid}

    @property
    def private(self) -> Any:
        return _private(self.alg[:2])

    def sign(self, data: bytes) -> bytes:
        digest = _HASHES[self.alg[2:]]
        if self.alg.startswith("ES"):
            r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(digest)))
            return b"".join(half.to_bytes(48, "big") for half in (r, s))
        pss = padding.PSS(padding.MGF1(digest), salt_length=digest.digest_size)
        pad = pss if self.alg.startswith("PS") else padding.PKCS1v15()
        signature: bytes = self.private.sign(data, pad, digest)
        return signature


@cache
def _private(kind: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    if kind == "ES":
        return ec.generate_private_key(ec.SECP384R1())
    return rsa.generate_private_key(65537, 2048)


@cache
def key(alg: str) -> oidc_keys.Key | LongKey:
    """Return the issuer's key for an algorithm; its name is that of the algorithm."""
    usual = alg in ("RS256", "PS256", "ES256", "EdDSA")
    return oidc_keys.Key(alg, alg) if usual else LongKey(alg, alg)


@cache
def public(alg: str) -> Key:
    native: Any = key(alg).private.public_key()
    if alg == "EdDSA":
        return OKPKey.import_key(native)
    return ECKey.import_key(native) if alg.startswith("ES") else RSAKey.import_key(native)


class Published:
    """Finds keys as an issuer publishes them, and remembers what was looked for."""

    def __init__(self) -> None:
        self.sought: list[tuple[str | None, str]] = []

    async def find(self, kid: str | None, alg: str) -> Key:
        self.sought.append((kid, alg))
        if kid is not None and kid != alg:
            raise Rejected("no key fits the token")
        return public(alg)


def token(
    changes: Mapping[str, Any] | None = None,
    *,
    by: Signer | None = None,
    header: Mapping[str, Any] | None = None,
) -> str:
    """Return an ID token, sound but for the changes."""
    signer = by or key("RS256")
    top = changed({**signer.header, "typ": "JWT"}, header or {})
    return jwt(top, changed(CLAIMS, changes or {}), signer)


def verifier(published: Published | None = None, clock: Any = lambda: NOW, **keys: Any) -> IdTokens:
    """Return what verifies the issuer's tokens, configured with ``keys`` besides the usual."""
    config: OAuth2Config = settings(**{"issuer": ISSUER, **keys})
    return IdTokens("corp", resolve(config), config, published or Published(), clock=clock)


EVERY: Final[Mapping[str, Any]] = {"algorithms": list(ALGORITHMS)}
NONCE: Final = "n-0S6_WzA2Mj"
# Microsoft's directories
ONE: Final = "b3a1e6a0-0d4c-4a52-9b6c-6d1f3f1c5a10"
TWO: Final = "66666666-7777-8888-9999-000000000000"


def at(**seconds: Any) -> str:
    """Return a token with times so many seconds from now."""
    return token({k: v if v is ABSENT else NOW + v for k, v in seconds.items()})


async def from_app(
    unverified: str, *, nonce: str | None = None, access_token: str | None = None, **keys: Any
) -> SignedClaims:
    return await verifier(**keys).from_app(unverified, nonce=nonce, access_token=access_token)


async def refusal(unverified: str, **options: Any) -> str:
    """Return why a token is refused, for a reason that concerns this provider alone."""
    with pytest.raises(Rejected) as caught:
        await from_app(unverified, **options)
    assert not isinstance(caught.value, UnknownIdentity)
    return str(caught.value)


async def proof_of(unverified: str, **keys: Any) -> Proof:
    proof = (await from_app(unverified, **keys)).proof
    assert proof is not None
    return proof


# Anything that JSON can say
JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
