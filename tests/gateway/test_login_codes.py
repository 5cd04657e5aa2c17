"""The login as values: codes, from the first delivery to the token."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway import errors
from gateway.challenges import LEASE_MS
from gateway.outcomes import CodeSent, Outcome, Refused, SignedIn
from gateway.stores import StoreUnavailable
from providers import Unavailable
from tests.gateway.kit import CodeScript, Kit, word


async def test_a_code_signs_in_once() -> None:
    provider = CodeScript()
    kit = Kit(provider)
    assert await kit.login(username="ann") == CodeSent("code", 60, 600)
    (code,) = provider.delivered
    assert isinstance(await kit.login(username="ann", otp=code), SignedIn)
    assert word(await kit.login(username="ann", otp=code)) == errors.BADOTP
    assert len(kit.issuer.issued) == 1


async def test_p15_no_code_pending_is_the_word_of_a_wrong_code() -> None:
    kit = Kit(CodeScript())
    never = await kit.login(username="ann", otp="123456")
    await kit.login(username="bob")
    wrong = await kit.login(username="bob", otp="000000")
    assert never == wrong == Refused(errors.BADOTP)


async def test_a_start_inside_the_cool_down_delivers_nothing_and_a_later_one_the_same_code() -> (
    None
):
    provider = CodeScript()
    kit = Kit(provider)
    await kit.login(username="ann")
    kit.clock.now += 59
    assert await kit.login(username="ann") == CodeSent("code", 1, 541)
    assert len(provider.delivered) == 1
    kit.clock.now += 1
    assert await kit.login(username="ann") == CodeSent("code", 60, 540)  # its life is not prolonged
    first, second = provider.delivered
    assert first == second
    assert isinstance(await kit.login(username="ann", otp=first), SignedIn)


async def test_p5_a_code_is_refused_from_the_end_of_its_life() -> None:
    provider = CodeScript()
    kit = Kit(provider)
    await kit.login(username="ann")
    kit.clock.now += 600
    assert word(await kit.login(username="ann", otp=provider.delivered[0])) == errors.BADOTP


async def test_p3_a_right_code_is_refused_after_the_last_try() -> None:
    provider = CodeScript(tries=3)
    kit = Kit(provider)
    await kit.login(username="ann")
    code = provider.delivered[0]
    wrong = "000000" if code != "000000" else "000001"
    for _ in range(3):
        assert word(await kit.login(username="ann", otp=wrong)) == errors.BADOTP
    assert word(await kit.login(username="ann", otp=code)) == errors.BADOTP
    assert kit.issuer.issued == []


async def test_p7_a_new_code_gives_no_new_tries() -> None:
    provider = CodeScript(tries=2)
    kit = Kit(provider)
    for _ in range(2):
        await kit.login(username="ann")
        for _ in range(2):
            assert word(await kit.login(username="ann", otp="wrong")) == errors.BADOTP
    assert len(provider.delivered) == 2
    await kit.login(username="ann")
    assert word(await kit.login(username="ann", otp="wrong")) == errors.BADOTP
    assert word(await kit.login(username="ann", otp=provider.delivered[-1])) == errors.RATELIMIT
    assert word(await kit.login(username="ann")) == errors.RATELIMIT  # nor is one sent in vain


async def test_a_code_is_kept_before_it_is_delivered() -> None:
    provider = CodeScript()
    kit = Kit(provider)

    async def answer_at_once(code: str) -> None:
        assert isinstance(await kit.login(username="ann", otp=code), SignedIn)

    provider.deliver = answer_at_once
    await kit.login(username="ann")
    assert len(kit.issuer.issued) == 1


async def test_a_delivery_that_fails_costs_nothing_and_leaves_no_code() -> None:
    provider = CodeScript()
    kit = Kit(provider)
    tried: list[str] = []

    async def fail(code: str) -> None:
        tried.append(code)
        raise Unavailable("vendor", "down")

    provider.deliver = fail
    for _ in range(10):  # more often than the budget of three allows
        assert word(await kit.login(username="ann")) == errors.UNAVAILABLE
    assert word(await kit.login(username="ann", otp=tried[-1])) == errors.BADOTP
    provider.deliver = provider._keep
    assert isinstance(await kit.login(username="ann"), CodeSent)
    assert len(provider.delivered) == 1


async def test_a_second_delivery_that_fails_keeps_the_first_code() -> None:
    provider = CodeScript()
    kit = Kit(provider)
    await kit.login(username="ann")

    async def fail(code: str) -> None:
        raise Unavailable("vendor", "down")

    provider.deliver = fail
    kit.clock.now += 60
    assert word(await kit.login(username="ann")) == errors.UNAVAILABLE
    assert isinstance(await kit.login(username="ann", otp=provider.delivered[0]), SignedIn)


async def test_p9_messages_are_budgeted_also_in_parallel() -> None:
    provider = CodeScript(resend_after=1.0)
    kit = Kit(provider)
    outcomes = await asyncio.gather(*(kit.login(username=f"u{i}") for i in range(20)))
    assert len(provider.delivered) == 3
    assert sum(isinstance(outcome, CodeSent) for outcome in outcomes) == 3
    kit.clock.now += 3600
    assert isinstance(await kit.login(username="u19"), CodeSent)


async def test_a17_parallel_starts_deliver_one_message() -> None:
    provider = CodeScript()
    kit = Kit(provider)
    outcomes = await asyncio.gather(*(kit.login(username="ann") for _ in range(50)))
    assert all(isinstance(outcome, CodeSent) for outcome in outcomes)
    assert len(provider.delivered) == 1


async def test_p4_parallel_right_codes_give_one_token() -> None:
    provider = CodeScript()
    kit = Kit(provider)
    kit.issuer.before = lambda: asyncio.sleep(0)
    await kit.login(username="ann")
    code = provider.delivered[0]
    outcomes = await asyncio.gather(*(kit.login(username="ann", otp=code) for _ in range(50)))
    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
    assert len(kit.issuer.issued) == 1
    refused = {o.word for o in outcomes if isinstance(o, Refused)}
    assert refused <= {errors.UNAVAILABLE, errors.BADOTP, errors.RATELIMIT}


async def test_c22_a_right_code_survives_the_issuers_outage() -> None:
    provider = CodeScript()
    kit = Kit(provider)
    await kit.login(username="ann")
    code = provider.delivered[0]
    kit.issuer.failing = True
    for _ in range(10):
        assert word(await kit.login(username="ann", otp=code)) == errors.UNAVAILABLE
    kit.issuer.failing = False
    assert isinstance(await kit.login(username="ann", otp=code), SignedIn)
    assert len(provider.delivered) == 1


async def test_no_second_token_is_made_while_the_store_fails_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider = CodeScript()
    kit = Kit(provider)
    await kit.login(username="ann")
    use_up = kit.store.finish
    failures = 2

    async def finish(*args: Any, **kwargs: Any) -> bool:
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreUnavailable("the master is gone")
        return await use_up(*args, **kwargs)

    monkeypatch.setattr(kit.store, "finish", finish)
    assert isinstance(await kit.login(username="ann", otp=provider.delivered[0]), SignedIn)
    assert failures == 0
    assert len(kit.issuer.issued) == 1


async def test_a_login_that_is_cut_off_leaves_the_code_as_it_was() -> None:
    provider = CodeScript()
    kit = Kit(provider)
    await kit.login(username="ann")
    reached = asyncio.Event()

    async def hang() -> None:
        reached.set()
        await asyncio.Event().wait()

    kit.issuer.before = hang
    login = asyncio.create_task(kit.login(username="ann", otp=provider.delivered[0]))
    await reached.wait()
    login.cancel()
    with pytest.raises(asyncio.CancelledError):
        await login
    kit.issuer.before = None
    assert isinstance(await kit.login(username="ann", otp=provider.delivered[0]), SignedIn)


async def test_no_token_leaves_once_somebody_else_holds_the_code() -> None:
    provider = CodeScript()
    kit = Kit(provider)
    await kit.login(username="ann")
    code = provider.delivered[0]
    reached = asyncio.Event()
    others: list[asyncio.Task[Outcome]] = []

    async def hang() -> None:
        reached.set()
        await asyncio.Event().wait()

    async def oversleep() -> None:
        kit.clock.now += LEASE_MS / 1000  # the lease lapses, and another request gets it
        kit.issuer.before = hang
        others.append(asyncio.create_task(kit.login(username="ann", otp=code)))
        await reached.wait()

    kit.issuer.before = oversleep
    assert word(await kit.login(username="ann", otp=code)) == errors.UNAVAILABLE
    others[0].cancel()
    await asyncio.wait(others)
