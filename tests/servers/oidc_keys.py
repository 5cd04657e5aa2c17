"""JSON Web Tokens, sound and forged (RFC 7515, 7518, 8037): by none of the code under test."""

from __future__ import annotations

import base64
import datetime
import functools
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.x509.oid import NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
SHA256: Final = hashes.SHA256()
PSS: Final = padding.PSS(padding.MGF1(SHA256), salt_length=32)


class Absent:
    """Stands for an entry that is taken out."""


ABSENT: Final = Absent()


def changed(entries: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``entries`` with ``changes``; what is ABSENT there is taken out."""
    return {k: v for k, v in {**entries, **changes}.items() if v is not ABSENT}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(value: int, size: int | None = None) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class Signer(Protocol):
    """Who signs, and what the header says of it."""

    @property
    def header(self) -> Mapping[str, Any]: ...

    def sign(self, data: bytes) -> bytes: ...


@dataclass(frozen=True)
class Unsigned:
    """``none`` in some spelling, and no signature."""

    alg: str = "none"

    @property
    def header(self) -> Mapping[str, Any]:
        return {"alg": self.alg}

    def sign(self, data: bytes) -> bytes:
        return b""


@dataclass(frozen=True)
class Shared:
    """HS256 with a secret, or with what everybody knows: the PEM of a public key."""

    secret: bytes

    @property
    def header(self) -> Mapping[str, Any]:
        return {"alg": "HS256"}

    def sign(self, data: bytes) -> bytes:
        return hmac.digest(self.secret, data, hashlib.sha256)


@dataclass(frozen=True)
class Key:
    """A private key: RS256, PS256, ES256 or EdDSA (Ed25519)."""

    alg: str = "RS256"
    kid: str = field(default_factory=lambda: secrets.token_urlsafe(8))

    @functools.cached_property
    def private(self) -> PrivateKey:
        return _KINDS[self.alg].make()

    @property
    def header(self) -> Mapping[str, Any]:
        return {"alg": self.alg, "kid": self.kid}

    @property
    def jwk(self) -> dict[str, str]:
        """The public key (RFC 7517), with kid, alg and use."""
        return {**_public_numbers(self.private), "kid": self.kid, "alg": self.alg, "use": "sig"}

    @property
    def private_pem(self) -> bytes:
        """PKCS #8, not encrypted."""
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @property
    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def x5c(self) -> list[str]:
        """A certificate that the key has signed itself, as in the header ``x5c``."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(name, name, self.private.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now)
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        digest = None if self.alg == "EdDSA" else SHA256
        signed = builder.sign(self.private, digest)
        return [base64.b64encode(signed.public_bytes(serialization.Encoding.DER)).decode()]

    def sign(self, data: bytes) -> bytes:
        return _KINDS[self.alg].sign(self.private, data)

    def verifies(self, data: bytes, signature: bytes) -> bool:
        """Whether the key has signed this. What an ECDSA signature is, is its caller's to know."""
        try:
            _KINDS[self.alg].verify(self.private, data, signature)
        except (InvalidSignature, ValueError):
            return False
        return True


def jwt(header: Mapping[str, Any] | bytes, claims: Mapping[str, Any] | bytes, by: Signer) -> str:
    """Return a token of exactly this header and these claims (bytes: of any text whatever)."""
    parts = (
        part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)
    )
    signed = ".".join(b64(part) for part in parts)
    return f"{signed}.{b64(by.sign(signed.encode()))}"


def read(token: str, key: Key | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims. Raises ``ValueError`` if ``key`` has not signed them."""
    header, claims, signature = token.split(".")
    if key and not key.verifies(f"{header}.{claims}".encode(), unb64(signature)):
        raise ValueError("the signature is wrong")
    return json.loads(unb64(header)), json.loads(unb64(claims))


# -- the algorithms


class _Kind(NamedTuple):
    make: Callable[[], PrivateKey]
    sign: Callable[[Any, bytes], bytes]
    verify: Callable[[Any, bytes, bytes], None]


def _rsa_key() -> PrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _sign_es256(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(SHA256)))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _verify_es256(key: ec.EllipticCurvePrivateKey, data: bytes, signature: bytes) -> None:
    if len(signature) != 64:
        raise InvalidSignature
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    key.public_key().verify(encode_dss_signature(r, s), data, ec.ECDSA(SHA256))


def _rsa(pad: padding.AsymmetricPadding) -> _Kind:
    return _Kind(
        _rsa_key,
        lambda key, data: key.sign(data, pad, SHA256),
        lambda key, data, signature: key.public_key().verify(signature, data, pad, SHA256),
    )


_KINDS: Final = {
    "RS256": _rsa(padding.PKCS1v15()),
    "PS256": _rsa(PSS),
    "ES256": _Kind(lambda: ec.generate_private_key(ec.SECP256R1()), _sign_es256, _verify_es256),
    "EdDSA": _Kind(
        ed25519.Ed25519PrivateKey.generate,
        lambda key, data: key.sign(data),
        lambda key, data, signature: key.public_key().verify(signature, data),
    ),
}


def _public_numbers(key: PrivateKey) -> dict[str, str]:
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
    if isinstance(public, ec.EllipticCurvePublicKey):
        point = public.public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": number(point.x, 32), "y": number(point.y, 32)}
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}
