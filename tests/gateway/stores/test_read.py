"""``read``, of every store."""

from __future__ import annotations

import asyncio

import pytest
import redis

from gateway.stores import Store, StoreUnavailable, open_store
from tests.gateway.stores.conftest import LetPass
from tests.gateway.stores.values import (
    ALICE,
    BOB,
    LEASE_MS,
    MINE,
    MINUTE,
    RIGHT,
    YOURS,
    start,
    take,
    window,
    wrong,
)
from tests.servers.redis_server import RedisServer


async def test_a_memo_is_read_as_it_was_kept(store: Store) -> None:
    await start(store, memo=b"memo of alice")
    await start(store, BOB, memo=b"memo of bob")
    assert await store.read(ALICE) == b"memo of alice"
    assert await store.read(BOB) == b"memo of bob"


@pytest.mark.parametrize("size", [0, 1, 22, 255, 256, 1023, 1024])
async def test_a_memo_of_any_size_is_read_untouched(store: Store, size: int) -> None:
    memo = (bytes(range(256)) * 4)[:size]
    await start(store, memo=memo)
    assert await store.read(ALICE) == memo


async def test_where_nothing_is_pending_there_is_no_memo(store: Store) -> None:
    assert await store.read(ALICE) is None
    await start(store, BOB)
    assert await store.read(ALICE) is None


async def test_a_memo_ends_with_its_challenge(store: Store, let_pass: LetPass) -> None:
    await start(store, lifetime_ms=10 * MINUTE)
    let_pass(9 * MINUTE)
    assert await store.read(ALICE) == b"memo"
    let_pass(MINUTE)
    assert await store.read(ALICE) is None


async def test_a_memo_is_there_until_the_last_try_is_taken(store: Store) -> None:
    await start(store, tries=2)
    await take(store, wrong(1))
    assert await store.read(ALICE) == b"memo"
    await take(store, wrong(2))
    assert await store.read(ALICE) is None


async def test_reading_is_not_a_try_and_takes_no_lease(store: Store) -> None:
    await start(store, tries=1)
    for _ in range(300):
        await store.read(ALICE)
    assert (await take(store, RIGHT)).leased


async def test_reading_prolongs_nothing(store: Store, let_pass: LetPass) -> None:
    await start(store, lifetime_ms=2 * MINUTE)
    let_pass(MINUTE)
    await store.read(ALICE)
    let_pass(MINUTE)
    assert await store.read(ALICE) is None


async def test_a_memo_can_be_read_while_the_challenge_is_leased(store: Store) -> None:
    await start(store)
    await take(store, RIGHT, lease=MINE)
    assert await store.read(ALICE) == b"memo"
    await store.release(ALICE, MINE)
    assert await store.read(ALICE) == b"memo"


async def test_a_finished_challenge_has_no_memo(store: Store, let_pass: LetPass) -> None:
    await start(store)
    await take(store, RIGHT, lease=MINE)
    let_pass(LEASE_MS)
    await take(store, RIGHT, lease=YOURS)
    assert not await store.finish(ALICE, MINE, forget=())
    assert await store.read(ALICE) == b"memo"
    assert await store.finish(ALICE, YOURS, forget=())
    assert await store.read(ALICE) is None


async def test_a_withdrawn_challenge_has_no_memo_unless_it_was_there_before(store: Store) -> None:
    await start(store)
    await store.withdraw(ALICE, fresh=False, spent=())
    assert await store.read(ALICE) == b"memo"
    await store.withdraw(ALICE, fresh=True, spent=())
    assert await store.read(ALICE) is None


async def test_another_delivery_leaves_the_memo_as_it_was(store: Store, let_pass: LetPass) -> None:
    await start(store, memo=b"first")
    let_pass(MINUTE)
    assert (await start(store, memo=b"second")).deliver
    assert await store.read(ALICE) == b"first"


async def test_a_counter_is_no_challenge(store: Store) -> None:
    counter = window("counter")
    await store.count([counter])
    assert await store.read(counter.key) is None


async def test_two_gateways_read_the_same(
    redis_store: Store, redis_server: RedisServer, admin: redis.Redis
) -> None:
    other = open_store(redis_server.url)
    await start(redis_store, memo=b"x" * 1024)
    assert await other.read(ALICE) == b"x" * 1024
    await other.close()


async def test_reading_is_one_command_without_a_script(
    redis_store: Store, admin: redis.Redis
) -> None:
    await start(redis_store)
    admin.config_resetstat()
    await redis_store.read(ALICE)
    calls = {name: stats["calls"] for name, stats in admin.info("commandstats").items()}
    assert calls.get("cmdstat_get") == 1
    assert not [name for name in calls if "eval" in name]


async def test_a_redis_that_is_down_cannot_be_read(own_redis: RedisServer) -> None:
    store = open_store(own_redis.url, timeout=0.5)
    await start(store)
    own_redis.kill()
    with pytest.raises(StoreUnavailable):
        await store.read(ALICE)
    own_redis.start()
    async with asyncio.timeout(10):
        while True:
            try:
                assert await store.read(ALICE) is None  # it kept nothing
                break
            except StoreUnavailable:
                await asyncio.sleep(0.01)
    await store.close()
