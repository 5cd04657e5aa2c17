"""Nodes die, hang and hand over slots, answers are lost: calls fail closed, then work again."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.stores import WRONG, Started, Store, StoreUnavailable, _cluster, _scripts, open_store
from gateway.stores._pipeline import Word
from gateway.stores._scripts import Script
from gateway.stores.cluster import ClusterStore
from gateway.stores.redis import Link
from tests.gateway.stores.conftest import running
from tests.gateway.stores.places import key_on, keys_on, slot_of_key, slot_of_window, window_on
from tests.gateway.stores.values import (
    ALICE,
    MINE,
    RIGHT,
    YOURS,
    digest,
    pending,
    room,
    start,
    take,
    until,
    window,
    wrong,
)
from tests.servers.process import free_port
from tests.servers.redis_cluster import RedisCluster
from tests.servers.redis_server import RedisServer

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


# -- nodes


@pytest.mark.parametrize("hangs", [False, True], ids=["dies", "hangs"])
async def test_a_node_that_fails_costs_its_own_slots_only(
    cluster: RedisCluster, store: ClusterStore, hangs: bool
) -> None:
    one, two, bad = cluster.masters
    key, away = key_on(one, cluster), key_on(bad, cluster)
    fine, also_fine = window_on(one, cluster, "a"), window_on(two, cluster, "b")
    gone = window_on(bad, cluster, "c")
    await start(store, key)
    await start(store, away)
    bad.process.signal(signal.SIGSTOP) if hangs else bad.kill()
    for _ in range(2):
        await fails(start(store, away))
        await fails(take(store, RIGHT, key=away, failures=[fine]))
        await fails(take(store, RIGHT, key=key, failures=[fine, gone]))
        await fails(store.count([fine, gone, also_fine]))
        await fails(store.ping())
    assert await store.count([fine, also_fine]) is None
    assert await take(store, wrong(), key=key, failures=[fine, also_fine]) == WRONG
    assert (await take(store, RIGHT, key=key, count=[fine], failures=[also_fine])).leased
    assert await used(store, fine, also_fine) == [3, 2]
    bad.process.signal(signal.SIGCONT) if hangs else bad.start()
    await until(works(store.ping))
    assert await store.count([gone]) is None


async def test_calls_of_one_turn_travel_together_to_each_node(
    cluster: RedisCluster, store: ClusterStore
) -> None:
    windows = [window_on(node, cluster, "w", 1_000) for node in cluster.masters]
    await asyncio.gather(*(store.count(windows) for _ in range(50)))
    before = [reads(node) for node in cluster.masters]
    await asyncio.gather(*(store.count(windows) for _ in range(50)))
    for node, reads_before in zip(cluster.masters, before, strict=True):
        # Of 100 commands, to look and to count; some of these reads are the questions of this test.
        assert reads(node) - reads_before < 20


def reads(node: RedisServer) -> int:
    return int(node.ask("INFO", "stats")["total_reads_processed"])


async def test_any_node_that_answers_is_enough_to_find_the_others(cluster: RedisCluster) -> None:
    port = cluster.nodes[2].port
    store = open_store(f"redis+cluster://127.0.0.1:{free_port()},localhost:{port}")
    await store.ping()
    await store.close()


async def test_nodes_that_cannot_be_found_are_told(cluster: RedisCluster) -> None:
    port = free_port()
    store = open_store(f"redis+cluster://127.0.0.1:{port}", timeout=TIMEOUT)
    await store.open()
    told = f"redis cluster: no node found .127.0.0.1:{port}: redis 127.0.0.1:{port}: Error 111"
    await fails(store.ping(), told)
    await fails(start(store), told)
    await store.close()


async def test_what_is_not_a_cluster_is_told(redis_server: RedisServer) -> None:
    store = open_store(f"redis+cluster://127.0.0.1:{redis_server.port}")
    await fails(store.ping(), "cluster support disabled")
    await store.close()


async def test_a_node_that_is_in_no_cluster_is_told(tmp_path: Path) -> None:
    settings = ["cluster-enabled yes", f"cluster-port {free_port()}"]
    server = RedisServer(tmp_path, settings)
    server.start()
    store = open_store(f"redis+cluster://127.0.0.1:{server.port}")
    try:
        await fails(store.ping(), "knows of no slots")
    finally:
        await store.close()
        server.stop()


async def test_not_more_nodes_are_known_than_there_may_be(
    cluster: RedisCluster, store: ClusterStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cluster, "MAX_NODES", 2)
    other = open_store(cluster.url)
    await fails(other.ping(), "more than 2 nodes")
    await other.close()


# -- slots that move


def move(cluster: RedisCluster, slot: int, to: RedisServer) -> None:
    """Let a slot that is empty be served by another node; all nodes know."""
    for node in [to, *(node for node in cluster.nodes if node is not to)]:
        node.ask("CLUSTER", "SETSLOT", slot, "NODE", to.ask("CLUSTER", "MYID"))


async def test_a_slot_that_has_moved_is_found(cluster: RedisCluster, store: ClusterStore) -> None:
    one, two, _ = cluster.masters
    windows = [window_on(one, cluster, "a"), window_on(two, cluster, "b")]
    key = key_on(one, cluster)
    assert await store.count(windows) is None
    for node in cluster.nodes:
        node.ask("FLUSHALL")
        node.ask("CONFIG", "RESETSTAT")
    move(cluster, slot_of_key(key), two)
    move(cluster, slot_of_window(windows[0]), two)
    assert (await start(store, key, count=windows)).fresh
    assert (await take(store, RIGHT, key=key, failures=windows)).leased
    assert await used(store, *windows) == [1, 1]
    before = one.ask("INFO", "errorstats")["errorstat_MOVED"]
    await store.count(windows)
    assert one.ask("INFO", "errorstats")["errorstat_MOVED"] == before  # asked once
    await store.finish(key, MINE, forget=windows)
    move(cluster, slot_of_key(key), one)
    move(cluster, slot_of_window(windows[0]), one)


@contextlib.contextmanager
def moving(
    cluster: RedisCluster, slot: int, source: RedisServer, to: RedisServer
) -> Iterator[None]:
    """Be about to move a slot; at the end it has moved, with its keys."""
    to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.ask("CLUSTER", "MYID"))
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", to.ask("CLUSTER", "MYID"))
    try:
        yield
    finally:
        for key in source.ask("CLUSTER", "GETKEYSINSLOT", slot, 100):
            source.ask("MIGRATE", "127.0.0.1", to.port, key, 0, 5_000)
        move(cluster, slot, to)


async def test_a_counter_counts_while_its_slot_is_moved(
    cluster: RedisCluster, store: ClusterStore
) -> None:
    one, two, _ = cluster.masters
    stays, moves = window_on(one, cluster, "stays"), window_on(one, cluster, "moves")
    assert await store.count([stays]) is None
    with moving(cluster, slot_of_window(stays), one, two):
        assert await store.count([stays]) is None  # still where it was
    with moving(cluster, slot_of_window(moves), one, two):
        for _ in range(2):
            assert await store.count([moves, stays]) is None  # already where it goes to
    assert await used(store, stays, moves) == [4, 2]
    for of in (stays, moves):
        await store.forget([of])
        move(cluster, slot_of_window(of), one)


async def test_a_code_whose_slot_is_moved_is_waited_for(
    cluster: RedisCluster, store: ClusterStore
) -> None:
    one, two, _ = cluster.masters
    key = key_on(one, cluster)
    await start(store, key)
    with moving(cluster, slot_of_key(key), one, two):
        # There is a code and no lease: Redis cannot tell whether the lease has been moved already.
        attempt = asyncio.create_task(take(store, RIGHT, key=key))
        await asyncio.sleep(0.1)
        assert not attempt.done()
    assert (await attempt).leased
    await store.finish(key, MINE, forget=())
    move(cluster, slot_of_key(key), one)


async def test_a_slot_that_is_moved_for_too_long_fails_calls_in_time(
    cluster: RedisCluster, store: ClusterStore
) -> None:
    one, two, _ = cluster.masters
    key, failures = key_on(one, cluster), window_on(two, cluster, "f")
    await start(store, key)
    with moving(cluster, slot_of_key(key), one, two):
        await fails(take(store, RIGHT, key=key, failures=[failures]))
    assert (await take(store, RIGHT, key=key)).leased
    await store.finish(key, MINE, forget=())
    move(cluster, slot_of_key(key), one)


async def test_a_slot_that_nobody_serves_fails_calls(
    cluster: RedisCluster, store: ClusterStore
) -> None:
    one = cluster.masters[0]
    key, other = key_on(one, cluster), next(iter(keys_on(cluster.masters[1], cluster)))
    for node in cluster.nodes:
        node.ask("CLUSTER", "DELSLOTS", slot_of_key(key))
    await fails(start(store, key), "Hash slot not served")
    await fails(store.ping(), "some slots are served by no node")
    await fails(start(store, key), f"no node serves slot {slot_of_key(key)}")
    assert (await start(store, other)).fresh
    one.ask("CLUSTER", "ADDSLOTS", slot_of_key(key))
    await until(works(store.ping))
    assert (await start(store, key)).fresh


# -- answers that are lost


class LossyLink:
    """The way to the cluster, which loses what it is told to lose."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.lost: dict[bytes, str] = {}

    def lose(self, script: Script, what: str) -> None:
        """``what``: the ``request``, the ``reply``, or ``never``: it takes forever."""
        self.lost[script.sha] = what

    async def send(self, *words: Word, repeatable: bool = False) -> Any:
        what = self.lost.get(words[1]) if isinstance(words[1], bytes) else None
        if what == "never":
            await asyncio.Event().wait()
        if what != "request":
            reply = await self._link.send(*words, repeatable=repeatable)
        if what is not None:
            raise StoreUnavailable("lost")
        return reply

    async def close(self) -> None:
        await self._link.close()


@pytest.fixture
def link(store: ClusterStore) -> Iterator[LossyLink]:
    link = LossyLink(store._slot._link)
    store._slot._link = link
    yield link
    link.lost.clear()


@pytest.fixture
def apart(cluster: RedisCluster) -> list[Any]:
    """Windows on different nodes."""
    return [window_on(node, cluster, "w", 10) for node in cluster.masters]


@pytest.fixture
async def scripts(store: ClusterStore) -> None:
    """Redis knows all scripts, so that each is sent once."""
    windows = [window(f"scripts {number}") for number in range(50)]
    for number in range(50):
        key = digest(f"scripts {number}")
        await start(store, key, spend=windows[number : number + 2])
        await take(store, RIGHT, key=key, failures=windows[number : number + 2])
        await store.finish(key, MINE, forget=())


@pytest.mark.usefixtures("scripts")
async def test_a_lost_answer_to_a_try_costs_the_try_and_a_failure(
    store: ClusterStore, link: LossyLink, apart: list[Any]
) -> None:
    await start(store, tries=2)
    link.lose(_scripts.TAKE, "reply")
    await fails(take(store, wrong(), count=apart[:1], failures=apart[1:]), "lost")
    link.lost.clear()
    assert await used(store, *apart) == [1, 1, 1]
    assert await take(store, wrong()) == WRONG
    assert await take(store, RIGHT) == WRONG  # two tries, and both are gone


@pytest.mark.usefixtures("scripts")
async def test_a_lost_answer_to_a_right_code_leaves_it_leased_to_nobody_else(
    store: ClusterStore, link: LossyLink, apart: list[Any]
) -> None:
    await start(store)
    link.lose(_scripts.TAKE, "reply")
    await fails(take(store, RIGHT, failures=apart), "lost")
    link.lost.clear()
    assert (await take(store, RIGHT, lease=YOURS)).busy
    assert await used(store, *apart) == [1, 1, 1]  # nobody knows that it was right


@pytest.mark.usefixtures("scripts")
@pytest.mark.parametrize(("what", "counted"), [("request", 0), ("reply", 1)])
async def test_a_failure_that_cannot_be_counted_allows_no_try(
    store: ClusterStore, link: LossyLink, apart: list[Any], what: str, counted: int
) -> None:
    await start(store, tries=1)
    link.lose(_scripts.CLAIM, what)
    await fails(take(store, wrong(), failures=apart), "lost")
    link.lost.clear()
    assert (await take(store, RIGHT)).leased
    assert await used(store, *apart) == [counted] * 3


@pytest.mark.usefixtures("scripts")
async def test_what_was_counted_is_taken_back_when_the_next_step_fails(
    cluster: RedisCluster, store: ClusterStore, link: LossyLink, apart: list[Any]
) -> None:
    await start(store)
    link.lose(_scripts.LOOK, "reply")
    await fails(take(store, wrong(), count=apart[:1], failures=apart[1:]), "lost")
    await fails(
        store.start(ALICE, pending(), count=apart[:1], check=apart[1:2], spend=apart[2:]), "lost"
    )
    link.lost.clear()
    assert await used(store, *apart) == [0, 0, 0]


@pytest.mark.usefixtures("scripts")
async def test_a_lost_answer_to_a_start_costs_its_budget(
    store: ClusterStore, link: LossyLink, apart: list[Any]
) -> None:
    link.lose(_scripts.START, "reply")
    call = store.start(ALICE, pending(), count=apart[:1], check=(), spend=apart[1:])
    await fails(call, "lost")
    link.lost.clear()
    assert await used(store, *apart) == [1, 1, 1]
    started = await store.start(ALICE, pending(), count=(), check=(), spend=())
    assert isinstance(started, Started)
    assert not started.deliver


@pytest.mark.usefixtures("scripts")
@pytest.mark.parametrize("what", ["request", "never"])
async def test_what_cannot_be_taken_back_holds_up_nobody(
    store: ClusterStore, link: LossyLink, apart: list[Any], what: str
) -> None:
    await start(store)
    link.lose(_scripts.TAKE_BACK, what)
    async with asyncio.timeout(TIMEOUT):
        assert (await take(store, RIGHT, failures=apart)).leased
    link.lost.clear()
    assert await used(store, *apart) == [1, 1, 1]
    for straggler in store._stragglers:
        straggler.cancel()


@pytest.mark.usefixtures("scripts")
async def test_a_finished_code_is_finished_whatever_becomes_of_its_failures(
    cluster: RedisCluster, store: ClusterStore
) -> None:
    one, _, bad = cluster.masters
    key, failures = key_on(one, cluster), window_on(bad, cluster, "f")
    await start(store, key)
    assert (await take(store, RIGHT, key=key)).leased
    bad.process.signal(signal.SIGSTOP)
    async with asyncio.timeout(TIMEOUT):
        assert await store.finish(key, MINE, forget=[failures])
    bad.process.signal(signal.SIGCONT)
    assert (await start(store, key)).fresh


@pytest.mark.usefixtures("scripts")
async def test_no_step_is_begun_after_the_caller_was_told_that_there_is_no_answer(
    cluster: RedisCluster, store: ClusterStore
) -> None:
    one, two, slow = cluster.masters
    key, failures = key_on(one, cluster), window_on(slow, cluster, "f")
    fast = window_on(two, cluster, "g")
    await start(store, key)
    call = asyncio.create_task(take(store, RIGHT, key=key, failures=[fast, failures]))
    slow.process.signal(signal.SIGSTOP)
    await fails(call, "no answer within 0.8 s")
    slow.process.signal(signal.SIGCONT)
    await until(lambda: not store._calls)
    assert (await take(store, RIGHT, key=key)).leased
    assert (await used(store, fast)) == [0]
