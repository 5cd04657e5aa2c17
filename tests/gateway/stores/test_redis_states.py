"""Redis is up, and does not do what it is asked: replica, loading, full, without its replicas."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.stores import Store, StoreUnavailable, open_store
from tests.gateway.stores.values import BOB, RIGHT, start, take, turns, until
from tests.servers.process import HOST, free_port
from tests.servers.redis_server import RedisServer


@pytest.fixture
async def store(own_redis: RedisServer) -> AsyncIterator[Store]:
    opened = open_store(own_redis.url)
    yield opened
    await opened.close()


async def refused(store: Store, says: str) -> None:
    """Neither calls nor the question after its health succeed."""
    with pytest.raises(StoreUnavailable, match=says):
        await start(store, BOB)
    with pytest.raises(StoreUnavailable, match=says):
        await store.ping()


def clients(server: RedisServer) -> int:
    """How many connections there have been, this one not included."""
    return int(server.ask("INFO", "stats")["total_connections_received"]) - 1


async def test_a_demoted_server_is_left(own_redis: RedisServer, store: Store) -> None:
    await start(store)
    own_redis.ask("REPLICAOF", HOST, free_port())
    before = clients(own_redis)
    await refused(store, "You can't write against a read only replica")
    assert clients(own_redis) - before == 2  # each time anew: perhaps it leads to the master now
    own_redis.ask("REPLICAOF", "NO", "ONE")
    assert (await take(store, RIGHT)).leased


async def test_a_replica_without_its_master_is_left(own_redis: RedisServer, store: Store) -> None:
    await start(store)
    own_redis.ask("CONFIG", "SET", "replica-serve-stale-data", "no")
    own_redis.ask("REPLICAOF", HOST, free_port())
    before = clients(own_redis)
    await refused(store, "Link with MASTER is down")
    assert clients(own_redis) - before == 2
    own_redis.ask("REPLICAOF", "NO", "ONE")
    assert (await take(store, RIGHT)).leased


async def test_a_server_that_still_loads_is_waited_for(tmp_path: Path) -> None:
    server = RedisServer(
        tmp_path,
        ["key-load-delay 2000", "loading-process-events-interval-bytes 1024"],  # µs for each key
    )
    server.start()
    store = open_store(server.url)
    try:
        await start(store)
        server.ask("EVAL", "for i = 1, 1000 do redis.call('SET', i, string.rep('x', 99)) end", 0)
        server.ask("SAVE")
        server.kill()
        server.start()
        await turns()
        await refused(store, "loading the dataset in memory")

        async def loaded() -> bool:
            try:
                return (await take(store, RIGHT)).leased
            except StoreUnavailable:
                return False

        await until(loaded)
    finally:
        await store.close()
        server.stop()


async def test_a_full_server_is_told(own_redis: RedisServer, store: Store) -> None:
    own_redis.ask("CONFIG", "SET", "maxmemory", 1)
    await refused(store, "used memory > 'maxmemory'")
    own_redis.ask("CONFIG", "SET", "maxmemory", 0)
    await store.ping()


async def test_a_server_without_enough_replicas_is_told(
    own_redis: RedisServer, store: Store
) -> None:
    own_redis.ask("CONFIG", "SET", "min-replicas-to-write", 1)
    await refused(store, "Not enough good replicas")
    own_redis.ask("CONFIG", "SET", "min-replicas-to-write", 0)
    await store.ping()


async def test_asking_after_its_health_leaves_nothing(own_redis: RedisServer, store: Store) -> None:
    await store.ping()
    assert own_redis.ask("KEYS", "*") == []
