"""A master dies, or is relieved, while people sign in: another one takes over, and all is well."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from gateway.stores import Store, StoreUnavailable, open_store
from tests.gateway.stores.conftest import running
from tests.gateway.stores.places import key_on
from tests.gateway.stores.stream import Stream
from tests.gateway.stores.values import RIGHT, digest, room, start, take, until, window
from tests.servers.redis_cluster import RedisCluster
from tests.servers.redis_sentinel import SERVICE, RedisSentinel
from tests.servers.redis_server import RedisServer

TIMEOUT = 2.0
IN_TIME = TIMEOUT + 0.5  # and what a busy machine adds
RECOVERS = 15.0  # seconds; 2 or 3, unless the machine is busy
CODES = 100


Watched = RedisSentinel | RedisCluster


@pytest.fixture(params=["sentinel", "cluster"])
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    """Servers of its own for a test, one of which can take over from another."""
    servers = RedisSentinel(tmp_path) if request.param == "sentinel" else RedisCluster(tmp_path)
    with running(servers):
        yield servers


@pytest.fixture
async def store(watched: Watched) -> AsyncIterator[Store]:
    opened = open_store(watched.url, timeout=TIMEOUT)
    await opened.open()
    yield opened
    await opened.close()


async def replicated(master: RedisServer) -> None:
    """The replica has all that the master has."""
    await asyncio.to_thread(master.ask, "WAIT", 1, 5_000)


async def recovered(stream: Stream, since: float) -> float:
    """Wait until logins succeed and none fails any more; return how long that took (s)."""
    while True:
        await asyncio.sleep(0.1)
        now = time.monotonic()
        last = max(stream.failures, default=0.0)
        if last > since and now - last > 1.0 and stream.successes[-1] > last:
            return last - since
        assert now - since < RECOVERS, stream.texts


def check(stream: Stream) -> None:
    """Whatever happened, this holds."""
    assert not stream.others
    assert stream.slowest < IN_TIME
    assert max(stream.tokens.values()) == 1
    assert not stream.lost


async def test_a_killed_master_costs_some_seconds_and_no_code(
    watched: Watched, store: Store, record_property: Callable[[str, object], None]
) -> None:
    codes = [digest(f"pending {number}") for number in range(CODES)]
    counted = window("before", 10)
    for key in codes:
        await start(store, key)
    assert await store.count([counted]) is None
    for master in watched.masters:
        await replicated(master)
    async with Stream(store) as stream:
        await until(lambda: len(stream.successes) > 50)
        assert not stream.failures
        killed = time.monotonic()
        watched.masters[0].kill()
        seconds = await recovered(stream, killed)
    record_property("recovered after seconds", round(seconds, 2))
    check(stream)
    for key in codes:
        assert (await take(store, RIGHT, key=key)).leased
    assert await room(store, counted) == 9


async def test_a_hanging_master_fails_calls_in_time_until_another_takes_over(
    watched: Watched, store: Store
) -> None:
    async with Stream(store) as stream:
        await until(lambda: len(stream.successes) > 50)
        hangs, hung = watched.masters[0], time.monotonic()
        hangs.process.signal(signal.SIGSTOP)
        await recovered(stream, hung)
        successes = len(stream.successes)
        hangs.process.signal(signal.SIGCONT)  # a master for itself at first, then a replica
        await until(lambda: not hangs.is_master())
        await until(lambda: len(stream.successes) > successes + 50)
    check(stream)


async def test_a_master_that_is_relieved_in_order_loses_nothing(
    watched: Watched, store: Store
) -> None:
    await start(store)
    async with Stream(store) as stream:
        await until(lambda: len(stream.successes) > 50)
        before = watched.masters
        relieve(watched)
        await until(lambda: watched.masters != before)
        successes, began = len(stream.successes), time.monotonic()
        await until(lambda: len(stream.successes) > successes + 50)
        assert time.monotonic() - began < RECOVERS
    check(stream)
    assert (await take(store, RIGHT)).leased
    await store.ping()


def relieve(watched: Watched) -> None:
    """Have a replica take over in agreement with its master."""
    if isinstance(watched, RedisSentinel):
        watched.sentinels[0].ask("SENTINEL", "FAILOVER", SERVICE)
    else:
        replica = next(node for node in watched.nodes if not node.is_master())
        replica.ask("CLUSTER", "FAILOVER")


async def test_a_store_that_was_idle_meanwhile_finds_the_new_master(
    watched: Watched, store: Store
) -> None:
    before = watched.masters
    key = digest("sentinels watch one master")
    if isinstance(watched, RedisCluster):
        key = key_on(before[0], watched)
    await start(store, key)
    await replicated(before[0])
    before[0].kill()
    await until(lambda: len(watched.masters) == len(before))

    async def works() -> bool:
        try:
            return (await take(store, RIGHT, key=key)).leased
        except StoreUnavailable:
            return False

    await until(works)
    await until(healthy(store))


def healthy(store: Store) -> Callable[[], Awaitable[bool]]:
    async def is_healthy() -> bool:
        try:
            await store.ping()
        except StoreUnavailable:
            return False
        return True

    return is_healthy
