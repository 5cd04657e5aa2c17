"""Pieces of configurations, as they are written."""

from __future__ import annotations

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

CLIENT = "client_id: gateway\n"


def pem(key: Any, password: str = "") -> str:
    protection = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    encoded: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)
    return encoded.decode()


def key_text(key: str) -> str:
    return f"private_key: {json.dumps(key)}\n"


P256 = pem(ec.generate_private_key(ec.SECP256R1()))
P384 = pem(ec.generate_private_key(ec.SECP384R1()))
P521 = pem(ec.generate_private_key(ec.SECP521R1()))
RSA = pem(rsa.generate_private_key(65537, 2048))
PUBLIC = (
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
JWT_AUTH = "client_auth: private_key_jwt\n"
APPLE = CLIENT + "preset: apple\n"
APPLE_KEY = APPLE + "team_id: T\nkey_id: K\n" + key_text(P256)
