"""One copy for all, one fetch for all who wait, and moments in which nothing is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from providers import Unavailable
from providers.oauth2.published import PAUSE, PAUSE_WITH_COPY, Published
from tests.providers.oauth2.reaching import Timer

FRESH, STALE = 300.0, 3600.0


class Upstream:
    """Publishes how often it was asked; ``down`` for those who ask meanwhile."""

    def __init__(self) -> None:
        self.asked = 0
        self.down = False
        self.reached = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self) -> int:
        self.asked += 1
        self.reached.set()
        await self.gate.wait()
        if self.down:
            raise Unavailable("corp", "is down", 99.0)
        return self.asked


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
async def published(upstream: Upstream, timer: Timer) -> AsyncIterator[Published[int]]:
    published = Published("corp", upstream.fetch, timer, fresh=FRESH, stale=STALE)
    yield published
    await published.close()


async def got(published: Published[int]) -> int:
    return (await published.get()).value


async def refusal(published: Published[int]) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        await published.get()
    return caught.value


async def test_nothing_is_asked_until_it_is_needed(
    upstream: Upstream, published: Published[int]
) -> None:
    await asyncio.sleep(0)
    assert upstream.asked == 0
    assert await got(published) == 1


async def test_copy_serves_while_it_is_fresh(
    upstream: Upstream, published: Published[int], timer: Timer
) -> None:
    assert await got(published) == 1
    timer.pass_(FRESH - 0.1)
    assert await got(published) == 1
    timer.pass_(0.1)
    assert await got(published) == 2
    assert upstream.asked == 2


async def test_copy_is_as_old_as_its_request(
    upstream: Upstream, published: Published[int], timer: Timer
) -> None:
    """A key that is withdrawn while the answer is on its way must not be good for longer."""
    upstream.gate.clear()
    waiting = asyncio.create_task(got(published))
    await upstream.reached.wait()
    timer.pass_(4.0)
    upstream.gate.set()
    assert await waiting == 1
    timer.pass_(FRESH - 4.0)
    assert await got(published) == 2


async def test_stale_copy_serves_while_there_is_no_other(
    upstream: Upstream, published: Published[int], timer: Timer
) -> None:
    assert await got(published) == 1
    upstream.down = True
    timer.pass_(STALE - 0.1)
    assert await got(published) == 1
    assert upstream.asked == 2
    timer.pass_(0.1)
    assert (await refusal(published)).detail == "is down"


async def test_failing_upstream_is_asked_now_and_then_while_there_is_a_copy(
    upstream: Upstream, published: Published[int], timer: Timer
) -> None:
    await got(published)
    upstream.down = True
    timer.pass_(FRESH)
    for _ in range(5):
        assert await got(published) == 1
    timer.pass_(PAUSE_WITH_COPY - 0.1)
    assert await got(published) == 1
    assert upstream.asked == 2
    timer.pass_(0.1)
    upstream.down = False
    assert await got(published) == 3


async def test_upstream_that_was_down_is_asked_again_in_a_moment(
    upstream: Upstream, published: Published[int], timer: Timer
) -> None:
    upstream.down = True
    for _ in range(5):
        failure = await refusal(published)
        assert (failure.upstream, failure.detail) == ("corp", "is down")
        assert failure.retry_after == PAUSE
    timer.pass_(0.5)
    assert (await refusal(published)).retry_after == PAUSE - 0.5
    assert upstream.asked == 1
    upstream.down = False
    timer.pass_(PAUSE - 0.5)
    assert await got(published) == 2


async def test_each_is_told_by_an_error_of_their_own(
    upstream: Upstream, published: Published[int]
) -> None:
    """One for all would grow by a trace with each who raises it."""
    upstream.down = True
    assert await refusal(published) is not await refusal(published)


async def test_one_fetch_is_for_all_who_wait(upstream: Upstream, published: Published[int]) -> None:
    upstream.gate.clear()
    waiting = [asyncio.create_task(got(published)) for _ in range(50)]
    await upstream.reached.wait()
    upstream.gate.set()
    assert await asyncio.gather(*waiting) == [1] * 50


async def test_one_failure_is_for_all_who_wait(
    upstream: Upstream, published: Published[int]
) -> None:
    upstream.down = True
    upstream.gate.clear()
    waiting = [asyncio.create_task(refusal(published)) for _ in range(50)]
    await upstream.reached.wait()
    upstream.gate.set()
    await asyncio.gather(*waiting)
    assert upstream.asked == 1


async def test_whoever_leaves_does_not_end_the_fetch(
    upstream: Upstream, published: Published[int]
) -> None:
    upstream.gate.clear()
    first, second = (asyncio.create_task(got(published)) for _ in range(2))
    await upstream.reached.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    upstream.gate.set()
    assert await second == 1


async def test_fetch_that_nobody_waits_for_any_more_is_of_use(
    upstream: Upstream, published: Published[int]
) -> None:
    upstream.gate.clear()
    only = asyncio.create_task(got(published))
    await upstream.reached.wait()
    only.cancel()
    with pytest.raises(asyncio.CancelledError):
        await only
    upstream.gate.set()
    assert await got(published) == 1


async def test_renewal_asks_although_the_copy_is_fresh(
    upstream: Upstream, published: Published[int]
) -> None:
    await got(published)
    assert (await published.renew()).value == 2
    assert await got(published) == 2


async def test_renewal_joins_a_fetch(upstream: Upstream, published: Published[int]) -> None:
    upstream.gate.clear()
    waiting = asyncio.create_task(got(published))
    await upstream.reached.wait()
    assert published.under_way
    renewing = asyncio.create_task(published.renew())
    upstream.gate.set()
    assert (await renewing).value == await waiting == 1


async def test_renewal_that_fails_leaves_the_copy_as_it_is(
    upstream: Upstream, published: Published[int], timer: Timer
) -> None:
    await got(published)
    upstream.down = True
    for _ in range(3):
        with pytest.raises(Unavailable, match="is down"):
            await published.renew()
        with pytest.raises(Unavailable, match="is down"):
            published.latest()
    assert upstream.asked == 2
    assert await got(published) == 1
    upstream.down = False
    timer.pass_(PAUSE_WITH_COPY)
    assert (await published.renew()).value == published.latest().value == 3


async def test_fault_of_ours_is_nobody_elses(timer: Timer) -> None:
    async def broken() -> int:
        raise LookupError("ours")

    published = Published("corp", broken, timer, fresh=FRESH, stale=STALE)
    for _ in range(2):
        with pytest.raises(LookupError):
            await published.get()


async def test_closing_ends_a_fetch(upstream: Upstream, published: Published[int]) -> None:
    upstream.gate.clear()
    waiting = asyncio.create_task(got(published))
    await upstream.reached.wait()
    await published.close()
    assert not published.under_way
    with pytest.raises(asyncio.CancelledError):
        await waiting
