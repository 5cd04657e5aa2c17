"""Redis crashes, hangs, comes back, loses connections: calls fail in time, then work again."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
import redis
import uvloop

from gateway.stores import Limited, Store, StoreUnavailable, Verdict, open_store
from gateway.stores._pipeline import Pipeline
from gateway.stores._redis_url import Address, Login, connection_pool
from tests.gateway.stores.values import (
    ALICE,
    MINE,
    RIGHT,
    digest,
    pending,
    room,
    start,
    take,
    turns,
    until,
    window,
)
from tests.servers.fault_proxy import FaultProxy, Faults
from tests.servers.redis_server import RedisServer

TIMEOUT = 0.5
IN_TIME = TIMEOUT + 0.3  # and what a busy machine adds


@pytest.fixture
async def store(own_redis: RedisServer) -> AsyncIterator[Store]:
    opened = open_store(own_redis.url, timeout=TIMEOUT)
    yield opened
    await opened.close()


@pytest.fixture
def own_admin(own_redis: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(own_redis.url) as client:
        yield client


@pytest.fixture
def proxy(own_redis: RedisServer) -> Iterator[FaultProxy]:
    with FaultProxy(own_redis.port) as running:
        yield running


@pytest.fixture
async def proxied(proxy: FaultProxy) -> AsyncIterator[Store]:
    opened = open_store(f"redis://127.0.0.1:{proxy.port}/0", timeout=TIMEOUT)
    yield opened
    await opened.close()


async def fails(call: Awaitable[object], match: str | None = None) -> None:
    """It fails with ``StoreUnavailable``, and in time."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match=match):
        await call
    assert time.monotonic() - began < IN_TIME


async def two_at_a_time(store: Store) -> None:
    """Two calls at the same time, but not in the same batch."""
    first = asyncio.create_task(store.count([window("first")]))
    await turns()
    await store.count([window("second")])
    await first


async def test_a_crash_fails_calls_at_once_and_a_restart_heals_by_itself(
    own_redis: RedisServer, store: Store
) -> None:
    await start(store)
    own_redis.kill()
    for _ in range(3):
        await fails(start(store), f"redis 127.0.0.1:{own_redis.port}: ")
    own_redis.start()
    assert (await start(store)).fresh
    assert (await take(store, RIGHT)).leased


async def test_a_crash_between_two_calls_goes_unnoticed(
    own_redis: RedisServer, store: Store
) -> None:
    await two_at_a_time(store)
    with redis.Redis.from_url(own_redis.url) as admin:
        assert len(admin.client_list()) == 2
    own_redis.kill()
    own_redis.start()
    await turns()
    await two_at_a_time(store)


async def test_a_store_opens_while_redis_is_down(own_redis: RedisServer, store: Store) -> None:
    own_redis.kill()
    await store.open()
    await fails(store.ping(), "Error 111")
    own_redis.start()
    await store.ping()


async def test_a_hanging_server_fails_calls_in_time_and_heals_by_itself(
    own_redis: RedisServer, store: Store
) -> None:
    await start(store)
    own_redis.process.signal(signal.SIGSTOP)
    calls = [fails(start(store, digest(str(number)))) for number in range(100)]
    await asyncio.gather(*calls, fails(store.ping(), "no answer within 0.5 s"))
    await fails(store.ping(), "no answer within 0.5 s")
    own_redis.process.signal(signal.SIGCONT)
    assert not (await start(store)).fresh
    assert (await take(store, RIGHT)).leased


async def test_calls_that_wait_behind_hanging_ones_fail_in_time(
    own_redis: RedisServer, store: Store
) -> None:
    await store.ping()
    own_redis.process.signal(signal.SIGSTOP)
    calls = []
    for _ in range(10):
        calls.append(asyncio.create_task(fails(store.ping())))
        await asyncio.sleep(TIMEOUT / 20)
    await asyncio.gather(*calls)


async def test_a_hang_that_ends_in_time_does_no_harm(own_redis: RedisServer, store: Store) -> None:
    await start(store)
    own_redis.process.signal(signal.SIGSTOP)
    calls = [asyncio.create_task(take(store, RIGHT)) for _ in range(10)]
    await asyncio.sleep(TIMEOUT / 5)
    own_redis.process.signal(signal.SIGCONT)
    assert all(verdict.leased for verdict in await asyncio.gather(*calls))


async def test_connections_cut_between_calls_go_unnoticed(
    own_admin: redis.Redis, store: Store
) -> None:
    await start(store)
    own_admin.client_kill_filter(_type="normal", skipme=True)
    await turns()
    assert (await take(store, RIGHT)).leased


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_connections_reset_between_calls_go_unnoticed(
    proxy: FaultProxy, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def calls() -> None:
        store = open_store(f"redis://127.0.0.1:{proxy.port}/0", timeout=TIMEOUT)
        await start(store)
        proxy.reset_all()
        await turns()
        assert (await take(store, RIGHT)).leased
        assert proxy.accepted == 2
        await store.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(calls())


async def test_connections_cut_amid_traffic_fail_calls_and_nothing_else(
    own_admin: redis.Redis, store: Store
) -> None:
    of = window("w", limit=1_000)
    outcomes: list[Limited | BaseException | None] = []

    async def caller() -> None:
        for _ in range(30):
            outcomes.extend(await asyncio.gather(store.count([of]), return_exceptions=True))

    async def killer() -> None:
        for _ in range(10):
            own_admin.client_kill_filter(_type="normal", skipme=True)
            await asyncio.sleep(0.001)

    await asyncio.gather(*(caller() for _ in range(20)), killer())
    assert {type(outcome) for outcome in outcomes} <= {type(None), StoreUnavailable}
    counted = 1_000 - await room(store, of)
    # A call that failed may have been counted or not; one that did not was, and only once.
    assert outcomes.count(None) <= counted <= len(outcomes) == 600


async def lose_the_reply(call: Awaitable[object], admin: redis.Redis) -> None:
    """Cut the connections while the server sits on the commands that ``call`` has sent."""
    admin.client_pause(60_000, all=False)
    task = asyncio.ensure_future(call)
    await until(lambda: admin.info("clients")["blocked_clients"] == 1)
    admin.client_kill_filter(_type="normal", skipme=True)
    admin.client_unpause()
    await task


async def test_a_lost_finish_is_sent_again(own_admin: redis.Redis, store: Store) -> None:
    await start(store)
    await take(store, RIGHT)

    async def finish() -> None:
        assert await store.finish(ALICE, MINE, forget=())

    await lose_the_reply(finish(), own_admin)
    assert (await start(store)).fresh


@pytest.mark.parametrize("name", ["start", "take", "count", "uncount", "withdraw"])
async def test_what_may_not_happen_twice_is_not_sent_again(
    own_admin: redis.Redis, store: Store, name: str
) -> None:
    of = [window("w")]
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "start": lambda: store.start(ALICE, pending(), count=of, check=(), spend=()),
        "take": lambda: take(store, RIGHT),
        "count": lambda: store.count(of),
        "uncount": lambda: store.uncount(of),
        "withdraw": lambda: store.withdraw(ALICE, fresh=True, spent=of),
    }
    await start(store)
    await calls[name]()
    await lose_the_reply(fails(calls[name]()), own_admin)
    await store.ping()


async def test_in_one_batch_only_what_is_safe_is_sent_again(
    own_admin: redis.Redis, store: Store
) -> None:
    await start(store)

    async def both() -> None:
        count, finish = await asyncio.gather(
            store.count([window("w")]),
            store.finish(ALICE, MINE, forget=()),
            return_exceptions=True,
        )
        assert isinstance(count, StoreUnavailable)
        assert finish is True

    await lose_the_reply(both(), own_admin)


async def test_what_was_answered_before_the_connection_broke_is_not_sent_again(
    own_admin: redis.Redis, store: Store
) -> None:
    async def both() -> None:
        # The pause lets a GET through.
        await asyncio.gather(store.read(ALICE), fails(store.count([window("w")])))

    await store.count([window("w")])
    own_admin.config_resetstat()
    await lose_the_reply(both(), own_admin)
    assert own_admin.info("commandstats")["cmdstat_get"]["calls"] == 1


async def test_a_server_that_does_not_let_anybody_in_fails_calls_early() -> None:
    with contextlib.ExitStack() as stack:
        # Its queue of connections is full, so the kernel drops further ones without a word.
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        stack.enter_context(socket.create_connection(server.getsockname()))
        store = open_store(f"redis://127.0.0.1:{server.getsockname()[1]}", timeout=TIMEOUT)
        await fails(store.count([window("w")]), "Timeout connecting")
        await store.close()


async def test_a_reply_cut_short_is_no_reply(proxy: FaultProxy, proxied: Store) -> None:
    await start(proxied, digest("other"))
    proxy.set(Faults(cut_after=10))
    await fails(start(proxied))
    proxy.heal()
    assert (await take(proxied, RIGHT)).leased  # it had arrived all the same


async def test_a_network_that_swallows_everything_fails_calls_in_time(
    proxy: FaultProxy, proxied: Store
) -> None:
    await start(proxied)
    proxy.set(Faults(black_hole=True))
    await fails(take(proxied, RIGHT), "no answer within 0.5 s")
    proxy.heal()
    assert isinstance(await take(proxied, RIGHT), Verdict)


@pytest.mark.parametrize("replies", ["results", "errors"])
async def test_cancelled_callers_do_not_mix_up_the_replies(
    own_redis: RedisServer, own_admin: redis.Redis, store: Store, replies: str
) -> None:
    keys = [digest(str(number)) for number in range(20)]
    for number, key in enumerate(keys):
        await start(store, key, memo=b"%d" % number)
    if replies == "errors":
        own_admin.script_flush()
    own_redis.process.signal(signal.SIGSTOP)
    tasks = [asyncio.create_task(start(store, key)) for key in keys]
    await turns()
    for task in tasks[::2]:
        task.cancel()
    own_redis.process.signal(signal.SIGCONT)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for number, result in enumerate(results):
        if number % 2:
            assert not isinstance(result, BaseException)
            assert result.memo == b"%d" % number
        else:
            assert isinstance(result, asyncio.CancelledError)
    assert (await start(store, keys[0])).memo == b"0"


async def test_a_batch_whose_callers_all_gave_up_leaves_a_sound_connection(
    own_redis: RedisServer, store: Store
) -> None:
    await start(store)
    own_redis.process.signal(signal.SIGSTOP)
    task = asyncio.create_task(take(store, RIGHT))
    await turns()
    task.cancel()
    await asyncio.sleep(TIMEOUT)  # until the batch has given up, too
    own_redis.process.signal(signal.SIGCONT)
    assert not (await start(store)).fresh


async def test_too_many_waiting_commands_are_refused_at_once(own_redis: RedisServer) -> None:
    address = Address("127.0.0.1", own_redis.port)
    pool = connection_pool(address, Login(), connections=1, connect_timeout=1)
    pipeline = Pipeline(pool, name="redis", timeout=TIMEOUT, max_waiting=10)
    await pipeline.send(b"PING")
    own_redis.process.signal(signal.SIGSTOP)
    replies = [pipeline.send(b"PING") for _ in range(5)]
    await turns()  # these are on their way
    replies += [pipeline.send(b"PING") for _ in range(5)]
    with pytest.raises(StoreUnavailable, match="10 commands are waiting"):
        pipeline.send(b"PING")
    own_redis.process.signal(signal.SIGCONT)
    assert await asyncio.gather(*replies) == [b"PONG"] * 10
    await pipeline.close()


async def test_closing_waits_for_the_replies_and_leaves_nothing_behind(
    own_admin: redis.Redis, own_redis: RedisServer
) -> None:
    store = open_store(own_redis.url)
    await two_at_a_time(store)
    own_redis.process.signal(signal.SIGSTOP)
    tasks = []
    for _ in range(2):
        tasks.append(asyncio.create_task(store.count([window("w")])))
        await turns()
    closing = asyncio.create_task(store.close())
    await turns()
    own_redis.process.signal(signal.SIGCONT)
    assert await asyncio.gather(*tasks) == [None, None]
    await closing
    await fails(store.ping(), "closed")
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await until(lambda: len(own_admin.client_list()) == 1)


@pytest.mark.parametrize("connected", [True, False])
async def test_closing_sends_what_was_asked_for_just_before(
    own_redis: RedisServer, connected: bool
) -> None:
    address = Address("127.0.0.1", own_redis.port)
    pool = connection_pool(address, Login(), connections=1, connect_timeout=1)
    pipeline = Pipeline(pool, name="redis", timeout=TIMEOUT)
    if connected:
        await pipeline.send(b"PING")
    reply = pipeline.send(b"PING")
    await pipeline.close()
    assert await reply == b"PONG"


async def test_closing_ends_in_time_when_the_server_hangs(own_redis: RedisServer) -> None:
    store = open_store(own_redis.url, timeout=TIMEOUT)
    await store.ping()
    own_redis.process.signal(signal.SIGSTOP)
    task = asyncio.create_task(fails(store.ping()))
    await turns()
    async with asyncio.timeout(2 * IN_TIME):
        await store.close()
    await task
