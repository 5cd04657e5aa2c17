"""Tokens of the stub: each can be told to be one person's, and to be made once."""

from __future__ import annotations

import hashlib

SERIAL: int = 12  # hexadecimal digits


def made(serial: int, address: str) -> str:
    """48 hexadecimal digits, as mesibo's."""
    return f"{serial:0{SERIAL}x}{_of(address)}"


def belongs(token: str, address: str) -> bool:
    """Whether ``token`` was made for ``address``."""
    return token[SERIAL:] == _of(address)


def _of(address: str) -> str:
    return hashlib.blake2b(address.encode(), digest_size=18).hexdigest()
