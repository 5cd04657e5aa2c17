"""A pending challenge as bytes, the same in every store.

Digest (16), tries left (1), resend mark (4, big-endian), memo (the rest). The mark is in ms of life
left: a delivery is due again when no more is left than that. So a record needs no clock of its own,
and several gateways need not agree on the time.
"""

from __future__ import annotations

from typing import Final

from gateway.stores import Pending

DIGEST_SIZE: Final = 16
TRIES: Final = 16
MARK: Final = slice(17, 21)
MEMO: Final = 21
MAX_MEMO: Final = 255
DELIVER_NOW: Final = b"\xff\xff\xff\xff"


def pack(pending: Pending) -> bytes:
    """The record of a challenge that is being delivered now."""
    if len(pending.digest) != DIGEST_SIZE:
        raise ValueError(f"a digest has {DIGEST_SIZE} bytes, not {len(pending.digest)}")
    if len(pending.memo) > MAX_MEMO:
        raise ValueError(f"a memo has at most {MAX_MEMO} bytes, not {len(pending.memo)}")
    mark = delivered(pending.lifetime_ms, pending.resend_ms)
    return pending.digest + bytes([pending.tries]) + mark + pending.memo


def delivered(left_ms: int, resend_ms: int) -> bytes:
    """The mark of a delivery now, ``left_ms`` before the end of life."""
    return max(left_ms - resend_ms, 0).to_bytes(4, "big")


def mark(record: bytes) -> int:
    """The mark of a record, in ms."""
    return int.from_bytes(record[MARK], "big")


def with_mark(record: bytes, mark: bytes) -> bytes:
    """The record with another mark."""
    return record[: MARK.start] + mark + record[MEMO:]


def with_tries(record: bytes, tries: int) -> bytes:
    """The record with so many tries left."""
    return record[:TRIES] + bytes([tries]) + record[MARK.start :]
