"""Logins with one provider at a time: bounded, refused at once, and nobody else's trouble (C21)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway import errors, places
from gateway.outcomes import CodeSent, Departure, Mishap, Refused, SignedIn
from providers import Attempt, Fields, Identity, Rejected, Unavailable
from tests.gateway.browsers import RETURN, Browser, begin, landed, stranded
from tests.gateway.kit import BrowserScript, CodeScript, Kit, Script

FULL = Refused(errors.UNAVAILABLE, places.RETRY_AFTER)


class Slow:
    """An upstream that answers when it is let to, as it is told."""

    def __init__(self) -> None:
        self.entered = 0
        self.error: Exception | None = None
        self._news = asyncio.Semaphore(0)
        self._open = asyncio.Event()

    async def wait(self) -> None:
        self.entered += 1
        self._news.release()
        await self._open.wait()
        if self.error is not None:
            raise self.error

    async def answer(self, attempt: Attempt, fields: Fields) -> Identity:
        await self.wait()
        return Identity(attempt.identity)

    async def deliver(self, code: str) -> None:
        await self.wait()

    def open(self) -> None:
        self._open.set()

    async def until(self, entered: int) -> None:
        while self.entered < entered:
            await self._news.acquire()

    @asynccontextmanager
    async def busy(self, kit: Kit, logins: int) -> AsyncIterator[list[asyncio.Task[object]]]:
        """Have so many logins with the provider ``slow``; they end with the block."""
        tasks: list[asyncio.Task[object]] = [
            asyncio.create_task(kit.login(provider="slow", username=f"u{number}"))
            for number in range(logins)
        ]
        await self.until(logins)
        try:
            yield tasks
        finally:
            self.open()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def slow() -> Slow:
    return Slow()


async def test_c21_one_login_too_many_is_refused_at_once(slow: Slow) -> None:
    kit = Kit(Script("slow", slow.answer), places=2)
    async with slow.busy(kit, 2) as tasks:
        for _ in range(10):
            assert await kit.login(provider="slow", username="ann") == FULL
        assert slow.entered == 2
        assert not any(task.done() for task in tasks)
    assert [type(task.result()) for task in tasks] == [SignedIn, SignedIn]
    assert isinstance(await kit.login(provider="slow", username="ann"), SignedIn)


async def test_c21_other_providers_have_places_of_their_own(slow: Slow) -> None:
    async def quick(attempt: Attempt, fields: Fields) -> Identity:
        return Identity(attempt.identity)

    kit = Kit(Script("slow", slow.answer), Script("quick", quick), places=1)
    async with slow.busy(kit, 1):
        assert isinstance(await kit.login(provider="quick", username="ann"), SignedIn)
        # The next provider is for people that this one does not know.
        assert await kit.login(username="ann") == FULL


@pytest.mark.parametrize("error", [Rejected("no"), Unavailable("u", "down"), KeyError("bug"), None])
async def test_a_place_is_free_again_however_a_login_ended(
    slow: Slow, error: Exception | None
) -> None:
    kit = Kit(Script("slow", slow.answer), places=1)
    slow.error = error
    async with slow.busy(kit, 1):
        pass
    slow.error = None
    assert isinstance(await kit.login(provider="slow", username="ann"), SignedIn)


async def test_a_place_is_free_again_after_a_login_that_was_cut_off(slow: Slow) -> None:
    kit = Kit(Script("slow", slow.answer), places=1)
    async with slow.busy(kit, 1) as tasks:
        tasks[0].cancel()
        await asyncio.wait(tasks)
        slow.open()
        assert isinstance(await kit.login(provider="slow", username="ann"), SignedIn)


async def test_c21_what_was_refused_cost_nothing(slow: Slow) -> None:
    """No message of the budget of three, and no try of a code."""
    provider = CodeScript("slow")
    kit = Kit(provider, places=1)
    assert isinstance(await kit.login(username="ann"), CodeSent)
    (code,) = provider.delivered
    provider.deliver = slow.deliver
    async with slow.busy(kit, 1):
        for _ in range(10):
            assert await kit.login(username="bob") == FULL
            assert await kit.login(username="ann", otp="000000") == FULL
            assert await kit.login(username="ann", otp=code) == FULL
    provider.deliver = provider._keep
    assert isinstance(await kit.login(username="bob"), CodeSent)
    assert isinstance(await kit.login(username="ann", otp=code), SignedIn)


async def test_c21_browsers_on_their_way_out_take_places(slow: Slow) -> None:
    site = BrowserScript("slow")
    kit = Kit(site, return_urls=(RETURN,), places=1)
    first, second = await begin(kit, "slow"), await begin(kit, "slow")
    site.before_departure = slow.wait
    leaving = asyncio.create_task(Browser(kit).open(first.id))
    await slow.until(1)
    refused = stranded(await Browser(kit).open(second.id))
    assert (refused.mishap, refused.retry_after) == (Mishap.UNAVAILABLE, places.RETRY_AFTER)
    assert len(site.departed) == 1
    slow.open()
    assert isinstance(await leaving, Departure)
    assert isinstance(await Browser(kit).open(second.id), Departure)


async def test_c21_browsers_on_their_way_back_take_places(slow: Slow) -> None:
    site = BrowserScript("slow")
    kit = Kit(site, return_urls=(RETURN,), places=1)
    trips = [await begin(kit, "slow"), await begin(kit, "slow")]
    one, other = Browser(kit), Browser(kit)
    first, second = await one.state(trips[0].id), await other.state(trips[1].id)
    site.before_arrival = slow.wait
    arriving = asyncio.create_task(one.back(first, "slow"))
    await slow.until(1)
    refused = stranded(await other.back(second, "slow"))
    assert (refused.mishap, refused.retry_after) == (Mishap.UNAVAILABLE, places.RETRY_AFTER)
    assert len(site.arrived) == 1
    slow.open()
    landed(await arriving)
    landed(await other.back(await other.state(trips[1].id), "slow"))  # nothing is lost
