"""The store of a single process: everything is in its memory, and gone when it ends."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Sequence

from gateway.stores import (
    WRONG,
    Limited,
    Pending,
    Started,
    Verdict,
    Window,
    _record,
)
from gateway.stores._expiring import ExpiringMap


class MemoryStore:
    """See ``Store``. No method waits for anything, so each is one atomic step.

    At most ``max_entries`` challenges and as many counters are kept; then ``StoreUnavailable``:
    a pending code never makes room for another one. ``clock`` gives seconds and never goes back.
    """

    def __init__(
        self, max_entries: int = 1_000_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._challenges = ExpiringMap(max_entries)
        self._leases = ExpiringMap(max_entries)
        self._counters = ExpiringMap(max_entries)

    def _now(self) -> int:
        return int(self._clock() * 1000)

    async def start(
        self,
        key: bytes,
        pending: Pending,
        *,
        count: Sequence[Window],
        check: Sequence[Window],
        spend: Sequence[Window],
    ) -> Started | Limited:
        """See ``Store``."""
        now = self._now()
        limited = self._limited(count, now) or self._limited(check, now)
        if limited:
            return limited
        left, record = self._challenges.get(key, now) or (0, b"")
        fresh = not record or record[_record.TRIES] == 0
        deliver = fresh or left <= _record.mark(record)
        if deliver:
            limited = self._limited(spend, now)
            if limited:
                return limited
        counted = [*count, *spend] if deliver else count
        self._make_room(counted, now)
        if fresh:
            self._challenges.make_room([key], now)
            left, record = pending.lifetime_ms, _record.pack(pending)
            self._challenges.set(key, record, now, left)
            self._leases.delete(key)
        elif deliver:
            record = _record.delivered(record, left, pending.resend_ms)
            self._challenges.replace(key, record)
        self._count(counted, now)
        return Started(
            deliver,
            fresh,
            record[_record.MEMO :],
            left,
            left - _record.mark(record),
            record[_record.TURN],
        )

    async def read(self, key: bytes) -> bytes | None:
        """See ``Store``."""
        record = self._value(self._challenges, key, self._now())
        return _record.memo(record) if record else None

    async def withdraw(self, key: bytes, *, fresh: bool, spent: Sequence[Window]) -> None:
        """See ``Store``."""
        now = self._now()
        self._uncount(spent, now, 1)
        if fresh:
            self._challenges.delete(key)
            self._leases.delete(key)
            return
        found = self._challenges.get(key, now)
        if found:
            self._challenges.replace(key, _record.withdrawn(found[1]))

    async def take(
        self,
        key: bytes,
        digest: bytes,
        *,
        lease: bytes,
        lease_ms: int,
        count: Sequence[Window],
        failures: Sequence[Window],
    ) -> Verdict | Limited:
        """See ``Store``."""
        now = self._now()
        limited = self._limited(count, now) or self._limited(failures, now)
        if limited:
            return limited
        self._make_room([*count, *failures], now)
        self._leases.make_room([key], now)
        self._count(count, now)
        record = self._value(self._challenges, key, now)
        tries = record[_record.TRIES] if record else 0
        if not tries or not hmac.compare_digest(record[: _record.DIGEST_SIZE], digest):
            if tries:
                self._challenges.replace(key, _record.with_tries(record, tries - 1))
            self._count(failures, now)
            return WRONG
        holder = self._value(self._leases, key, now)
        if not holder:
            self._leases.set(key, lease, now, lease_ms)
        leased = holder in (b"", lease)
        return Verdict(leased, not leased, record[_record.MEMO :])

    async def finish(self, key: bytes, lease: bytes, *, forget: Sequence[Window]) -> bool:
        """See ``Store``."""
        if self._value(self._leases, key, self._now()) not in (b"", lease):
            return False
        self._challenges.delete(key)
        self._leases.delete(key)
        await self.forget(forget)
        return True

    async def release(self, key: bytes, lease: bytes) -> None:
        """See ``Store``."""
        if self._value(self._leases, key, self._now()) == lease:
            self._leases.delete(key)

    async def count(self, windows: Sequence[Window]) -> Limited | None:
        """See ``Store``."""
        now = self._now()
        limited = self._limited(windows, now)
        if not limited:
            self._make_room(windows, now)
            self._count(windows, now)
        return limited

    async def uncount(self, windows: Sequence[Window], by: int = 1) -> None:
        """See ``Store``."""
        self._uncount(windows, self._now(), by)

    async def forget(self, windows: Sequence[Window]) -> None:
        """See ``Store``."""
        for window in windows:
            self._counters.delete(window.key)

    async def open(self) -> None:
        """See ``Store``."""

    async def ping(self) -> None:
        """See ``Store``."""

    async def close(self) -> None:
        """See ``Store``."""

    @staticmethod
    def _value(entries: ExpiringMap, key: bytes, now: int) -> bytes:
        """Return a live entry's value, or nothing."""
        found = entries.get(key, now)
        return found[1] if found else b""

    def _limited(self, windows: Sequence[Window], now: int) -> Limited | None:
        """Return the full window that ends last, if one is full."""
        limited = None
        for window in windows:
            left, events = self._counters.get(window.key, now) or (0, b"")
            is_full = int.from_bytes(events, "big") >= window.limit
            if is_full and (limited is None or left > limited.retry_after_ms):
                limited = Limited(left, window)
        return limited

    def _make_room(self, windows: Sequence[Window], now: int) -> None:
        self._counters.make_room([window.key for window in windows], now)

    def _count(self, windows: Sequence[Window], now: int) -> None:
        for window in windows:
            events = int.from_bytes(self._value(self._counters, window.key, now), "big")
            if events:
                self._counters.replace(window.key, _events(events + 1))
            else:
                self._counters.set(window.key, _events(1), now, window.period_ms)

    def _uncount(self, windows: Sequence[Window], now: int, by: int) -> None:
        """Take events back; a window that has none any more is closed."""
        for window in windows:
            events = int.from_bytes(self._value(self._counters, window.key, now), "big")
            if events > by:
                self._counters.replace(window.key, _events(events - by))
            else:
                self._counters.delete(window.key)


def _events(number: int) -> bytes:
    return number.to_bytes(4, "big")
