"""What takes too long ends, and nothing else does."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from gateway.deadlines import Deadline

SOON, LATER = 0.05, 10.0


async def for_ever(deadline: Deadline) -> None:
    with deadline():
        await asyncio.Event().wait()


async def test_what_takes_too_long_ends_with_a_time_out() -> None:
    async with asyncio.timeout(LATER):
        results = await asyncio.gather(
            *[for_ever(Deadline(SOON)) for _ in range(3)], return_exceptions=True
        )
    assert [type(result) for result in results] == [TimeoutError] * 3


async def test_each_has_its_own_time() -> None:
    deadline = Deadline(SOON)
    first = asyncio.create_task(for_ever(deadline))
    await asyncio.wait([first], timeout=SOON / 2)
    second = asyncio.create_task(for_ever(deadline))
    await asyncio.wait([first])
    assert not second.done()
    with pytest.raises(TimeoutError):
        await second
    with pytest.raises(TimeoutError):
        await first


async def test_what_ends_in_time_is_left_alone() -> None:
    deadline = Deadline(SOON)
    with deadline():
        await asyncio.sleep(0)
    with pytest.raises(KeyError), deadline():
        raise KeyError
    with pytest.raises(TimeoutError):
        await for_ever(deadline)  # the timer has looked at what was over long before
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]  # it is one


async def test_one_inside_another_ends_alone() -> None:
    with Deadline(LATER)():
        with pytest.raises(TimeoutError):
            await for_ever(Deadline(SOON))
        await asyncio.sleep(0)


async def test_cancellation_from_outside_stays_one() -> None:
    task = asyncio.create_task(for_ever(Deadline(LATER)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancellation_from_outside_of_what_is_late_stays_one() -> None:
    began = asyncio.Event()

    async def stubborn() -> None:
        with Deadline(SOON)():
            try:
                await asyncio.Event().wait()
            finally:
                began.set()
                await asyncio.Event().wait()

    task = asyncio.create_task(stubborn())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancellation_that_was_overcome_before_counts_no_more() -> None:
    async def overcome() -> None:
        asyncio.current_task().cancel()  # type: ignore[union-attr]  # it is one
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await for_ever(Deadline(SOON))

    await asyncio.create_task(overcome())
