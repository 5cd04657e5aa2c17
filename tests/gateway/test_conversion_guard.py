"""The login as values: messages to where no codes are used are withheld."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from config import Limit
from gateway import errors
from gateway.outcomes import CodeSent, Refused, SignedIn
from gateway.stores import StoreUnavailable, Window
from gateway.throttle import Throttle
from providers import Budget, Conversion, Unavailable
from tests.gateway.kit import CodeScript, Kit, word

MIN_SENDS, PAUSE = 4, 3600.0


def guarded(name: str = "code", *, min_rate: float = 0.5, **challenge: object) -> CodeScript:
    """A provider whose ranges are the first letters of the names."""
    provider = CodeScript(name, **{"budgets": (), **challenge})
    provider.guard = lambda identity: Conversion(identity[0], MIN_SENDS, min_rate, PAUSE)
    return provider


def withheld(kit: Kit, provider: str = "code") -> float:
    labels = {"provider": provider}
    return kit.metrics.registry.get_sample_value("gateway_conversion_guard_total", labels) or 0.0


async def send(kit: Kit, *names: str) -> list[bool]:
    """Start a login for each name; return where a code was sent."""
    return [isinstance(await kit.login(username=name), CodeSent) for name in names]


async def use(kit: Kit, provider: CodeScript, name: str) -> None:
    """Take both steps."""
    assert await send(kit, name) == [True]
    outcome = await kit.login(username=name, otp=provider.delivered[-1])
    assert isinstance(outcome, SignedIn)


def people(count: int, of: str = "a") -> list[str]:
    return [f"{of}{number}" for number in range(count)]


async def test_unused_codes_pause_their_range_and_no_other() -> None:
    provider = guarded()
    kit = Kit(provider)
    assert await send(kit, *people(MIN_SENDS)) == [True] * MIN_SENDS
    with capture_logs() as logs:
        outcome = await kit.login(username="a99")
    assert outcome == Refused(errors.RATELIMIT, PAUSE)
    assert logs[-1]["detail"] == f"limit conversion {MIN_SENDS}/hour"
    assert len(provider.delivered) == MIN_SENDS
    assert withheld(kit) == 1
    assert await send(kit, "b1") == [True]


async def test_a_pause_ends_with_its_window() -> None:
    kit = Kit(guarded(resend_after=600.0))
    await send(kit, "a0")
    kit.clock.now += PAUSE / 2
    await send(kit, *people(MIN_SENDS)[1:])
    assert await kit.login(username="a99") == Refused(errors.RATELIMIT, PAUSE / 2)
    kit.clock.now += PAUSE / 2 - 1
    assert await kit.login(username="a99") == Refused(errors.RATELIMIT, 1)
    kit.clock.now += 1
    assert await send(kit, *people(MIN_SENDS + 1)) == [True] * MIN_SENDS + [False]
    assert withheld(kit) == 3


async def test_used_codes_keep_a_range_open() -> None:
    provider = guarded()
    kit = Kit(provider)
    for name in people(50):
        await use(kit, provider, name)
    assert withheld(kit) == 0


async def test_a_range_stays_open_at_the_rate_that_is_asked_for() -> None:
    provider = guarded(min_rate=1 / MIN_SENDS)
    kit = Kit(provider)
    for cycle in range(20):
        assert await send(kit, *people(MIN_SENDS - 1, f"a{cycle}-")) == [True] * (MIN_SENDS - 1)
        await use(kit, provider, f"a{cycle}")
    assert withheld(kit) == 0


async def test_a_range_is_paused_below_that_rate() -> None:
    provider = guarded(min_rate=0.5)
    kit = Kit(provider)
    for cycle in range(2):  # each leaves one message more than its used code makes up for
        await use(kit, provider, f"a{cycle}")
        assert await send(kit, *people(2, f"a{cycle}-")) == [True, True]
    assert await send(kit, *people(3)) == [True, False, False]


async def test_used_codes_are_no_credit_for_later() -> None:
    provider = guarded()
    kit = Kit(provider)
    for name in people(20):
        await use(kit, provider, name)
    assert await send(kit, *people(MIN_SENDS + 1, "ab")) == [True] * MIN_SENDS + [False]


async def test_a_code_that_is_used_during_the_pause_ends_it() -> None:
    provider = guarded()
    kit = Kit(provider)
    await send(kit, *people(MIN_SENDS))
    assert await send(kit, "a99") == [False]
    assert isinstance(await kit.login(username="a0", otp=provider.delivered[0]), SignedIn)
    assert await send(kit, *people(3, "ab")) == [True, True, False]


async def test_wrong_codes_earn_nothing() -> None:
    kit = Kit(guarded())
    await send(kit, *people(MIN_SENDS))
    for name in people(MIN_SENDS):
        assert word(await kit.login(username=name, otp="wrong")) == errors.BADOTP
    assert await send(kit, "a99") == [False]


async def test_codes_whose_token_never_came_earn_nothing() -> None:
    provider = guarded()
    kit = Kit(provider)
    await send(kit, *people(MIN_SENDS))
    kit.issuer.failing = True
    assert word(await kit.login(username="a0", otp=provider.delivered[0])) == errors.UNAVAILABLE
    assert await send(kit, "a99") == [False]


async def test_p9_parallel_starts_never_exceed_the_guard() -> None:
    provider = guarded()
    kit = Kit(provider)
    outcomes = await asyncio.gather(*(kit.login(username=name) for name in people(50)))
    assert sum(isinstance(outcome, CodeSent) for outcome in outcomes) == MIN_SENDS
    assert len(provider.delivered) == MIN_SENDS
    assert withheld(kit) == 50 - MIN_SENDS


async def test_every_message_counts_and_nothing_but_messages() -> None:
    kit = Kit(guarded(resend_after=60.0))
    for _ in range(MIN_SENDS):
        assert await send(kit, "a0", "a0", "a0") == [True, True, True]  # two in the cool-down
        kit.clock.now += 60
    assert await send(kit, "a0") == [False]


async def test_messages_that_nobody_accepted_do_not_count() -> None:
    provider = guarded()
    kit = Kit(provider)

    async def fail(code: str) -> None:
        raise Unavailable("vendor", "down")

    provider.deliver = fail
    assert await send(kit, *people(3 * MIN_SENDS)) == [False] * 3 * MIN_SENDS
    provider.deliver = provider._keep
    assert await send(kit, *people(MIN_SENDS + 1)) == [True] * MIN_SENDS + [False]
    assert withheld(kit) == 1


async def test_two_providers_do_not_share_a_range() -> None:
    kit = Kit(guarded("one"), guarded("two"))
    for name in people(MIN_SENDS + 2):
        await kit.login(provider="one", username=name)
    assert isinstance(await kit.login(provider="two", username="a99"), CodeSent)
    assert (withheld(kit, "one"), withheld(kit, "two")) == (2, 0)


async def test_a_message_that_another_limit_withholds_is_not_the_guards() -> None:
    provider = guarded(budgets=(Budget("person", "k", (Limit(2, 3600.0),)),))
    kit = Kit(provider)
    assert await send(kit, *people(5)) == [True, True, False, False, False]
    assert withheld(kit) == 0


async def test_what_is_not_guarded_is_never_withheld() -> None:
    provider = guarded()
    kit = Kit(provider)
    provider.guard = lambda identity: None
    assert all(await send(kit, *people(5 * MIN_SENDS)))


async def test_a_store_that_fails_after_the_token_costs_nobody_the_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider = guarded()
    kit = Kit(provider)
    asked: list[int] = []

    async def unavailable(windows: Sequence[Window], by: int = 1) -> None:
        asked.append(by)
        raise StoreUnavailable("down")

    monkeypatch.setattr(kit.store, "uncount", unavailable)
    await use(kit, provider, "a0")
    assert asked == [2]


@pytest.mark.parametrize(
    ("min_sends", "min_rate", "earned"),
    [
        (30, 1.0, 1),
        (30, 0.9, 1),
        (30, 0.5, 2),
        (30, 0.15, 7),
        (30, 0.01, 30),  # all that can be taken back
        (30, 5e-324, 30),
        (1, 0.15, 1),
    ],
)
def test_what_a_used_code_earns(min_sends: int, min_rate: float, earned: int) -> None:
    assert Throttle.earned(Conversion("a", min_sends, min_rate, PAUSE)) == earned
