"""The map behind the store in memory."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable

from gateway.stores._expiring import SWEPT_AT_ONCE, ExpiringMap

DAY = 24 * 60 * 60 * 1000


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def growth(of: Callable[[], None]) -> int:
    """How many bytes more there are afterwards."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        of()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before


def test_an_entry_lives_to_the_last_millisecond() -> None:
    entries = ExpiringMap(1)
    entries.set(key(1), b"value", 5_000, 100)
    assert entries.get(key(1), 5_000) == (100, b"value")
    assert entries.get(key(1), 5_099) == (1, b"value")
    assert entries.get(key(1), 5_100) is None


def test_adding_removes_what_has_ended_little_by_little() -> None:
    entries = ExpiringMap(1_000)
    for number in range(100):
        entries.set(key(number), b"", 0, 1_500)
    entries.make_room([key(100)], 1_999)
    assert len(entries) == 100
    entries.make_room([key(100)], 2_000)
    assert len(entries) == 100 - SWEPT_AT_ONCE
    for _ in range(10):
        entries.make_room([key(100)], 2_000)
    assert len(entries) == 0


def test_an_entry_that_was_put_again_does_not_end_at_its_first_end() -> None:
    entries = ExpiringMap(1_000)
    for number in range(10):
        entries.set(key(number), b"", 0, 1_000)
    entries.set(key(5), b"again", 0, 60_000)
    entries.make_room([key(number) for number in range(100, 110)], 30_000)
    assert entries.get(key(5), 30_000) == (30_000, b"again")
    assert len(entries) == 1


def test_the_end_of_life_stays_when_a_value_is_replaced() -> None:
    entries = ExpiringMap(1)
    entries.set(key(1), b"first", 0, 1_000)
    entries.replace(key(1), b"second")
    assert entries.get(key(1), 400) == (600, b"second")


def test_entries_deleted_long_before_their_end_leave_nothing_behind() -> None:
    entries = ExpiringMap(1_000)

    def come_and_go() -> None:
        for _ in range(20_000):
            name = os.urandom(16)
            entries.set(name, b"", 0, DAY)
            entries.delete(name)

    assert growth(come_and_go) < 50_000


def test_seconds_that_have_passed_leave_nothing_behind() -> None:
    entries = ExpiringMap(1_000)

    def time_passes() -> None:
        for second in range(5_000):
            entries.make_room([key(second)], second * 1000)
            entries.set(key(second), b"", second * 1000, 3_000)

    assert growth(time_passes) < 150_000
