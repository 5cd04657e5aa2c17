"""The login as values: failures on an account are counted, whichever of its names they came by."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from config import Limit
from gateway import errors
from gateway.outcomes import CodeSent, Refused, SignedIn
from gateway.stores import StoreUnavailable, Window
from providers import (
    Attempt,
    CodeChallenge,
    Fields,
    Identity,
    Rejected,
    Unavailable,
    UnknownIdentity,
)
from tests.gateway.kit import CodeScript, Kit, Script, word

NAMES = ("ann", "ann@corp.example.com", "corp\\ann")
ACCOUNTS = {**dict.fromkeys(NAMES, "cn=ann"), "bob": "cn=bob"}


class Accounts:
    """What stands behind the names: compares passwords and keeps what it was asked to try."""

    def __init__(self) -> None:
        self.tries: list[str] = []
        self.after: Callable[[], Awaitable[None]] | None = None

    async def __call__(self, attempt: Attempt, fields: Fields) -> Identity:
        account = ACCOUNTS.get(attempt.identity)
        if account is None:
            raise Rejected("no such account")
        await attempt.claim(account)
        self.tries.append(account)
        if self.after is not None:
            await self.after()
        if fields.get("password") != "right":
            raise Rejected("wrong password")
        return Identity(account)


async def guess(kit: Kit, name: str, password: str = "wrong") -> str:
    """Return what became of a login: the error word, or OK."""
    outcome = await kit.login(username=name, password=password)
    return "OK" if isinstance(outcome, SignedIn) else word(outcome)


async def test_l10_a71_names_of_one_account_share_its_tries() -> None:
    accounts = Accounts()
    kit = Kit(Script("staff", accounts))
    guesses = [await guess(kit, name) for name in (*NAMES, *NAMES, *NAMES)]
    assert guesses == [errors.BADLOGIN] * 5 + [errors.RATELIMIT] * 4
    assert accounts.tries == ["cn=ann"] * 5
    assert await guess(kit, "bob", "right") == "OK"


async def test_l10_c6_parallel_tries_never_exceed_the_limit() -> None:
    accounts = Accounts()
    accounts.after = lambda: asyncio.sleep(0)
    kit = Kit(Script("staff", accounts))
    guesses = await asyncio.gather(*(guess(kit, NAMES[i % 3]) for i in range(60)))
    assert guesses.count(errors.BADLOGIN) == len(accounts.tries) == 5
    assert guesses.count(errors.RATELIMIT) == 55


async def test_a_full_account_says_how_long_to_wait_and_the_audit_names_the_limit() -> None:
    kit = Kit(Script("staff", Accounts()), failures=[Limit(2, 900)])
    for name in NAMES[:2]:
        await guess(kit, name)
    kit.clock.now += 100
    with capture_logs() as logs:
        assert await kit.login(username=NAMES[2], password="x") == Refused(errors.RATELIMIT, 800)
    assert logs[-1]["detail"] == "limit account 2/15m"
    kit.clock.now += 800
    assert await guess(kit, NAMES[2], "right") == "OK"


async def test_a_full_account_costs_its_name_no_try() -> None:
    kit = Kit(Script("staff", Accounts()), failures=[Limit(2, 900)])
    await guess(kit, NAMES[0])
    kit.clock.now += 100
    await guess(kit, NAMES[1])
    for _ in range(3):
        assert await guess(kit, NAMES[2]) == errors.RATELIMIT
    kit.clock.now += 800  # the account's window ends, those of the names would not
    assert await guess(kit, NAMES[2]) == errors.BADLOGIN


async def test_c5_success_by_one_name_clears_the_account() -> None:
    kit = Kit(Script("staff", Accounts()))
    first, *others = NAMES
    for _ in range(2):
        for name in others:
            assert await guess(kit, name) == errors.BADLOGIN
    assert await guess(kit, first, "right") == "OK"
    for _ in range(2):
        for name in others:
            assert await guess(kit, name) == errors.BADLOGIN


async def test_an_outage_or_a_bug_never_counts_as_a_failure() -> None:
    accounts = Accounts()
    kit = Kit(Script("staff", accounts))

    async def down() -> None:
        raise Unavailable("directory", "no answer")

    async def bug() -> None:
        raise RuntimeError

    for after in (down, bug):
        accounts.after = after
        for name in (*NAMES, *NAMES, *NAMES):
            assert await guess(kit, name) == errors.UNAVAILABLE
    accounts.after = None
    kit.issuer.failing = True
    for name in (*NAMES, *NAMES, *NAMES):
        assert await guess(kit, name, "right") == errors.UNAVAILABLE
    kit.issuer.failing = False
    assert [await guess(kit, NAMES[i % 3]) for i in range(5)] == [errors.BADLOGIN] * 5


async def test_a_login_that_is_cut_off_counts_nothing() -> None:
    accounts = Accounts()
    reached = asyncio.Event()

    async def hang() -> None:
        reached.set()
        await asyncio.Event().wait()

    accounts.after = hang
    kit = Kit(Script("staff", accounts), failures=[Limit(1, 900)])
    login = asyncio.create_task(guess(kit, NAMES[0]))
    await reached.wait()
    login.cancel()
    with pytest.raises(asyncio.CancelledError):
        await login
    accounts.after = None
    assert await guess(kit, NAMES[1]) == errors.BADLOGIN


async def test_a_login_counts_once_however_many_servers_are_asked() -> None:
    async def ask_two_servers(attempt: Attempt, fields: Fields) -> Identity:
        for _ in range(2):
            await attempt.claim("cn=ann")
        raise Rejected("wrong password")

    kit = Kit(Script("staff", ask_two_servers))
    assert [await guess(kit, NAMES[i % 3]) for i in range(5)] == [errors.BADLOGIN] * 5


async def test_accounts_of_two_providers_are_apart() -> None:
    first, second = Accounts(), Accounts()
    kit = Kit(Script("a", first), Script("b", second), failures=[Limit(1, 900)])
    for provider in ("a", "b"):
        outcome = await kit.login(provider=provider, username=NAMES[0], password="wrong")
        assert word(outcome) == errors.BADLOGIN
    for provider in ("a", "b"):
        outcome = await kit.login(provider=provider, username=NAMES[1], password="right")
        assert word(outcome) == errors.RATELIMIT


async def test_a_name_that_is_spelled_like_an_account_is_another_counter() -> None:
    async def own_name(attempt: Attempt, fields: Fields) -> Identity:
        await attempt.claim("account" if attempt.identity == "x" else attempt.identity)
        raise Rejected("wrong password")

    kit = Kit(Script("staff", own_name), failures=[Limit(1, 900)])
    assert await guess(kit, "x") == errors.BADLOGIN
    assert await guess(kit, "account") == errors.RATELIMIT  # the account is full, not the name
    kit = Kit(Script("staff", own_name), failures=[Limit(1, 900)])
    assert await guess(kit, "account") == errors.BADLOGIN


async def test_without_limits_nothing_is_counted() -> None:
    accounts = Accounts()
    kit = Kit(Script("staff", accounts), failures=[])
    for _ in range(20):
        assert await guess(kit, NAMES[0]) == errors.BADLOGIN


async def test_c7_a_store_that_is_down_is_an_outage_and_no_bug() -> None:
    accounts = Accounts()
    kit = Kit(Script("staff", accounts))
    count = kit.store.count

    async def count_names_only(windows: list[Window]) -> object:
        if any(window.name.startswith("account") for window in windows):
            raise StoreUnavailable("no answer")
        return await count(windows)

    kit.store.count = count_names_only  # type: ignore[method-assign, assignment]  # goes down
    with capture_logs() as logs:
        assert await guess(kit, NAMES[0], "right") == errors.UNAVAILABLE
    assert [line["event"] for line in logs] == ["login"]
    assert logs[0]["detail"] == "no answer"
    assert accounts.tries == []


async def test_a_later_provider_that_signs_in_clears_what_was_counted() -> None:
    async def unknown_after_all(attempt: Attempt, fields: Fields) -> Identity:
        await attempt.claim("cn=ann")
        raise UnknownIdentity("not here any more")

    async def known(attempt: Attempt, fields: Fields) -> Identity:
        return Identity(attempt.identity)

    kit = Kit(Script("a", unknown_after_all), Script("b", known))
    for i in range(20):
        assert await guess(kit, NAMES[i % 3]) == "OK"


# Providers that send codes


class ProofThenCode(CodeScript):
    """Tries a proof before it sends a code."""

    async def begin(self, attempt: Attempt, fields: Fields) -> CodeChallenge:
        await attempt.claim(ACCOUNTS[attempt.identity])
        if fields.get("password") == "wrong":
            raise Rejected("wrong password")
        return await super().begin(attempt, fields)


async def test_a_code_that_goes_out_is_no_failure() -> None:
    kit = Kit(ProofThenCode(budgets=(), resend_after=1.0))
    for i in range(9):
        assert isinstance(await kit.login(username=NAMES[i % 3]), CodeSent)
        kit.clock.now += 1
    assert [await guess(kit, NAMES[i % 3]) for i in range(5)] == [errors.BADLOGIN] * 5
    assert await guess(kit, NAMES[0], "right") == errors.RATELIMIT


class CodeThenProof(CodeScript):
    """Tries a proof after the code."""

    async def resume(self, attempt: Attempt, memo: bytes, fields: Fields) -> Identity:
        await attempt.claim(ACCOUNTS[attempt.identity])
        if fields.get("password") == "wrong":
            raise Rejected("wrong password")
        return await super().resume(attempt, memo, fields)


async def test_l10_a_proof_after_a_code_counts_for_the_account() -> None:
    kit = Kit(provider := CodeThenProof(budgets=()), failures=[Limit(2, 900)])

    async def prove(name: str, password: str) -> str:
        await kit.login(username=name)
        outcome = await kit.login(username=name, otp=provider.delivered[-1], password=password)
        return "OK" if isinstance(outcome, SignedIn) else word(outcome)

    assert await prove(NAMES[0], "wrong") == errors.BADLOGIN
    assert await prove(NAMES[1], "right") == "OK"  # clears the account
    assert await prove(NAMES[1], "wrong") == errors.BADLOGIN
    assert await prove(NAMES[2], "wrong") == errors.BADLOGIN
    assert await prove(NAMES[2], "right") == errors.RATELIMIT
    assert await prove("bob", "right") == "OK"
