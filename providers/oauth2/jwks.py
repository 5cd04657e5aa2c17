"""A JWK Set, read (RFC 7517): the keys that can show who signed, and nothing else in it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

MAX_KEYS: Final = 100
MIN_RSA: Final = 2048  # bits (NIST SP 800-131A)
MAX_TEXT: Final = 2048  # characters of a number in a key; RSA with 12,288 bits

PublicKey = RSAKey | ECKey | OKPKey


class VerificationKey(NamedTuple):
    """A key, what it is called, and which algorithms it is for."""

    id: str | None
    algorithms: frozenset[str]
    parts: tuple[str, ...]  # what it is made of
    key: PublicKey


class _Kind(NamedTuple):
    make: type[RSAKey] | type[ECKey] | type[OKPKey]
    parts: tuple[str, ...]
    algorithms: frozenset[str]


_RSA: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_KINDS: Final[Mapping[tuple[str | None, str | None], _Kind]] = {  # by kty and crv
    ("RSA", None): _Kind(RSAKey, ("n", "e"), _RSA),
    ("EC", "P-256"): _Kind(ECKey, ("crv", "x", "y"), frozenset({"ES256"})),
    ("EC", "P-384"): _Kind(ECKey, ("crv", "x", "y"), frozenset({"ES384"})),
    ("OKP", "Ed25519"): _Kind(OKPKey, ("crv", "x"), frozenset({"EdDSA"})),
}
_SYNONYMS: Final = {"Ed25519": "EdDSA"}  # RFC 9864


def read(document: Mapping[str, Any]) -> tuple[VerificationKey, ...]:
    """Return the keys for checking signatures. Raises ``ValueError``.

    Left out are keys for encryption, of unknown kinds, too short or broken, and those that are no
    secret of the issuer's any more: symmetric and private ones. One that is listed twice is one.
    """
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise ValueError("has no list of keys")
    if len(entries) > MAX_KEYS:
        raise ValueError(f"has more than {MAX_KEYS} keys")
    found: dict[tuple[object, ...], VerificationKey] = {}
    for entry in entries:
        try:
            key = _read(entry)
        except (JoseError, ValueError):
            continue
        found[key[:3]] = key
    return tuple(found.values())


def _read(entry: object) -> VerificationKey:
    if not isinstance(entry, dict) or not _is_for_verifying(entry):
        raise ValueError
    kty, alg = _text(entry, "kty"), _text(entry, "alg")
    kind = _KINDS.get((kty, _text(entry, "crv")))
    if kind is None:
        raise ValueError
    parts = {part: _text(entry, part) or "" for part in kind.parts}
    if kty == "RSA" and _bits(parts["n"]) < MIN_RSA:
        raise ValueError
    algorithms = kind.algorithms if alg is None else kind.algorithms & {_SYNONYMS.get(alg, alg)}
    if not algorithms:
        raise ValueError
    # Nothing but the numbers: what else an entry says is none of the library's business.
    key = kind.make.import_key({"kty": kty or "", **parts})
    return VerificationKey(_text(entry, "kid"), algorithms, tuple(parts.values()), key)


def _is_for_verifying(entry: Mapping[str, Any]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return (
        entry.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and "d" not in entry  # a private key: everybody could sign with it
    )


def _text(entry: Mapping[str, Any], name: str) -> str | None:
    text = entry.get(name)
    if text is not None and (not isinstance(text, str) or len(text) > MAX_TEXT):
        raise ValueError
    return text


def _bits(number: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(number + "=="), "big").bit_length()
