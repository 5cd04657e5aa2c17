"""A cluster whose parts may fail, and a store on it."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from gateway.stores import Store, StoreUnavailable, open_store
from gateway.stores.cluster import ClusterStore
from tests.gateway.stores.conftest import running
from tests.gateway.stores.values import (
    room,
)
from tests.servers.redis_cluster import RedisCluster

TIMEOUT = 0.8
IN_TIME = TIMEOUT + 0.3  # and what a busy machine adds


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """What becomes of a part does not matter to the rest."""
    folder = tmp_path_factory.mktemp("parts")
    cluster = RedisCluster(folder, ["cluster-require-full-coverage no"], replicas=False)
    with running(cluster):
        yield cluster


@pytest.fixture
def cluster(shared_cluster: RedisCluster) -> Iterator[RedisCluster]:
    yield shared_cluster
    for node in shared_cluster.nodes:
        node.process.signal(signal.SIGCONT)
        if not node.process.running:
            node.start()
    shared_cluster.settle()
    for node in shared_cluster.nodes:
        node.ask("FLUSHALL")


@pytest.fixture
async def store(cluster: RedisCluster) -> AsyncIterator[ClusterStore]:
    opened = open_store(cluster.url, timeout=TIMEOUT)
    assert isinstance(opened, ClusterStore)
    await opened.open()
    yield opened
    await opened.close()


async def used(store: Store, *windows: Any) -> list[int]:
    return [of.limit - await room(store, of) for of in windows]


async def fails(call: Awaitable[object], match: str | None = None) -> None:
    """It fails with ``StoreUnavailable``, and in time."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match=match):
        await call
    assert time.monotonic() - began < IN_TIME


def works(call: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[bool]]:
    async def worked() -> bool:
        with contextlib.suppress(StoreUnavailable):
            await call()
            return True
        return False

    return worked
