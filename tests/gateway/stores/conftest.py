from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import redis

from gateway.stores import Store, open_store
from gateway.stores.memory import MemoryStore
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


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis for all tests that leave it running."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


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


@pytest.fixture(params=["memory", "redis"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def let_pass(kind: str, clock: Clock, admin: redis.Redis) -> LetPass:
    """Let so many ms pass, for ``store``."""

    def in_memory(ms: int) -> None:
        clock.seconds += ms / 1000

    def in_redis(ms: int) -> None:
        admin.eval(SHORTEN, 0, str(ms))

    return in_memory if kind == "memory" else in_redis


@pytest.fixture
async def store(
    kind: str, clock: Clock, admin: redis.Redis, redis_server: RedisServer
) -> AsyncIterator[Store]:
    """Each of the stores in turn, empty."""
    opened = MemoryStore(clock=clock) if kind == "memory" else open_store(redis_server.url)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def redis_store(admin: redis.Redis, redis_server: RedisServer) -> AsyncIterator[Store]:
    opened = open_store(redis_server.url)
    yield opened
    await opened.close()
