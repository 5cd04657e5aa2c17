"""Keyed digests: names of stored things, one-time codes and their proofs, derived secrets.

All are keyed BLAKE2b (RFC 7693, a MAC when keyed), separated by ``person``. Without the
gateway's secret nothing in the store tells a phone number or a code.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from typing import Final

SIZE: Final = 16  # bytes
SECRET_SIZE: Final = 32  # bytes


class Digests:
    """Digests under one secret (at least 32 bytes)."""

    def __init__(self, secret: bytes) -> None:
        key = hashlib.sha256(secret).digest()
        self._name = hashlib.blake2b(digest_size=SIZE, key=key, person=b"name")
        self._code = hashlib.blake2b(digest_size=SIZE, key=key, person=b"code")
        self._proof = hashlib.blake2b(digest_size=SIZE, key=key, person=b"proof")
        self._secret = hashlib.blake2b(digest_size=SECRET_SIZE, key=key, person=b"secret")

    def name(self, *parts: str) -> bytes:
        """The key under which a thing is stored. Parts are told apart by their lengths."""
        digest = self._name.copy()
        digest.update(joined(*parts).encode())
        return digest.digest()

    def names(self, *parts: str) -> Names:
        """The names that begin with ``parts``."""
        digest = self._name.copy()
        digest.update(joined(*parts).encode())
        return Names(digest)

    def secret(self, *parts: str) -> str:
        """43 characters of base64url that only this gateway can derive from ``parts``."""
        digest = self._secret.copy()
        digest.update(joined(*parts).encode())
        return urlsafe_b64encode(digest.digest())[:-1].decode()

    def code(self, challenge: bytes, seed: bytes, length: int) -> str:
        """The one-time code that a random ``seed`` stands for, in one challenge.

        Uniform: the digest has 2**128 values, so the bias of the remainder is below 2**-94 for the
        longest code (10 digits).
        """
        digest = self._code.copy()
        digest.update(challenge + seed)
        return str(int.from_bytes(digest.digest(), "big") % 10**length).zfill(length)

    def proof(self, challenge: bytes, code: str) -> bytes:
        """What is stored of a code, bound to its challenge (app, provider and identity)."""
        digest = self._proof.copy()
        digest.update(challenge + code.encode())
        return digest.digest()


class Names:
    """As ``Digests.name``, for many names whose first parts are the same."""

    def __init__(self, begun: hashlib.blake2b) -> None:
        self._begun = begun

    def name(self, part: str, rest: str = "") -> bytes:
        """The name that goes on with ``part``, and with what ``joined`` made of more parts."""
        digest = self._begun.copy()
        digest.update(f"{len(part)}:{part}{rest}".encode())
        return digest.digest()


def joined(*parts: str) -> str:
    """The text of several parts, which no other parts have."""
    return "".join([f"{len(part)}:{part}" for part in parts])
