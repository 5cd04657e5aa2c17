from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
import redis

from gateway.stores import Store, open_store
from gateway.stores.memory import MemoryStore
from tests.servers.redis_cluster import RedisCluster
from tests.servers.redis_sentinel import RedisSentinel
from tests.servers.redis_server import RedisServer

LetPass = Callable[[int], None]

# All that a store in Redis knows of time is how long its keys have to live.
SHORTEN = """
for _, key in ipairs(redis.call('KEYS', 'gw:*')) do
  local left = redis.call('PTTL', key) - tonumber(ARGV[1])
  if left > 0 then redis.call('PEXPIRE', key, left) else redis.call('DEL', key) end
end
"""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Backend(Protocol):
    """Servers of any kind."""

    url: str

    @property
    def masters(self) -> list[RedisServer]: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


def empty(backend: Backend) -> None:
    for master in backend.masters:
        master.ask("FLUSHALL")


def shorten(backend: Backend, ms: int) -> None:
    """Shorten the lives of all keys."""
    for master in backend.masters:
        master.ask("EVAL", SHORTEN, 0, ms)


def empty_server(kind: str, request: pytest.FixtureRequest) -> Backend:
    name = "redis_server" if kind == "redis" else f"redis_{kind}"
    backend: Backend = request.getfixturevalue(name)
    empty(backend)
    return backend


@contextlib.contextmanager
def running(backend: Backend) -> Iterator[None]:
    try:
        backend.start()
        yield
    finally:
        backend.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis for all tests that leave it running."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_sentinel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisSentinel]:
    """The same, with a replica and sentinels."""
    sentinel = RedisSentinel(tmp_path_factory.mktemp("sentinel"))
    with running(sentinel):
        yield sentinel


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """The same, as a cluster of three masters."""
    cluster = RedisCluster(tmp_path_factory.mktemp("cluster"), replicas=False)
    with running(cluster):
        yield cluster


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis for one test, which may do to it what it likes."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def admin(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """A plain client of ``redis_server``, which is empty at first."""
    with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
        client.flushdb()
        yield client


@pytest.fixture(params=["redis", "sentinel", "cluster"])
def shared_kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def shared(shared_kind: str, request: pytest.FixtureRequest) -> Backend:
    """Each of the servers that several processes can share, empty at first."""
    return empty_server(shared_kind, request)


@pytest.fixture
async def shared_store(shared: Backend) -> AsyncIterator[Store]:
    """A store on ``shared``."""
    opened = open_store(shared.url)
    yield opened
    await opened.close()


@pytest.fixture(params=["memory", "redis", "sentinel", "cluster"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def backend(kind: str, request: pytest.FixtureRequest) -> Backend | None:
    """What ``store`` keeps everything in, if that is a server."""
    return None if kind == "memory" else empty_server(kind, request)


@pytest.fixture
def let_pass(backend: Backend | None, clock: Clock) -> LetPass:
    """Let so many ms pass, for ``store``."""

    def pass_(ms: int) -> None:
        if backend is None:
            clock.seconds += ms / 1000
        else:
            shorten(backend, ms)

    return pass_


@pytest.fixture
async def store(backend: Backend | None, clock: Clock) -> AsyncIterator[Store]:
    """Each of the stores in turn, empty."""
    opened = MemoryStore(clock=clock) if backend is None else open_store(backend.url)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def redis_store(admin: redis.Redis, redis_server: RedisServer) -> AsyncIterator[Store]:
    opened = open_store(redis_server.url)
    yield opened
    await opened.close()
