"""The same service twice: in the memory of one process, and as two processes on one Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.logins.configuration import configuration
from tests.logins.site import Site, running
from tests.servers.numbers import fresh_number
from tests.servers.redis_server import RedisServer


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shared_memory_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("memory")
    with running(folder, 1, lambda mesibo, sms: configuration(mesibo, sms, "memory://")) as site:
        yield site


@pytest.fixture(scope="session")
def shared_redis_site(
    shared_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder, url = tmp_path_factory.mktemp("two"), shared_redis.url
    with running(folder, 2, lambda mesibo, sms: configuration(mesibo, sms, url)) as site:
        yield site


@pytest.fixture(params=["memory", "redis"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """Each of the two in turn, with everything behind it well."""
    site: Site = request.getfixturevalue(f"shared_{request.param}_site")
    yield site
    site.mesibo.ok()
    site.sms.ok()


@pytest.fixture
def redis_site(shared_redis_site: Site) -> Iterator[Site]:
    yield shared_redis_site
    shared_redis_site.mesibo.ok()
    shared_redis_site.sms.ok()


@pytest.fixture
def numbers() -> Callable[[int], list[str]]:
    """Make so many phone numbers that no other test uses."""
    return lambda count: [fresh_number() for _ in range(count)]


@pytest.fixture
def other_number() -> str:
    return fresh_number()
