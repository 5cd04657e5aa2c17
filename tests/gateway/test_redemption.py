"""From a ticket to the token, as apps ask for it (O11, C1, C19, C22, A105, A107)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from config import Limit
from gateway import errors
from gateway.deadlines import Deadline
from gateway.outcomes import HandedOver, HandOver, Refused, SignedIn
from providers import Identity
from tests.gateway.browsers import CHALLENGE, RETURN, VERIFIER, begin, outage, redeem, signed_in
from tests.gateway.kit import APP, BrowserScript, CodeScript, Kit, word

OTHER_APP = "com.example.other"
LEASE = 30  # seconds


@pytest.fixture
def kit() -> Kit:
    providers = (BrowserScript(), BrowserScript("other"), CodeScript("code"))
    return Kit(*providers, return_urls=[RETURN], app_ids=(APP, OTHER_APP))


async def redeems(kit: Kit, handed: HandedOver) -> bool:
    """Whether the ticket is good."""
    return isinstance(await redeem(kit, handed), SignedIn)


# What the app sends


@pytest.mark.parametrize("provider", ["site", None])
async def test_the_app_may_name_the_provider(kit: Kit, provider: str | None) -> None:
    handed = await signed_in(kit)
    outcome = await kit.login(
        challenge=handed.id, provider=provider, otp=handed.code, code_verifier=VERIFIER
    )
    assert outcome == SignedIn("token-1", "site:ann", None)


async def test_o11_a_ticket_gives_one_token(kit: Kit) -> None:
    handed = await signed_in(kit)
    assert await redeems(kit, handed)
    assert word(await redeem(kit, handed)) == errors.BADOTP
    assert len(kit.issuer.issued) == 1


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"otp": "0" * 32}, id="a105-wrong-code"),
        pytest.param({"otp": "0"}, id="short-code"),
        pytest.param({"code_verifier": VERIFIER[::-1]}, id="a105-wrong-verifier"),
        pytest.param({"code_verifier": ""}, id="a105-no-verifier"),
        pytest.param({"code_verifier": CHALLENGE}, id="a107-challenge-as-verifier"),
        pytest.param({"provider": "other"}, id="other-provider"),
        pytest.param({"provider": "code"}, id="provider-of-another-kind"),
        pytest.param({"provider": "http://evil.test"}, id="a109-no-provider"),
    ],
)
async def test_a105_whatever_is_wrong_is_the_end_of_the_ticket(
    kit: Kit, fields: dict[str, str]
) -> None:
    handed = await signed_in(kit)
    with capture_logs() as logs:
        assert word(await redeem(kit, handed, **fields)) == errors.BADOTP
    assert logs[-1]["action"] == "authn_login_fail"
    assert word(await redeem(kit, handed)) == errors.BADOTP
    assert kit.issuer.issued == []


async def test_a107_a_verifier_where_no_challenge_was_given_is_wrong(kit: Kit) -> None:
    handed = await signed_in(kit, code_challenge="")
    assert word(await redeem(kit, handed)) == errors.BADOTP
    assert word(await redeem(kit, handed, code_verifier="")) == errors.BADOTP


async def test_without_a_challenge_no_verifier_is_needed(kit: Kit) -> None:
    handed = await signed_in(kit, code_challenge="")
    assert isinstance(await redeem(kit, handed, code_verifier=""), SignedIn)


async def test_o11_another_app_gets_nothing_and_spoils_nothing(kit: Kit) -> None:
    handed = await signed_in(kit)
    assert word(await redeem(kit, handed, app=OTHER_APP)) == errors.BADOTP
    assert word(await redeem(kit, handed, app="com.example.evil")) == errors.BADAPP
    assert await redeems(kit, handed)
    assert [app for _, app, _ in kit.issuer.issued] == [APP]


@pytest.mark.parametrize(
    "fields", [{}, {"password": "x"}, {"id_token": "ann.1"}, {"code_verifier": VERIFIER}]
)
async def test_a_challenge_without_its_code_is_a_bad_request(
    kit: Kit, fields: dict[str, Any]
) -> None:
    handed = await signed_in(kit)
    outcome = await kit.login(challenge=handed.id, **fields)
    assert word(outcome) == errors.BADREQUEST
    assert await redeems(kit, handed)


@pytest.mark.parametrize("challenge", ["x", "x" * 22, "x" * 8192, "\udcff" * 22, "\u00e9" * 22])
async def test_a_challenge_that_there_never_was_is_a_wrong_code(kit: Kit, challenge: str) -> None:
    outcome = await kit.login(challenge=challenge, otp="12345678")
    assert word(outcome) == errors.BADOTP


async def test_c19_a_trip_that_has_not_ended_is_no_ticket(kit: Kit) -> None:
    gone = await begin(kit, code_challenge="")
    assert word(await kit.login(challenge=gone.id, otp="")) == errors.BADOTP


async def test_a_code_that_was_sent_is_no_ticket(kit: Kit) -> None:
    await kit.login(provider="code", username="ann")
    outcome = await kit.login(challenge="x" * 22, username="ann", otp="123456")
    assert word(outcome) == errors.BADOTP


async def test_a_code_that_a_page_of_ours_got_is_a_ticket_too() -> None:
    code = CodeScript("code")
    kit = Kit(code, return_urls=[RETURN])
    wish = HandOver(RETURN, CHALLENGE)
    await kit.login_on_page(wish, username="ann")
    handed = await kit.login_on_page(wish, username="ann", otp=code.delivered[0])
    assert isinstance(handed, HandedOver)
    assert kit.issuer.issued == []
    assert await redeem(kit, handed) == SignedIn("token-1", "code:ann", None)


# Time and limits


async def test_o11_a_ticket_lasts_for_a_minute(kit: Kit) -> None:
    handed = await signed_in(kit)
    kit.clock.now += 60
    assert word(await redeem(kit, handed)) == errors.BADOTP


async def test_guesses_are_limited_by_address() -> None:
    kit = Kit(BrowserScript(), return_urls=[RETURN], per_ip=[Limit(4, 60)])
    handed = await signed_in(kit)  # two requests
    for _ in range(2):
        assert word(await kit.login(challenge="x" * 22, otp="12345678")) == errors.BADOTP
    assert await redeem(kit, handed) == Refused(errors.RATELIMIT, 60)
    kit.clock.now += 59
    assert word(await redeem(kit, handed)) == errors.RATELIMIT


async def test_of_parallel_requests_one_gets_the_token(kit: Kit) -> None:
    kit.issuer.before = lambda: asyncio.sleep(0)
    handed = await signed_in(kit)
    outcomes = await asyncio.gather(*(redeem(kit, handed) for _ in range(50)))
    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
    refused = [o for o in outcomes if isinstance(o, Refused)]
    # Those that came while it was being used may have been the right one's double.
    assert {o.word for o in refused} <= {errors.UNAVAILABLE, errors.BADOTP}
    assert len(kit.issuer.issued) == 1


# What fails and then works


async def test_c22_a_right_code_outlives_an_outage_of_the_issuer(kit: Kit) -> None:
    handed = await signed_in(kit)
    kit.issuer.failing = True
    for _ in range(3):
        assert word(await redeem(kit, handed)) == errors.UNAVAILABLE
    kit.issuer.failing = False
    assert await redeems(kit, handed)


async def test_a_wrong_code_does_not_outlive_one(kit: Kit) -> None:
    handed = await signed_in(kit)
    kit.issuer.failing = True
    assert word(await redeem(kit, handed)) == errors.UNAVAILABLE
    assert word(await redeem(kit, handed, otp="0" * 32)) == errors.BADOTP
    kit.issuer.failing = False
    assert word(await redeem(kit, handed)) == errors.BADOTP


async def test_c22_a_right_code_outlives_an_issuer_that_hangs(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    handed = await signed_in(kit)
    kit.issuer.before = hang
    with monkeypatch.context() as patch:
        patch.setattr(kit.engine, "_deadline", Deadline(0.05))
        assert word(await redeem(kit, handed)) == errors.UNAVAILABLE
    kit.issuer.before = None
    assert await redeems(kit, handed)


@pytest.mark.parametrize("steps", [("take",), ("finish",), ("finish", "release")])
async def test_c22_a_right_code_outlives_an_outage_of_the_store(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, steps: tuple[str, ...]
) -> None:
    handed = await signed_in(kit)
    with outage(monkeypatch, kit.store, *steps):
        assert word(await redeem(kit, handed)) == errors.UNAVAILABLE
    if "release" in steps:
        assert word(await redeem(kit, handed)) == errors.UNAVAILABLE  # it is in use
        kit.clock.now += LEASE
    assert await redeems(kit, handed)


async def test_with_store_and_issuer_down_it_is_one_outage(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed = await signed_in(kit)
    kit.issuer.failing = True
    with outage(monkeypatch, kit.store, "release"), capture_logs() as logs:
        assert word(await redeem(kit, handed)) == errors.UNAVAILABLE
    assert "issuer" in logs[-1]["detail"]


async def test_when_only_the_answer_to_the_end_is_lost_the_ticket_is_gone(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed = await signed_in(kit)
    with outage(monkeypatch, kit.store, "finish", done=True):
        assert word(await redeem(kit, handed)) == errors.UNAVAILABLE
    assert word(await redeem(kit, handed)) == errors.BADOTP


async def test_a_token_that_came_too_late_is_not_handed_out(kit: Kit) -> None:
    handed = await signed_in(kit)

    async def dawdle() -> None:
        kit.issuer.before = None
        kit.clock.now += LEASE
        await kit.desk.tickets.take(APP, handed.id, handed.code, VERIFIER, ())  # somebody else

    kit.issuer.before = dawdle
    with capture_logs() as logs:
        assert word(await redeem(kit, handed)) == errors.UNAVAILABLE
    assert "lease" in logs[-1]["detail"]


# What is configured no more


@pytest.mark.parametrize("change", ["app", "provider"])
async def test_what_is_configured_no_more_gives_no_token(kit: Kit, change: str) -> None:
    handed = await signed_in(kit)
    site = BrowserScript("other" if change == "provider" else "site")
    apps = (OTHER_APP,) if change == "app" else (APP,)
    after = Kit(site, app_ids=apps, store=kit.store)
    outcome = await redeem(after, handed)
    assert word(outcome) == (errors.BADAPP if change == "app" else errors.BADOTP)
    assert after.issuer.issued == []


async def test_a_ticket_is_of_the_identity_as_it_was_proven() -> None:
    site = BrowserScript()
    site.identity = lambda: Identity("ann", email="ann@example.com", name="Ann")
    kit = Kit(site, address="{email}", return_urls=[RETURN])
    handed = await signed_in(kit)
    site.identity = lambda: Identity("mallory", email="mallory@example.com")
    outcome = await redeem(kit, handed, name="Mallory", username="mallory", email="m@example.com")
    assert outcome == SignedIn("token-1", "ann@example.com", "Ann")
