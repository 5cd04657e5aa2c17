"""What only the store in a cluster promises: several slots, and no limit exceeded over them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator

import pytest

from gateway.stores import Limited, Started, Store, StoreUnavailable, Window, open_store
from gateway.stores._claims import by_slot
from gateway.stores.cluster import ClusterStore
from tests.gateway.stores.conftest import empty, running, shorten
from tests.gateway.stores.places import slot_of_window, window_on
from tests.gateway.stores.test_redis import CALLS
from tests.gateway.stores.values import (
    ALICE,
    HOUR,
    MINE,
    RIGHT,
    YOURS,
    digest,
    pending,
    room,
    start,
    take,
    try_code,
    whole_story,
    window,
    wrong,
)
from tests.servers.redis_cluster import RedisCluster

CALLERS = 60


@pytest.fixture
async def store(redis_cluster: RedisCluster) -> AsyncIterator[ClusterStore]:
    empty(redis_cluster)
    opened = open_store(redis_cluster.url)
    assert isinstance(opened, ClusterStore)
    yield opened
    await opened.close()


def apart(cluster: RedisCluster, *limits: int) -> list[Window]:
    """Windows on different nodes."""
    return [
        window_on(node, cluster, f"window {number}", limit)
        for number, (node, limit) in enumerate(zip(cluster.masters, limits, strict=False))
    ]


async def used(store: Store, of: Window) -> int:
    return of.limit - await room(store, of)


async def test_parallel_counts_in_several_slots_exceed_no_limit_c6(
    redis_cluster: RedisCluster, store: Store
) -> None:
    few, some, many = apart(redis_cluster, 10, 20, 1_000)
    results = await asyncio.gather(*(store.count([many, few, some]) for _ in range(CALLERS)))
    assert results.count(None) <= 10
    assert await used(store, many) == results.count(None)  # what was for nothing was taken back
    limited = next(result for result in results if result)
    assert limited.window == few
    # One after the other, not one is turned away for nothing.
    for _ in range(10 - results.count(None)):
        assert await store.count([many, few, some]) is None
    assert await store.count([many, few, some])


async def test_parallel_wrong_codes_in_several_slots_exceed_no_limit_c6(
    redis_cluster: RedisCluster, store: Store
) -> None:
    *failures, ip = apart(redis_cluster, 7, 9, 1_000)
    await start(store, tries=255)
    results = await asyncio.gather(
        *(try_code(store, wrong(n), count=[ip], failures=failures) for n in range(CALLERS))
    )
    tried = sum(not isinstance(result, Limited) for result in results)
    assert tried <= 7
    assert [await used(store, of) for of in (*failures, ip)] == [7, tried, tried]


async def test_who_is_limited_counts_nothing_elsewhere_not_for_a_moment(
    redis_cluster: RedisCluster, store: Store
) -> None:
    ip, of_victim, other = apart(redis_cluster, 1, CALLERS, 5)
    await start(store)
    assert await store.count([ip]) is None
    redis_cluster.masters[1].ask("CONFIG", "RESETSTAT")
    calls: list[Awaitable[object]] = []
    for number in range(CALLERS // 5):
        of, key = [ip, of_victim], digest(f"victim {number}")
        calls += [
            store.count(of),
            try_code(store, wrong(number), count=of[:1], failures=of[1:]),
            try_code(store, wrong(number), failures=of),
            store.start(key, pending(), count=of[:1], check=(), spend=of[1:]),
            store.start(key, pending(), count=(), check=(), spend=of),
        ]
    assert all(isinstance(result, Limited) for result in await asyncio.gather(*calls))
    stats = redis_cluster.masters[1].ask("INFO", "commandstats")
    assert "cmdstat_get" in stats
    assert "cmdstat_incr" not in stats
    assert await room(store, other) == 5


async def test_a_right_code_counts_no_failure(redis_cluster: RedisCluster, store: Store) -> None:
    failures = apart(redis_cluster, 5, 5, 5)
    await start(store)
    assert (await take(store, RIGHT, failures=failures)).leased
    assert (await take(store, RIGHT, lease=YOURS, failures=failures)).busy
    assert [await used(store, of) for of in failures] == [0, 0, 0]


async def test_a_delivery_that_somebody_else_has_made_costs_nothing(
    redis_cluster: RedisCluster, store: Store
) -> None:
    spend, count = apart(redis_cluster, 1_000, 1_000)
    results = await asyncio.gather(
        *(
            store.start(ALICE, pending(), count=[count], check=(), spend=[spend])
            for _ in range(CALLERS)
        )
    )
    assert sum(isinstance(result, Started) and result.deliver for result in results) == 1
    assert await used(store, spend) == 1
    assert await used(store, count) == CALLERS


async def test_windows_of_one_slot_are_counted_in_one_step(
    redis_cluster: RedisCluster, store: Store
) -> None:
    first = window("first", 10)
    same_slot = next(
        other
        for other in (window(f"other {number}", 1_000) for number in range(1_000_000))
        if slot_of_window(other) == slot_of_window(first)
    )
    assert by_slot([first, same_slot]) == [[first, same_slot]]
    results = await asyncio.gather(*(store.count([same_slot, first]) for _ in range(CALLERS)))
    assert results.count(None) == 10  # to the very one
    assert await used(store, same_slot) == 10


async def test_only_the_window_that_counted_an_event_gives_it_back(
    redis_cluster: RedisCluster, store: ClusterStore
) -> None:
    of = window("w", limit=5, period_ms=HOUR)
    slot = store._slot
    left_ms = await slot.claim([of])
    assert isinstance(left_ms, list)
    shorten(redis_cluster, HOUR)
    await slot.take_back([of], left_ms)
    assert await used(store, of) == 0
    await store.forget([of])

    left_ms = await slot.claim([of])
    assert isinstance(left_ms, list)
    shorten(redis_cluster, HOUR)
    for _ in range(3):  # of others, in the window that is open now
        assert await store.count([of]) is None
    shorten(redis_cluster, -10_000)  # it goes on for longer than the first did at the end
    await slot.take_back([of], left_ms)
    assert await used(store, of) == 3


@pytest.mark.parametrize("name", [*CALLS, "read"])
async def test_every_call_brings_its_deadline_and_leaves_no_task_behind(
    redis_cluster: RedisCluster, name: str
) -> None:
    store = open_store(redis_cluster.url)
    await start(store)
    await (store.read(ALICE) if name == "read" else CALLS[name](store))
    await store.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.ping()


async def test_a_caller_that_is_gone_leaves_nothing_half_counted(
    redis_cluster: RedisCluster, store: Store
) -> None:
    windows = apart(redis_cluster, 5, 5, 5)
    await start(store)
    for turns_of_the_loop in range(40):
        call = asyncio.create_task(take(store, RIGHT, failures=windows))
        for _ in range(turns_of_the_loop):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait([call])
    other = open_store(redis_cluster.url)
    await store.close()  # waits for what is under way
    assert [await used(other, of) for of in windows] == [0, 0, 0]
    await other.close()


# What an administrator has to allow, and no more.
USER = "user gw on >sesame ~gw:* +ping +cluster|slots +asking +eval +evalsha +get +set +setrange"
USER += " +exists +del +incr +decrby +pttl +pexpire"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    cluster = RedisCluster(tmp_path_factory.mktemp("guarded"), [USER], replicas=False)
    with running(cluster):
        yield cluster


@pytest.mark.parametrize("name", CALLS)
async def test_a_user_that_may_only_touch_its_keys_is_enough(
    guarded: RedisCluster, name: str
) -> None:
    store = open_store(guarded.url.replace("//", "//gw:sesame@"))
    await start(store, resend_ms=0)
    await take(store, RIGHT, lease=YOURS)
    await CALLS[name](store)
    await store.finish(ALICE, MINE, forget=())
    await store.close()


async def test_a_refused_user_is_told_and_the_password_is_not(guarded: RedisCluster) -> None:
    store = open_store(guarded.url.replace("//", "//gw:sesam%2Fe@"))
    with pytest.raises(StoreUnavailable, match="invalid username-password") as caught:
        await store.ping()
    assert str(caught.value).startswith("redis cluster: no node found (")
    assert "sesam" not in whole_story(caught.value)
    await store.close()


async def test_a_right_that_is_missing_on_one_node_is_told(guarded: RedisCluster) -> None:
    node = guarded.masters[2]
    node.ask("ACL", "SETUSER", "gw", "-decrby")
    store = open_store(guarded.url.replace("//", "//gw:sesame@"))
    with pytest.raises(StoreUnavailable, match=r"can't run this command.*DECRBY") as caught:
        await store.ping()
    assert str(caught.value).startswith(f"redis 127.0.0.1:{node.port}: ")
    node.ask("ACL", "SETUSER", "gw", "+decrby")
    await store.ping()
    await store.close()
