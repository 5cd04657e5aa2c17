"""What only the store in Redis promises: its keys, its round trips, its users and its URLs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import redis

from gateway.stores import Store, StoreUnavailable, open_store
from tests.gateway.stores.values import (
    ALICE,
    MINE,
    RIGHT,
    YOURS,
    pending,
    room,
    start,
    take,
    until,
    whole_story,
    window,
    wrong,
)
from tests.servers.redis_server import RedisServer

W = [window("a", limit=100), window("b", limit=100), window("c", limit=100)]

CALLS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "start": lambda store: start(store, count=W[:1], check=W[1:2], spend=W[2:]),
    "withdraw": lambda store: store.withdraw(ALICE, fresh=False, spent=W),
    "take": lambda store: take(store, wrong(), count=W[:1], failures=W[1:]),
    "finish": lambda store: store.finish(ALICE, MINE, forget=W),
    "release": lambda store: store.release(ALICE, MINE),
    "count": lambda store: store.count(W),
    "uncount": lambda store: store.uncount(W),
    "forget": lambda store: store.forget(W),
    "ping": lambda store: store.ping(),
}
# What an administrator has to allow, and no more.
USER = "user gw on >sesame ~gw:* +ping +eval +evalsha +get +set +setrange +exists +del"
USER += " +incr +decrby +pttl +pexpire"


def reads(admin: redis.Redis) -> int:
    """How often the server has read from a connection, this question not included."""
    return int(admin.info("stats")["total_reads_processed"]) - 1


@pytest.mark.parametrize("name", CALLS)
async def test_a_call_is_one_round_trip(admin: redis.Redis, redis_store: Store, name: str) -> None:
    await CALLS[name](redis_store)  # connects, and brings the script along
    before = reads(admin)
    await CALLS[name](redis_store)
    assert reads(admin) - before == 2  # and one is the first question


async def test_calls_of_one_turn_travel_together(admin: redis.Redis, redis_store: Store) -> None:
    await CALLS["count"](redis_store)
    before = reads(admin)
    await asyncio.gather(*(redis_store.count(W) for _ in range(20)))
    assert reads(admin) - before == 2


async def test_all_keys_are_named_and_end_by_themselves(
    admin: redis.Redis, redis_store: Store
) -> None:
    await start(redis_store, count=W)
    await take(redis_store, RIGHT)
    names = {str(name): admin.pttl(name) for name in admin.keys("*")}
    [challenge] = [name for name in names if name.endswith("}")]
    assert len(challenge) == len("gw:{}") + 22
    assert f"{challenge}:l" in names
    assert sum(name.startswith("gw:n:") and len(name) == 5 + 22 for name in names) == 3
    assert len(names) == 5
    assert all(ttl > 0 for ttl in names.values())


async def test_what_has_ended_leaves_no_key_behind(admin: redis.Redis, redis_store: Store) -> None:
    await redis_store.withdraw(ALICE, fresh=False, spent=W)
    await redis_store.release(ALICE, MINE)
    await take(redis_store, RIGHT)
    await redis_store.uncount(W)
    assert admin.keys("*") == []


async def test_a_pending_code_takes_at_most_250_bytes_t18(
    admin: redis.Redis, redis_store: Store
) -> None:
    challenges, before = 10_000, admin.info("memory")["used_memory"]
    for _ in range(challenges // 500):
        await asyncio.gather(
            *(start(redis_store, os.urandom(16), memo=os.urandom(8)) for _ in range(500))
        )
    assert (admin.info("memory")["used_memory"] - before) / challenges <= 250


async def test_time_is_real(admin: redis.Redis, redis_store: Store) -> None:
    await start(redis_store, lifetime_ms=50)

    async def ended() -> bool:
        return (await start(redis_store)).fresh

    await until(ended)


async def test_forgotten_scripts_are_sent_again(admin: redis.Redis, redis_store: Store) -> None:
    await start(redis_store)
    admin.script_flush()
    assert (await take(redis_store, RIGHT)).leased


async def test_scripts_forgotten_amid_traffic_do_no_harm(
    admin: redis.Redis, redis_store: Store
) -> None:
    of = window("w", limit=10_000)

    async def caller() -> None:
        for _ in range(50):
            assert await redis_store.count([of]) is None

    async def flusher() -> None:
        for _ in range(50):
            admin.script_flush()
            await asyncio.sleep(0)

    await asyncio.gather(*(caller() for _ in range(20)), flusher())
    assert await room(redis_store, of) == 10_000 - 20 * 50


@pytest.fixture
def guarded_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """Only user gw gets in, and only to keys of the gateway."""
    server = RedisServer(tmp_path, [USER, "user default off"])
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("name", CALLS)
async def test_a_user_that_may_only_touch_its_keys_is_enough(
    guarded_redis: RedisServer, name: str
) -> None:
    store = open_store(guarded_redis.url.replace("//", "//gw:sesame@"))
    await start(store, resend_ms=0)
    await take(store, RIGHT, lease=YOURS)
    await CALLS[name](store)
    await store.close()


@pytest.mark.parametrize(
    ("user", "says"),
    [("gw:sesam%2Fe@", "invalid username-password"), ("", "Authentication required")],
)
async def test_a_refused_user_is_told_and_the_password_is_not(
    guarded_redis: RedisServer, user: str, says: str
) -> None:
    store = open_store(guarded_redis.url.replace("//", f"//{user}"))
    with pytest.raises(StoreUnavailable, match=says) as caught:
        await store.ping()
    assert str(caught.value).startswith(f"redis 127.0.0.1:{guarded_redis.port}: ")
    assert "sesam" not in whole_story(caught.value)
    await store.close()


async def test_what_the_server_refuses_is_unavailable(
    admin: redis.Redis, redis_store: Store
) -> None:
    await start(redis_store)
    [name] = admin.keys("*")
    admin.delete(name)
    admin.lpush(name, "not a record")
    with pytest.raises(StoreUnavailable, match="WRONGTYPE"):
        await take(redis_store, RIGHT)
    await redis_store.ping()


async def test_one_refused_command_does_not_harm_the_others_of_its_batch(
    admin: redis.Redis, redis_store: Store
) -> None:
    await start(redis_store)
    [name] = admin.keys("*")
    admin.delete(name)
    admin.lpush(name, "not a record")
    results = await asyncio.gather(
        redis_store.count([W[0]]),
        redis_store.start(ALICE, pending(), count=(), check=(), spend=()),
        redis_store.count([W[0]]),
        return_exceptions=True,
    )
    assert results[0] is results[2] is None
    assert isinstance(results[1], StoreUnavailable)
    assert await room(redis_store, W[0]) == 98
