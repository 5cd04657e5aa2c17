"""The login as values: whose turn it is to deliver, what the audit tells of it, whose failures."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from config import Limit
from gateway import errors
from gateway.audit import MAX_TEXT
from gateway.outcomes import CodeSent, SignedIn
from providers import Attempt, Fields, Identity, Receipt, Rejected, Unavailable
from tests.gateway.kit import CodeScript, Kit, Script, word

# Turns


async def test_each_message_of_a_code_is_a_turn_of_its_own() -> None:
    provider = CodeScript()
    kit = Kit(provider)
    for _ in range(3):
        await kit.login(username="ann")
        await kit.login(username="ann")  # inside the cool-down
        kit.clock.now += 60
    assert provider.turns == [0, 1, 2]


async def test_turns_of_two_people_are_apart() -> None:
    provider = CodeScript()
    kit = Kit(provider)
    await kit.login(username="ann")
    await kit.login(username="bob")
    assert provider.turns == [0, 0]


async def test_a_new_code_begins_with_the_first_turn() -> None:
    provider = CodeScript()
    kit = Kit(provider)
    await kit.login(username="ann")
    kit.clock.now += 60
    await kit.login(username="ann")
    await kit.login(username="ann", otp=provider.delivered[0])
    await kit.login(username="ann")
    assert provider.turns == [0, 1, 0]


async def test_after_a_failed_delivery_comes_the_next_turn_at_once() -> None:
    provider = CodeScript()
    kit = Kit(provider)
    await kit.login(username="ann")

    async def fail(code: str) -> None:
        raise Unavailable("vendor", "down")

    provider.deliver = fail
    kit.clock.now += 60
    assert word(await kit.login(username="ann")) == errors.UNAVAILABLE
    provider.deliver = provider._keep
    assert isinstance(await kit.login(username="ann"), CodeSent)
    assert provider.turns == [0, 1, 2]


# The audit line of a delivery


async def lines(kit: Kit, *logins: dict[str, str]) -> list[dict[str, Any]]:
    with capture_logs() as logs:
        for fields in logins:
            await kit.login(**fields)
    return [dict(line) for line in logs]


ANN = {"username": "ann"}


async def test_the_audit_tells_who_sent_a_message_and_the_vendors_name_of_it() -> None:
    provider = CodeScript()
    provider.receipt = Receipt("vendor", "SM12-34")
    kit = Kit(provider)
    sent, pending = await lines(kit, ANN, ANN)
    assert (sent["sender"], sent["message"]) == ("vendor", "SM12-34")
    assert pending["outcome"] == "challenge"
    assert pending.keys() & {"sender", "message"} == set()
    (signed_in,) = await lines(kit, ANN | {"otp": provider.delivered[0]})
    assert signed_in["outcome"] == "success"
    assert signed_in.keys() & {"sender", "message"} == set()


async def test_a_message_that_the_vendor_does_not_name_has_a_sender_only() -> None:
    provider = CodeScript()
    provider.receipt = Receipt("vendor", None)
    (sent,) = await lines(Kit(provider), ANN)
    assert sent["sender"] == "vendor"
    assert "message" not in sent


async def test_where_nothing_was_sent_there_is_no_sender() -> None:
    provider = CodeScript()
    (test_number,) = await lines(Kit(provider), ANN)
    assert test_number["outcome"] == "challenge"
    assert test_number.keys() & {"sender", "message"} == set()

    async def fail(code: str) -> None:
        raise Rejected("no such number")

    provider.deliver = fail
    provider.receipt = Receipt("vendor", "SM12-34")
    (failed,) = await lines(Kit(provider), ANN)
    assert failed["outcome"] == "rejected"
    assert failed.keys() & {"sender", "message"} == set()


async def test_a55_a_vendors_name_of_a_message_stays_one_line() -> None:
    provider = CodeScript()
    provider.receipt = Receipt("vendor", 'x\n{"event":"login"}\x1b[31m' + "y" * 1000)
    (sent,) = await lines(Kit(provider), ANN)
    assert sent["message"].isprintable()
    assert len(sent["message"]) == MAX_TEXT


# Which limit it was


def refused_for(line: dict[str, Any]) -> str:
    assert line["outcome"] == "limited"
    return str(line["detail"])


async def test_the_audit_names_the_limit_that_was_reached() -> None:
    kit = Kit(CodeScript(), per_ip=[Limit(4, 60), Limit(9, 300)], failures=[Limit(2, 900)])
    people = [{"username": f"u{i}"} for i in range(4)]
    assert refused_for((await lines(kit, *people))[-1]) == "limit person 3/hour"
    guess = ANN | {"otp": "000000"}
    assert refused_for((await lines(kit, guess, guess))[-1]) == "limit requests 4/minute"
    kit.clock.now += 60
    assert refused_for((await lines(kit, guess, guess))[-1]) == "limit failures 2/15m"
    assert refused_for((await lines(kit, ANN))[-1]) == "limit failures 2/15m"


async def test_the_audit_names_the_limit_of_a_proof_at_once() -> None:
    async def refuse(attempt: Attempt, fields: Fields) -> Identity:
        raise Rejected("wrong password")

    kit = Kit(Script("a", refuse), failures=[Limit(2, 900), Limit(2, 3600)])
    assert refused_for((await lines(kit, ANN, ANN, ANN))[-1]) == "limit failures 2/hour"


# Names that are one person's


def without_dots(identity: str) -> str:
    return identity.replace(".", "")


async def test_c5_failures_of_one_persons_names_are_counted_together() -> None:
    provider = CodeScript(budgets=())
    provider.alias = without_dots
    kit = Kit(provider)
    for name in ("ann", "a.nn", "an.n", "a.n.n", "ann"):
        assert word(await kit.login(username=name, otp="000000")) == errors.BADOTP
    assert word(await kit.login(username="a.nn.", otp="000000")) == errors.RATELIMIT
    assert word(await kit.login(username="..ann")) == errors.RATELIMIT
    assert isinstance(await kit.login(username="bob"), CodeSent)


async def test_signing_in_clears_the_failures_of_all_names() -> None:
    provider = CodeScript(budgets=())
    provider.alias = without_dots
    kit = Kit(provider)
    for _ in range(3):
        for name in ("ann", "a.nn", "an.n", "a.n.n"):
            assert word(await kit.login(username=name, otp="000000")) == errors.BADOTP
        await kit.login(username="ann")
        signed_in = await kit.login(username="ann", otp=provider.delivered[-1])
        assert isinstance(signed_in, SignedIn)


async def test_a_code_is_good_for_the_name_that_it_was_sent_to() -> None:
    provider = CodeScript(budgets=())
    provider.alias = without_dots
    kit = Kit(provider)
    await kit.login(username="ann")
    assert word(await kit.login(username="a.nn", otp=provider.delivered[0])) == errors.BADOTP
    assert isinstance(await kit.login(username="ann", otp=provider.delivered[0]), SignedIn)


class Aliases(Script):
    """A provider without codes, where dots do not count."""

    def counted_as(self, identity: str) -> str:
        return without_dots(identity)


@pytest.mark.parametrize("name", ["ann", "a.n.n", "ann."])
async def test_c5_failures_of_proofs_at_once_are_counted_together(name: str) -> None:
    async def refuse(attempt: Attempt, fields: Fields) -> Identity:
        raise Rejected("wrong password")

    kit = Kit(Aliases("a", refuse))
    for tried in ("ann", "a.nn", "an.n", "a.n.n", "ann"):
        assert word(await kit.login(username=tried)) == errors.BADLOGIN
    assert word(await kit.login(username=name)) == errors.RATELIMIT
