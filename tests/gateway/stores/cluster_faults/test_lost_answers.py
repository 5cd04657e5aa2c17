"""Answers are lost: calls fail closed, then work again."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.stores import WRONG, Started, StoreUnavailable, _scripts
from gateway.stores._pipeline import Word
from gateway.stores._scripts import Script
from gateway.stores.cluster import ClusterStore
from gateway.stores.redis import Link
from tests.gateway.stores.cluster_faults.conftest import IN_TIME, TIMEOUT, fails, used
from tests.gateway.stores.places import key_on, window_on
from tests.gateway.stores.values import (
    ALICE,
    MINE,
    RIGHT,
    YOURS,
    digest,
    pending,
    start,
    take,
    until,
    window,
    wrong,
)
from tests.servers.redis_cluster import RedisCluster


class LossyLink:
    """The way to the cluster, which loses what it is told to lose."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.lost: dict[bytes, str] = {}

    def lose(self, script: Script, what: str) -> None:
        """``what``: the ``request`` or the ``reply``; or it comes ``late``, or ``never``."""
        self.lost[script.sha] = what

    async def send(self, *words: Word, repeatable: bool = False) -> Any:
        what = self.lost.get(words[1]) if isinstance(words[1], bytes) else None
        if what == "never":
            await asyncio.Event().wait()
        if what != "request":
            reply = await self._link.send(*words, repeatable=repeatable)
        if what == "late":
            await asyncio.sleep(IN_TIME)
        elif what is not None:
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
    store: ClusterStore, link: LossyLink, apart: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    await start(store, tries=1)
    link.lose(_scripts.LOOK, "late")
    await fails(take(store, wrong(), count=apart[:1], failures=apart[1:]), "no answer within 0.8 s")
    await fails(store.count(apart), "no answer within 0.8 s")
    await until(lambda: not store._calls)
    link.lost.clear()
    await until(lambda: not store._stragglers)
    assert await used(store, *apart) == [0, 0, 0]
    assert (await take(store, RIGHT)).leased
    gc.collect()
    assert caplog.messages == []  # such as: an exception was never retrieved
