"""A pending challenge as bytes, the same in every store.

Digest (16), tries left (1), turn (1), resend mark (4, big-endian), memo (the rest).

The turn says how often the challenge was delivered before its latest delivery; it stays at 255.
The mark is in ms of life left: a delivery is due again when no more is left than that. So a record
needs no clock of its own, and several gateways need not agree on the time.
"""

from __future__ import annotations

import struct
from typing import Final

from gateway.stores import Pending

DIGEST_SIZE: Final = 16
TRIES: Final = 16
TURN: Final = 17
MARK: Final = slice(18, 22)
MEMO: Final = 22
MAX_MEMO: Final = 1024
MAX_TURN: Final = 255
DELIVER_NOW: Final = b"\xff\xff\xff\xff"

_head: Final = struct.Struct(">16sBBI").pack


def pack(pending: Pending) -> bytes:
    """The record of a challenge that is being delivered now."""
    digest, tries, lifetime_ms, resend_ms, memo = pending
    if len(digest) != DIGEST_SIZE:
        raise ValueError(f"a digest has {DIGEST_SIZE} bytes, not {len(digest)}")
    if len(memo) > MAX_MEMO:
        raise ValueError(f"a memo has at most {MAX_MEMO} bytes, not {len(memo)}")
    return _head(digest, tries, 0, max(lifetime_ms - resend_ms, 0)) + memo


def delivered(record: bytes, left_ms: int, resend_ms: int) -> bytes:
    """The record delivered once more, ``left_ms`` before its end of life."""
    turn = min(record[TURN] + 1, MAX_TURN)
    return record[:TURN] + bytes([turn]) + _mark(left_ms, resend_ms) + record[MEMO:]


def _mark(left_ms: int, resend_ms: int) -> bytes:
    return max(left_ms - resend_ms, 0).to_bytes(4, "big")


def mark(record: bytes) -> int:
    """The mark of a record, in ms."""
    return int.from_bytes(record[MARK], "big")


def memo(record: bytes) -> bytes | None:
    """The memo of a record that has tries left."""
    return record[MEMO:] if record[TRIES] else None


def withdrawn(record: bytes) -> bytes:
    """The record due for a delivery at once."""
    return record[: MARK.start] + DELIVER_NOW + record[MEMO:]


def with_tries(record: bytes, tries: int) -> bytes:
    """The record with so many tries left."""
    return record[:TRIES] + bytes([tries]) + record[TURN:]
