"""A bounded map in memory whose entries end by themselves.

Keys and values are packed bytes: a million of them are nothing to the cyclic garbage collector. The
map is split by the first byte of the key, so that no growing dict ever stops the process for long.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Final

from gateway.stores import StoreUnavailable

KEY: Final = 16  # bytes of a key
END: Final = 6  # bytes of the end of life, in ms, before each value
FEW: Final = 64  # dead keys that are not worth the tidying: the sweep meets them soon enough
SWEPT_AT_ONCE: Final = 16  # ended entries removed for one that is added


class _Bucket:
    """The keys of all entries that end within one second; some may be dead (gone or moved)."""

    __slots__ = ("dead", "keys")

    def __init__(self) -> None:
        self.keys = bytearray()
        self.dead = 0


class ExpiringMap:
    """Values by 16-byte key, each with an end of life.

    ``now`` is in ms of a clock that never goes back, and the same throughout one step of the store.
    """

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._entries = 0
        self._shards: list[dict[bytes, bytes]] = [{} for _ in range(256)]
        self._buckets: dict[int, _Bucket] = {}  # by the second in which the last entry has ended
        self._seconds: list[int] = []  # of the buckets, as a heap

    def __len__(self) -> int:
        return self._entries

    def get(self, key: bytes, now: int) -> tuple[int, bytes] | None:
        """Return the ms left (at least 1) and the value."""
        entry = self._shards[key[0]].get(key[1:])
        if entry is None:
            return None
        left = int.from_bytes(entry[:END], "big") - now
        return (left, entry[END:]) if left > 0 else None

    def make_room(self, keys: Sequence[bytes], now: int) -> None:
        """Make sure that entries of these keys can be put; raises ``StoreUnavailable``."""
        self._sweep(now, len(keys) * SWEPT_AT_ONCE)
        if self._entries + len(keys) <= self._max_entries:
            return
        new = sum(key[1:] not in self._shards[key[0]] for key in keys)
        if self._entries + new > self._max_entries:
            raise StoreUnavailable(f"the store is full: {self._max_entries} entries")

    def set(self, key: bytes, value: bytes, now: int, lifetime_ms: int) -> None:
        """Put an entry, with a new life. Room must have been made for it."""
        self.delete(key)
        end = now + lifetime_ms
        self._shards[key[0]][key[1:]] = end.to_bytes(END, "big") + value
        self._entries += 1
        second = _second(end)
        bucket = self._buckets.get(second)
        if bucket is None:
            bucket = self._buckets[second] = _Bucket()
            heapq.heappush(self._seconds, second)
        bucket.keys += key

    def replace(self, key: bytes, value: bytes) -> None:
        """Change the value of an entry that is there; its end of life stays."""
        shard = self._shards[key[0]]
        shard[key[1:]] = shard[key[1:]][:END] + value

    def delete(self, key: bytes) -> None:
        """Remove an entry, if it is there."""
        entry = self._shards[key[0]].pop(key[1:], None)
        if entry is None:
            return
        self._entries -= 1
        second = _second(int.from_bytes(entry[:END], "big"))
        bucket = self._buckets[second]
        bucket.dead += 1
        if bucket.dead > FEW and 2 * bucket.dead * KEY > len(bucket.keys):
            self._compact(second, bucket)

    def _compact(self, second: int, bucket: _Bucket) -> None:
        alive = {key for key in _keys(bucket) if self._ends_in(key) == second}
        bucket.keys = bytearray().join(alive)
        bucket.dead = 0

    def _ends_in(self, key: bytes) -> int | None:
        entry = self._shards[key[0]].get(key[1:])
        return None if entry is None else _second(int.from_bytes(entry[:END], "big"))

    def _sweep(self, now: int, most: int) -> None:
        """Remove ended entries, in small steps so that no call takes long."""
        while most > 0 and self._seconds and self._seconds[0] * 1000 <= now:
            most -= 1
            second = self._seconds[0]
            bucket = self._buckets[second]
            if not bucket.keys:
                heapq.heappop(self._seconds)
                del self._buckets[second]
                continue
            key = bytes(bucket.keys[-KEY:])
            del bucket.keys[-KEY:]
            if self._ends_in(key) == second:
                del self._shards[key[0]][key[1:]]
                self._entries -= 1


def _second(end: int) -> int:
    """The first full second at which an entry has ended."""
    return end // 1000 + 1


def _keys(bucket: _Bucket) -> list[bytes]:
    return [bytes(bucket.keys[i : i + KEY]) for i in range(0, len(bucket.keys), KEY)]
