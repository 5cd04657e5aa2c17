"""Nodes die, hang and hand over slots: calls fail closed, then work again."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.stores import WRONG, _cluster, open_store
from gateway.stores.cluster import ClusterStore
from tests.gateway.stores.cluster_faults.conftest import TIMEOUT, fails, used, works
from tests.gateway.stores.places import key_on, keys_on, slot_of_key, slot_of_window, window_on
from tests.gateway.stores.values import (
    MINE,
    RIGHT,
    start,
    take,
    until,
    wrong,
)
from tests.servers.process import free_port
from tests.servers.redis_cluster import RedisCluster
from tests.servers.redis_server import RedisServer


@pytest.mark.parametrize("hangs", [False, True], ids=["dies", "hangs"])
async def test_a_node_that_fails_costs_its_own_slots_only(
    cluster: RedisCluster, store: ClusterStore, hangs: bool
) -> None:
    one, two, bad = cluster.masters
    key, away = key_on(one, cluster), key_on(bad, cluster)
    fine, also_fine = window_on(one, cluster, "a"), window_on(two, cluster, "b")
    gone = window_on(bad, cluster, "c")
    await start(store, key)
    await start(store, away)
    bad.process.signal(signal.SIGSTOP) if hangs else bad.kill()
    for _ in range(2):
        await fails(start(store, away))
        await fails(take(store, RIGHT, key=away, failures=[fine]))
        await fails(take(store, RIGHT, key=key, failures=[fine, gone]))
        await fails(store.count([fine, gone, also_fine]))
        await fails(store.ping())
    assert await store.count([fine, also_fine]) is None
    assert await take(store, wrong(), key=key, failures=[fine, also_fine]) == WRONG
    assert (await take(store, RIGHT, key=key, count=[fine], failures=[also_fine])).leased
    assert await used(store, fine, also_fine) == [3, 2]
    bad.process.signal(signal.SIGCONT) if hangs else bad.start()
    await until(works(store.ping))
    assert await store.count([gone]) is None


async def test_calls_of_one_turn_travel_together_to_each_node(
    cluster: RedisCluster, store: ClusterStore
) -> None:
    windows = [window_on(node, cluster, "w", 1_000) for node in cluster.masters]
    await asyncio.gather(*(store.count(windows) for _ in range(50)))
    before = [reads(node) for node in cluster.masters]
    await asyncio.gather(*(store.count(windows) for _ in range(50)))
    for node, reads_before in zip(cluster.masters, before, strict=True):
        # Of 100 commands, to look and to count; some of these reads are the questions of this test.
        assert reads(node) - reads_before < 20


def reads(node: RedisServer) -> int:
    return int(node.ask("INFO", "stats")["total_reads_processed"])


async def test_any_node_that_answers_is_enough_to_find_the_others(cluster: RedisCluster) -> None:
    port = cluster.nodes[2].port
    store = open_store(f"redis+cluster://127.0.0.1:{free_port()},localhost:{port}")
    await store.ping()
    await store.close()


async def test_nodes_that_cannot_be_found_are_told(cluster: RedisCluster) -> None:
    port = free_port()
    store = open_store(f"redis+cluster://127.0.0.1:{port}", timeout=TIMEOUT)
    await store.open()
    told = f"redis cluster: no node found .127.0.0.1:{port}: redis 127.0.0.1:{port}: Error 111"
    await fails(store.ping(), told)
    await fails(start(store), told)
    await store.close()


async def test_what_is_not_a_cluster_is_told(redis_server: RedisServer) -> None:
    store = open_store(f"redis+cluster://127.0.0.1:{redis_server.port}")
    await fails(store.ping(), "cluster support disabled")
    await store.close()


async def test_a_node_that_is_in_no_cluster_is_told(tmp_path: Path) -> None:
    settings = ["cluster-enabled yes", f"cluster-port {free_port()}"]
    server = RedisServer(tmp_path, settings)
    server.start()
    store = open_store(f"redis+cluster://127.0.0.1:{server.port}")
    try:
        await fails(store.ping(), "knows of no slots")
    finally:
        await store.close()
        server.stop()


async def test_not_more_nodes_are_known_than_there_may_be(
    cluster: RedisCluster, store: ClusterStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cluster, "MAX_NODES", 2)
    other = open_store(cluster.url)
    await fails(other.ping(), "more than 2 nodes")
    await other.close()


# -- slots that move


def move(cluster: RedisCluster, slot: int, to: RedisServer) -> None:
    """Let a slot that is empty be served by another node; all nodes know."""
    for node in [to, *(node for node in cluster.nodes if node is not to)]:
        node.ask("CLUSTER", "SETSLOT", slot, "NODE", to.ask("CLUSTER", "MYID"))


async def test_a_slot_that_has_moved_is_found(cluster: RedisCluster, store: ClusterStore) -> None:
    one, two, _ = cluster.masters
    windows = [window_on(one, cluster, "a"), window_on(two, cluster, "b")]
    key = key_on(one, cluster)
    assert await store.count(windows) is None
    for node in cluster.nodes:
        node.ask("FLUSHALL")
        node.ask("CONFIG", "RESETSTAT")
    move(cluster, slot_of_key(key), two)
    move(cluster, slot_of_window(windows[0]), two)
    assert (await start(store, key, count=windows)).fresh
    assert (await take(store, RIGHT, key=key, failures=windows)).leased
    assert await used(store, *windows) == [1, 1]
    before = one.ask("INFO", "errorstats")["errorstat_MOVED"]
    await store.count(windows)
    assert one.ask("INFO", "errorstats")["errorstat_MOVED"] == before  # asked once
    await store.finish(key, MINE, forget=windows)
    move(cluster, slot_of_key(key), one)
    move(cluster, slot_of_window(windows[0]), one)


@contextlib.contextmanager
def moving(
    cluster: RedisCluster, slot: int, source: RedisServer, to: RedisServer
) -> Iterator[None]:
    """Be about to move a slot; at the end it has moved, with its keys."""
    to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.ask("CLUSTER", "MYID"))
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", to.ask("CLUSTER", "MYID"))
    try:
        yield
    finally:
        for key in source.ask("CLUSTER", "GETKEYSINSLOT", slot, 100):
            source.ask("MIGRATE", "127.0.0.1", to.port, key, 0, 5_000)
        move(cluster, slot, to)


async def test_a_counter_counts_while_its_slot_is_moved(
    cluster: RedisCluster, store: ClusterStore
) -> None:
    one, two, _ = cluster.masters
    stays, moves = window_on(one, cluster, "stays"), window_on(one, cluster, "moves")
    assert await store.count([stays]) is None
    with moving(cluster, slot_of_window(stays), one, two):
        assert await store.count([stays]) is None  # still where it was
    with moving(cluster, slot_of_window(moves), one, two):
        for _ in range(2):
            assert await store.count([moves, stays]) is None  # already where it goes to
    assert await used(store, stays, moves) == [4, 2]
    for of in (stays, moves):
        await store.forget([of])
        move(cluster, slot_of_window(of), one)


async def test_a_code_whose_slot_is_moved_is_waited_for(
    cluster: RedisCluster, store: ClusterStore
) -> None:
    one, two, _ = cluster.masters
    key = key_on(one, cluster)
    await start(store, key)
    with moving(cluster, slot_of_key(key), one, two):
        # There is a code and no lease: Redis cannot tell whether the lease has been moved already.
        attempt = asyncio.create_task(take(store, RIGHT, key=key))
        await asyncio.sleep(0.1)
        assert not attempt.done()
    assert (await attempt).leased
    await store.finish(key, MINE, forget=())
    move(cluster, slot_of_key(key), one)


async def test_a_slot_that_is_moved_for_too_long_fails_calls_in_time(
    cluster: RedisCluster, store: ClusterStore
) -> None:
    one, two, _ = cluster.masters
    key, failures = key_on(one, cluster), window_on(two, cluster, "f")
    await start(store, key)
    with moving(cluster, slot_of_key(key), one, two):
        await fails(take(store, RIGHT, key=key, failures=[failures]))
    assert (await take(store, RIGHT, key=key)).leased
    await store.finish(key, MINE, forget=())
    move(cluster, slot_of_key(key), one)


async def test_a_slot_that_nobody_serves_fails_calls(
    cluster: RedisCluster, store: ClusterStore
) -> None:
    one = cluster.masters[0]
    key, other = key_on(one, cluster), next(iter(keys_on(cluster.masters[1], cluster)))
    for node in cluster.nodes:
        node.ask("CLUSTER", "DELSLOTS", slot_of_key(key))
    await fails(start(store, key), "Hash slot not served")
    await fails(store.ping(), "some slots are served by no node")
    await fails(start(store, key), f"no node serves slot {slot_of_key(key)}")
    assert (await start(store, other)).fresh
    one.ask("CLUSTER", "ADDSLOTS", slot_of_key(key))
    await until(works(store.ping))
    assert (await start(store, key)).fresh
