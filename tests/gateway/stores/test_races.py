"""What happens at the same time: within one process over every store, and between two on Redis of
any kind."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.stores import WRONG, Limited, Started, Store, Verdict
from tests.gateway.stores.conftest import Backend
from tests.gateway.stores.values import (
    RIGHT,
    digest,
    pending,
    room,
    start,
    take,
    try_code,
    window,
    wrong,
)

ROOT = Path(__file__).parents[3]


async def test_parallel_wrong_codes_never_exceed_the_failures_c6(store: Store) -> None:
    failures = window("failures", limit=10)
    await start(store, tries=255)
    results = await asyncio.gather(
        *(try_code(store, wrong(number), failures=[failures]) for number in range(200))
    )
    assert results.count(WRONG) == 10
    assert sum(isinstance(result, Limited) for result in results) == 190


async def test_parallel_wrong_codes_cost_a_try_each_p3(store: Store) -> None:
    for tries, right_is_in_time in ((200, False), (201, True)):
        key = digest(f"challenge with {tries} tries")
        await start(store, key, tries=tries)
        await asyncio.gather(*(take(store, wrong(number), key=key) for number in range(200)))
        assert (await take(store, RIGHT, key=key)).leased == right_is_in_time


# In a cluster a call takes several steps, and who called first need not come first.
@pytest.mark.parametrize("kind", ["memory", "redis", "sentinel"])
async def test_parallel_wrong_codes_never_exceed_the_tries_p3(store: Store) -> None:
    # Everybody tries a code of their own and somebody has the right one: whether that is still in
    # time is decided by how many were before, to the very one.
    await take(store, wrong())  # Redis learns the script: what has to be sent twice comes later
    for before in (4, 5):
        key = digest(f"challenge with {before} before")
        await start(store, key, tries=5)
        codes = [wrong(number) for number in range(before)] + [RIGHT]
        codes += [wrong(number) for number in range(before, 200)]
        results = await asyncio.gather(*(take(store, code, key=key) for code in codes))
        assert [verdict.leased for verdict in results].count(True) == (before < 5)
        assert await take(store, RIGHT, key=key) == WRONG


async def test_of_parallel_right_codes_exactly_one_is_leased(store: Store) -> None:
    await start(store)
    results = await asyncio.gather(
        *(take(store, RIGHT, lease=number.to_bytes(8, "big")) for number in range(50))
    )
    assert sum(verdict.leased for verdict in results) == 1
    assert sum(verdict.busy for verdict in results) == 49


async def test_of_parallel_starts_exactly_one_delivers_a17(store: Store) -> None:
    spend = window("spend", limit=50)
    results = await asyncio.gather(
        *(start(store, memo=b"%d" % number, spend=[spend]) for number in range(50))
    )
    assert sum(started.deliver for started in results) == 1
    assert sum(started.fresh for started in results) == 1
    assert len({started.memo for started in results}) == 1
    assert await room(store, spend) == 49


async def test_parallel_starts_never_exceed_a_budget_p9(store: Store) -> None:
    spend = window("spend", limit=10)
    results = await asyncio.gather(
        *(
            store.start(digest(str(number)), pending(), count=(), check=(), spend=[spend])
            for number in range(100)
        )
    )
    assert sum(isinstance(result, Started) for result in results) == 10


async def race(server: Backend, what: str, times: int) -> list[Any]:
    """Let two processes do the same at the same time; return what each of the calls gave."""
    racers = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.gateway.stores.racer", server.url, what, str(times)),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(2)
    ]
    async with asyncio.timeout(30):
        for racer in racers:
            assert racer.stdout is not None
            assert await racer.stdout.readline() == b"ready\n"
        outputs = await asyncio.gather(*(racer.communicate(b"go\n") for racer in racers))
    return [result for output, _ in outputs for result in json.loads(output)]


async def test_two_processes_never_exceed_the_failures_a3_c6(
    shared: Backend, shared_store: Store
) -> None:
    await start(shared_store, tries=255)
    results = await race(shared, "wrong", 200)
    assert results.count("wrong") == 100
    assert results.count("limited") == 300


async def test_two_processes_get_one_lease_for_one_code(
    shared: Backend, shared_store: Store
) -> None:
    await start(shared_store)
    results = await race(shared, "right", 50)
    assert results.count("leased") == 1
    assert results.count("busy") == 99


async def test_two_processes_deliver_once(shared: Backend, shared_store: Store) -> None:
    results = await race(shared, "start", 50)
    assert results.count("delivered") == 1
    assert results.count("pending") == 99
    assert isinstance(await take(shared_store, RIGHT), Verdict)
