"""What only the store in memory promises: bounds, small entries, no pauses."""

from __future__ import annotations

import asyncio
import gc
import os
import tracemalloc

import pytest

from gateway.stores import StoreUnavailable, open_store
from gateway.stores.memory import MemoryStore
from tests.gateway.stores.conftest import Clock
from tests.gateway.stores.values import (
    ALICE,
    MINE,
    MINUTE,
    RIGHT,
    digest,
    pending,
    room,
    start,
    take,
    until,
    window,
    wrong,
)


async def test_a_full_store_refuses_new_challenges_and_keeps_all_pending_ones_c7() -> None:
    store, spend = MemoryStore(max_entries=3), window("spend")
    keys = [digest(str(number)) for number in range(3)]
    for key in keys:
        await start(store, key)
    with pytest.raises(StoreUnavailable, match="full: 3 entries"):
        await start(store, ALICE, spend=[spend])
    assert await room(store, spend) == 5
    assert not (await start(store, keys[0])).fresh
    for key in keys:
        assert (await take(store, RIGHT, key=key)).leased


async def test_a_full_store_has_room_again_when_a_challenge_is_used_up() -> None:
    store = MemoryStore(max_entries=1)
    await start(store, digest("other"))
    await store.finish(digest("other"), MINE, forget=())
    assert (await start(store, ALICE)).fresh


async def test_a_challenge_in_place_of_another_takes_no_more_room() -> None:
    store = MemoryStore(max_entries=2)
    await start(store, digest("other"))
    for _ in range(3):
        assert (await start(store, tries=1)).fresh
        await take(store, wrong())


async def test_a_full_store_has_room_again_when_challenges_have_ended() -> None:
    clock = Clock()
    store = MemoryStore(max_entries=100, clock=clock)
    for number in range(100):
        await start(store, digest(str(number)))
    clock.seconds += 10 * 60 + 1
    for number in range(100):
        assert (await start(store, digest(f"new {number}"))).fresh


async def test_counters_are_bounded_and_a_full_store_counts_nothing_c7() -> None:
    store = MemoryStore(max_entries=3)
    await start(store, tries=1)
    await store.count([window("a"), window("b"), window("full")])
    two = [window("c"), window("d")]
    with pytest.raises(StoreUnavailable):
        await store.count(two)
    with pytest.raises(StoreUnavailable):
        await start(store, digest("other"), count=two)
    with pytest.raises(StoreUnavailable):
        await take(store, wrong(), count=two[:1], failures=two[1:])
    assert await room(store, window("a")) == 4  # those that there are go on
    await store.forget([window("a"), window("b"), window("full")])
    assert await room(store, window("c")) == 5
    assert (await take(store, RIGHT)).leased  # no try was taken
    assert (await start(store, digest("other"))).fresh  # nothing was kept


async def fill(store: MemoryStore, challenges: int) -> None:
    for number in range(challenges):
        seed = os.urandom(8)
        await store.start(
            os.urandom(16),
            pending(code=os.urandom(16), memo=seed),
            count=(),
            check=(),
            spend=(),
        )
        if number % 100 == 0:
            await asyncio.sleep(0)


async def test_a_pending_challenge_takes_at_most_300_bytes_t18() -> None:
    store, challenges = MemoryStore(), 20_000
    tracemalloc.start()
    try:
        await fill(store, challenges)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size / challenges <= 300


async def test_pending_challenges_are_nothing_to_the_garbage_collector_t19() -> None:
    store = MemoryStore()
    gc.collect()
    before = len(gc.get_objects())
    await fill(store, 10_000)
    gc.collect()
    assert len(gc.get_objects()) - before < 1_000


async def test_memory_does_not_grow_when_logins_come_and_go_t20() -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)

    async def logins(number: int) -> None:
        for _ in range(number):
            clock.seconds += 0.015
            key, code = os.urandom(16), os.urandom(16)
            failures = [window(key.hex(), period_ms=MINUTE)]
            await start(store, key, code=code, lifetime_ms=MINUTE, check=failures)
            await take(store, wrong(), key=key, failures=failures)
            await take(store, code, key=key, failures=failures)
            if key[0] % 2:  # the others just end
                await store.finish(key, MINE, forget=failures)

    await logins(8_000)  # two minutes: by now as many end as begin
    tracemalloc.start()
    try:
        await logins(8_000)
        before, _ = tracemalloc.get_traced_memory()
        await logins(8_000)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 200_000


async def test_it_keeps_time_by_a_real_clock() -> None:
    store = open_store("memory://")
    await start(store, lifetime_ms=50)

    async def ended() -> bool:
        return (await start(store)).fresh

    await until(ended)
