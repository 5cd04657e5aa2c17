"""How the store finds the master: sentinels that hang, die, know nothing or want a password."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.stores import Store, StoreUnavailable, open_store
from tests.gateway.stores.conftest import running
from tests.gateway.stores.values import RIGHT, start, take, turns, until, whole_story
from tests.servers.process import free_port
from tests.servers.redis_sentinel import SERVICE, RedisSentinel
from tests.servers.redis_server import RedisServer


def url_of(servers: RedisSentinel, options: str = "", *, user: str = "", order: str = "012") -> str:
    hosts = ",".join(f"127.0.0.1:{servers.sentinels[int(place)].port}" for place in order)
    return f"redis+sentinel://{user}{hosts}/{SERVICE}/0{options}"


@contextlib.contextmanager
def stopped(server: RedisServer) -> Iterator[None]:
    server.process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.signal(signal.SIGCONT)


async def test_sentinels_that_hang_hold_up_a_call_and_do_not_fail_it(
    redis_sentinel: RedisSentinel,
) -> None:
    store = open_store(url_of(redis_sentinel))
    first, second, _ = redis_sentinel.sentinels
    with stopped(first), stopped(second):
        await start(store)
        redis_sentinel.master.ask("CLIENT", "KILL", "TYPE", "normal")
        await turns()
        async with asyncio.timeout(0.3):  # it knows whom to ask by now
            await take(store, RIGHT)
    await store.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_one_sentinel_that_answers_is_enough(redis_sentinel: RedisSentinel) -> None:
    hosts = f"127.0.0.1:{free_port()},localhost:{redis_sentinel.sentinels[2].port}"
    store = open_store(f"redis+sentinel://{hosts}/{SERVICE}")
    await store.ping()
    await store.close()


async def test_no_sentinel_that_answers_is_told(redis_sentinel: RedisSentinel) -> None:
    port = free_port()
    store = open_store(f"redis+sentinel://gw:sesame@127.0.0.1:{port}/{SERVICE}")
    with pytest.raises(StoreUnavailable) as caught:
        await store.ping()
    told = f"redis gw: no master found (sentinel 127.0.0.1:{port}: Error 111 connecting"
    assert str(caught.value).startswith(told)
    assert "sesame" not in whole_story(caught.value)
    await store.close()


async def test_an_unknown_service_is_told(redis_sentinel: RedisSentinel) -> None:
    url = redis_sentinel.url.replace(f"/{SERVICE}/", "/other/")
    store = open_store(url)
    with pytest.raises(StoreUnavailable, match=r"^redis other: .*No such master with that name"):
        await store.ping()
    await store.close()


async def test_what_is_not_a_sentinel_is_told(redis_sentinel: RedisSentinel) -> None:
    store = open_store(f"redis+sentinel://127.0.0.1:{redis_sentinel.master.port}/{SERVICE}")
    with pytest.raises(StoreUnavailable, match="unknown command 'SENTINEL'"):
        await store.ping()
    await store.close()


async def test_a_master_that_is_known_to_be_down_is_not_waited_for(tmp_path: Path) -> None:
    servers = RedisSentinel(tmp_path)
    with running(servers):
        store = open_store(servers.url)
        await store.ping()
        master = servers.master
        [replica] = [server for server in servers.servers if server is not master]
        replica.kill()  # so that nobody can take over
        master.process.signal(signal.SIGSTOP)
        watches = servers.sentinels[2]
        await until(lambda: "s_down" in watches.ask("SENTINEL", "MASTER", SERVICE)["flags"])
        await until(lambda: told(store, "the master is down"))
        async with asyncio.timeout(0.5):
            with pytest.raises(StoreUnavailable, match="the master is down"):
                await start(store)
        await store.close()


async def told(store: Store, what: str) -> bool:
    try:
        await store.ping()
    except StoreUnavailable as error:
        return what in str(error)
    return False


DATA_USER = "user gw on >sesame ~gw:* +@all -@dangerous"
WATCH_USER = "user watch on >s3ntinel +sentinel|master"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisSentinel]:
    """Only user gw may touch keys, and only user watch may ask the sentinels for the master."""
    servers = RedisSentinel(
        tmp_path_factory.mktemp("guarded"),
        [DATA_USER, "user default on nopass ~* &* +@all -evalsha"],
        [WATCH_USER, "user default on nopass ~* &* +@all"],
    )
    with running(servers):
        yield servers


async def test_data_servers_and_sentinels_have_users_of_their_own(guarded: RedisSentinel) -> None:
    options = "?sentinel_username=watch&sentinel_password=s3ntinel"
    store = open_store(url_of(guarded, options, user="gw:sesame@"))
    assert (await start(store)).fresh
    assert (await take(store, RIGHT)).leased
    await store.close()


@pytest.mark.parametrize(
    ("user", "options", "says"),
    [
        pytest.param("gw:sesam%2Fe@", "", "invalid username-password", id="data"),
        pytest.param("", "", "no permissions to run the 'evalsha' command", id="rights"),
        pytest.param(
            "gw:sesame@",
            "?sentinel_username=watch&sentinel_password=sesam%2Fe",
            "sentinel 127.*: invalid username-password",
            id="sentinel",
        ),
        pytest.param(
            "gw:sesame@",
            "?sentinel_username=sesam%2Fe",
            "sentinel 127.*: invalid username-password",
            id="sentinel without a password",
        ),
    ],
)
async def test_a_refused_user_is_told_and_the_password_is_not(
    guarded: RedisSentinel, user: str, options: str, says: str
) -> None:
    store = open_store(url_of(guarded, options, user=user))
    with pytest.raises(StoreUnavailable, match=says) as caught:
        await store.ping()
    assert "sesam" not in whole_story(caught.value)
    await store.close()
