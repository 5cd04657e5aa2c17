"""A signed token, taken to pieces and its signature checked (RFC 7515, compact serialization).

The key is always one that the issuer publishes. What a header says about keys (``jwk``, ``jku``,
``x5c``, ``x5u``) is not even looked at.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

import orjson
from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry

from providers._base import Rejected

MAX_TOKEN: Final = 16_384  # characters
MAX_KEY_ID: Final = 255  # characters

_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


class UnverifiedToken(NamedTuple):
    """What a token says, whoever wrote it."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes  # header and claims as they came
    signature: bytes


class Signer(NamedTuple):
    """Who is said to have signed."""

    algorithm: str
    key_id: str | None


def read(token: str) -> UnverifiedToken:
    """Take a token to pieces. Raises ``Rejected`` for what is none."""
    if len(token) > MAX_TOKEN:
        raise Rejected("a token too large")
    match = _COMPACT.fullmatch(token)
    if match is None:
        raise Rejected("not a signed token")
    try:
        header, claims, signature = map(_decoded, match.groups())
        parts = orjson.loads(header), orjson.loads(claims)
    except ValueError:
        raise Rejected("not a token: its parts cannot be read") from None
    if not (isinstance(parts[0], dict) and isinstance(parts[1], dict)):
        raise Rejected("not a token: its parts are no objects")
    return UnverifiedToken(*parts, token[: match.end(2)].encode(), signature)


def signer(header: Mapping[str, Any], algorithms: Collection[str]) -> Signer:
    """Return who is said to have signed an ID token. Raises ``Rejected``.

    ``algorithms`` are those to be believed in, whatever the header says.
    """
    kind = header.get("typ", "JWT")
    # Access tokens and logout tokens say so (RFC 9068, OpenID Connect Back-Channel Logout).
    if not isinstance(kind, str) or kind.lower() != "jwt":
        raise Rejected("a token of another type (typ)")
    # Extensions that must be understood (RFC 7515 4.1.11, RFC 7797): none is.
    if "crit" in header or "b64" in header:
        raise Rejected("a token with extensions (crit, b64)")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise Rejected("signed by an algorithm (alg) that is not in algorithms")
    key_id = header.get("kid")
    if "kid" in header and not (isinstance(key_id, str) and len(key_id) <= MAX_KEY_ID):
        raise Rejected("the name of its key (kid) is none")
    return Signer(algorithm, key_id)


def check_signature(token: UnverifiedToken, algorithm: str, key: Key) -> None:
    """Raise ``Rejected`` unless the key has signed the token."""
    verifier = JWSRegistry.algorithms[algorithm]
    try:
        verifier.check_key(key)
        good = verifier.verify(token.signed, token.signature, key)
    except JoseError:
        raise Rejected("the key is of another kind than the signature") from None
    if not good:
        raise Rejected("the signature is wrong")


def _decoded(part: str) -> bytes:
    """Raises ``ValueError``."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
