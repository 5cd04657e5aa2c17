from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from providers._blocking import Places

SIZE = 2


@pytest.fixture
def places() -> Places:
    return Places(SIZE)


class Call:
    """Blocks until it is told to go on, and returns itself."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.go_on = threading.Event()

    def __call__(self) -> Call:
        self.started.set()
        assert self.go_on.wait(10)
        return self


@pytest.fixture
def calls() -> Iterator[list[Call]]:
    made = [Call() for _ in range(SIZE + 1)]
    yield made
    for call in made:
        call.go_on.set()


def nothing(_: object) -> None:
    """Discard nothing: the call has its waiter."""


async def begun(call: Call) -> None:
    assert await asyncio.to_thread(call.started.wait, 10)


def blocked() -> int:
    return sum(thread.name == "blocking" for thread in threading.enumerate())


async def until_threads_end() -> None:
    async with asyncio.timeout(10):
        while blocked():  # noqa: ASYNC110 - threads tell nobody
            await asyncio.sleep(0.001)


async def test_result_and_exception_come_back(places: Places) -> None:
    assert await places.run(lambda: 7, nothing) == 7
    with pytest.raises(ZeroDivisionError):
        await places.run(lambda: 1 // 0, nothing)


async def test_loop_goes_on_while_a_call_blocks(places: Places, calls: list[Call]) -> None:
    waiting = asyncio.create_task(places.run(calls[0], nothing))
    await begun(calls[0])
    await asyncio.sleep(0)
    assert not waiting.done()
    calls[0].go_on.set()
    assert await waiting is calls[0]


async def test_no_more_run_than_there_are_places(places: Places, calls: list[Call]) -> None:
    tasks = [asyncio.create_task(places.run(call, nothing)) for call in calls]
    for call in calls[:SIZE]:
        await begun(call)
    await asyncio.sleep(0.01)
    assert not calls[SIZE].started.is_set()
    calls[0].go_on.set()
    await begun(calls[SIZE])
    for call in calls:
        call.go_on.set()
    assert await asyncio.gather(*tasks) == calls


async def test_stuck_call_keeps_its_place_until_it_ends(places: Places, calls: list[Call]) -> None:
    discarded: list[Call] = []
    for call in calls[:SIZE]:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await places.run(call, discarded.append)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await places.run(calls[SIZE], discarded.append)
    assert not calls[SIZE].started.is_set()
    calls[0].go_on.set()
    assert await places.run(lambda: 7, nothing) == 7
    assert discarded == [calls[0]]


async def test_failure_of_a_call_without_a_waiter_is_nobodys(places: Places) -> None:
    stop = threading.Event()

    def fail() -> None:
        stop.wait(10)
        raise ZeroDivisionError

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await places.run(fail, lambda _: pytest.fail("there is no result"))
    stop.set()
    await until_threads_end()


async def test_threads_end_with_their_calls(places: Places) -> None:
    await asyncio.gather(*(places.run(lambda: None, nothing) for _ in range(20)))
    await until_threads_end()


def test_call_may_outlive_the_loop(calls: list[Call]) -> None:
    discarded = threading.Event()

    async def leave() -> None:
        async with asyncio.timeout(0.02):
            await Places(1).run(calls[0], lambda _: discarded.set())

    with pytest.raises(TimeoutError):
        asyncio.run(leave())
    calls[0].go_on.set()
    assert discarded.wait(10)


async def test_process_does_not_wait_for_stuck_calls_at_its_end(places: Places) -> None:
    daemons: list[bool] = []
    await places.run(lambda: daemons.append(threading.current_thread().daemon), nothing)
    assert daemons == [True]
