"""Over TLS, with a user that may do what is needed and no more: Redis of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.stores import StoreUnavailable, open_store
from tests.gateway.stores.conftest import Backend, running
from tests.gateway.stores.values import RIGHT, start, take, whole_story
from tests.servers.redis_cluster import RedisCluster
from tests.servers.redis_sentinel import RedisSentinel
from tests.servers.redis_server import RedisServer
from tests.servers.tls import Authority

USER = "user gw on >sesame ~gw:* +ping +cluster|slots +asking +eval +evalsha +get +set +setrange"
USER += " +exists +del +incr +decrby +pttl +pexpire"
LAME = "user lame on >sesame ~other:* +@all"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module", params=["redis", "sentinel", "cluster"])
def secured(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Backend]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    file = folder / "users.acl"
    file.write_text(f"{USER}\n{LAME}\nuser default on nopass ~* &* +@all\n")
    settings = [f"aclfile {file}"]
    server: Backend
    if request.param == "redis":
        server = RedisServer(folder, settings, authority=authority)
    elif request.param == "sentinel":
        server = RedisSentinel(folder, settings, authority=authority)
    else:
        server = RedisCluster(folder, settings, replicas=False, authority=authority)
    with running(server):
        yield server


def url_of(server: Backend, ca_file: Path | None, user: str = "gw:sesame") -> str:
    url = server.url.replace("://", f"://{user}@")
    options = [] if url.startswith("rediss:") else ["tls=true"]
    options += [f"ssl_ca_certs={ca_file}"] if ca_file else []
    return "?".join([url, "&".join(options)]) if options else url


async def refused(url: str, says: str) -> None:
    store = open_store(url)
    with pytest.raises(StoreUnavailable, match=says) as caught:
        await store.ping()
    assert "sesam" not in whole_story(caught.value)
    await store.close()


async def test_it_works_for_a_user_that_may_only_touch_its_keys(
    secured: Backend, authority: Authority
) -> None:
    store = open_store(url_of(secured, authority.ca_file))
    await store.ping()
    assert (await start(store)).fresh
    assert (await take(store, RIGHT)).leased
    await store.close()


async def test_a_server_that_nobody_vouches_for_is_refused(secured: Backend) -> None:
    await refused(url_of(secured, None), "certificate verify failed")


async def test_a_server_that_another_authority_vouches_for_is_refused(
    secured: Backend, tmp_path: Path
) -> None:
    await refused(url_of(secured, Authority(tmp_path).ca_file), "certificate verify failed")


async def test_a_wrong_password_is_told_and_not_shown(
    secured: Backend, authority: Authority
) -> None:
    url = url_of(secured, authority.ca_file, "gw:sesam%2Fe")
    await refused(url, "invalid username-password pair")


async def test_missing_rights_are_told(secured: Backend, authority: Authority) -> None:
    url = url_of(secured, authority.ca_file, "lame:sesame")
    await refused(url, "permission|can't access at least one of the keys")


async def test_a_server_that_wants_tls_is_not_waited_for(secured: Backend) -> None:
    url = secured.url.replace("rediss://", "redis://").replace("://", "://gw:sesame@")
    await refused(url, "onnection")
