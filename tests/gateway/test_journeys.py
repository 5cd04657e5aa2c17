"""Sign-ins in a browser: how they begin, and how browsers depart (C19, O2, A49, A107, A109)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from config import Limit
from gateway import errors, journeys, trips
from gateway.outcomes import Departure, GoTo, HandOver, Mishap, Refused, SignedIn, Stranded
from providers import Attempt, Fields, Identity, LoginError, Rejected, Unavailable
from tests.gateway.browsers import (
    CHALLENGE,
    RETURN,
    VERIFIER,
    Browser,
    begin,
    landed,
    outage,
    redeem,
    signed_in,
    stranded,
)
from tests.gateway.kit import APP, BrowserScript, CodeScript, Kit, Script, word

LOOPBACK = "http://127.0.0.1/signed-in"


def kit_of(*more: Any, **options: Any) -> Kit:
    return Kit(BrowserScript(), *more, return_urls=(RETURN, LOOPBACK), **options)


# From the first request to the token


async def test_o11_a_sign_in_goes_out_and_back_and_ends_with_the_app() -> None:
    site = BrowserScript()
    site.identity = lambda: Identity("ann", name="Ann")
    kit = Kit(site, return_urls=[RETURN])
    gone = await begin(kit)
    assert gone.url == f"https://auth.example.test/signin/{gone.id}"
    assert (gone.provider, gone.expires_in) == ("site", trips.LIFETIME)
    result = await Browser(kit).there_and_back(gone.id)
    handed = landed(result)
    assert (handed.id, handed.provider) == (gone.id, "site")
    assert handed.location == f"{RETURN}?challenge={gone.id}&code={handed.code}"
    assert kit.issuer.issued == []  # nothing is minted before the app comes with the code
    assert await redeem(kit, handed) == SignedIn("token-1", "site:ann", "Ann")
    assert kit.issuer.issued == [("site:ann", APP, "Ann")]


async def test_without_a_return_url_the_person_carries_the_code() -> None:
    kit = kit_of()
    handed = await signed_in(kit, return_url="")
    assert handed.location is None
    assert isinstance(
        await redeem(kit, handed, otp=f"{handed.code[:4]} {handed.code[4:]}"), SignedIn
    )


async def test_a_loopback_app_gets_the_port_that_it_asked_for() -> None:
    kit = kit_of()
    url = "http://127.0.0.1:49152/signed-in"
    handed = await signed_in(kit, return_url=url)
    assert handed.location == f"{url}?challenge={handed.id}&code={handed.code}"


# Who begins one


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"otp": "1"}, id="otp"),
        pytest.param({"password": "x"}, id="password"),
        pytest.param({"access_token": "x"}, id="access-token"),
        pytest.param({"code": "x"}, id="code"),
    ],
)
async def test_a_request_with_a_proof_never_begins_one(fields: dict[str, Any]) -> None:
    outcome = await kit_of().login(provider="site", return_url=RETURN, **fields)
    assert word(outcome) == errors.BADREQUEST


async def test_a_request_with_a_proof_in_hand_is_answered_at_once() -> None:
    kit = kit_of()
    assert isinstance(await kit.login(provider="site", id_token="ann.1"), SignedIn)


@pytest.mark.parametrize("fields", [{}, {"return_url": RETURN}, {"code_challenge": CHALLENGE}])
async def test_a_provider_that_is_not_named_never_begins_one(fields: dict[str, Any]) -> None:
    assert word(await kit_of().login(**fields)) == errors.BADREQUEST


async def test_a_provider_without_a_site_never_begins_one() -> None:
    async def answer(attempt: Attempt, fields: Fields) -> Identity:
        raise AssertionError

    kit = kit_of(Script("staff", answer), CodeScript("code"))
    for provider in ("staff", "code"):
        assert word(await kit.login(provider=provider, return_url=RETURN)) == errors.BADREQUEST


async def test_without_public_url_none_begins_and_the_operator_is_told() -> None:
    kit = kit_of(public_url=None)
    with capture_logs() as logs:
        assert word(await kit.login(provider="site")) == errors.UNAVAILABLE
    assert "public_url" in logs[-1]["detail"]
    assert isinstance(await kit.login(provider="site", id_token="ann.1"), SignedIn)


@pytest.mark.parametrize("app", ["com.example.evil", "", "*"])
async def test_an_app_that_is_not_admitted_never_begins_one(app: str) -> None:
    outcome = await kit_of().login(app=app, provider="site", return_url=RETURN)
    assert word(outcome) == (errors.BADAPP if app else errors.MISSINGAPPID)


@pytest.mark.parametrize("provider", ["http://evil.test", "other", "SITE", "../site"])
async def test_a109_a_provider_is_one_of_the_configuration(provider: str) -> None:
    outcome = await kit_of().login(provider=provider, return_url=RETURN)
    assert word(outcome) == errors.BADPROVIDER


async def test_requests_of_one_address_are_limited() -> None:
    kit = kit_of(per_ip=[Limit(2, 60)])
    for _ in range(2):
        await begin(kit)
    assert await kit.login(provider="site") == Refused(errors.RATELIMIT, 60)


async def test_with_the_store_down_none_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    kit = kit_of()
    with outage(monkeypatch, kit.store, "start"):
        assert word(await kit.login(provider="site")) == errors.UNAVAILABLE
    await begin(kit)


# What an app may wish for


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"return_url": "com.example.evil:/in"}, id="o10-not-listed"),
        pytest.param({"return_url": RETURN + "/"}, id="o10-not-exact"),
        pytest.param({"return_url": "http://localhost:1/signed-in"}, id="o10-localhost"),
        pytest.param({"redirect_uri": "com.example.evil:/in"}, id="o20-redirect-uri-not-listed"),
        pytest.param({"code_challenge": "x"}, id="challenge-too-short"),
        pytest.param({"code_challenge": CHALLENGE + "="}, id="challenge-padded"),
        pytest.param({"code_challenge": CHALLENGE + "\n"}, id="challenge-line-break"),
        pytest.param({"code_challenge": CHALLENGE[:-1] + "+"}, id="challenge-not-base64url"),
        pytest.param({"code_challenge": VERIFIER + VERIFIER}, id="challenge-too-long"),
        pytest.param({"code_challenge_method": "plain"}, id="a107-plain"),
        pytest.param({"code_challenge_method": "s256"}, id="a107-case-of-method"),
        pytest.param({"code_challenge_method": "S512"}, id="a107-unknown-method"),
        pytest.param(
            {"code_challenge_method": "S256", "code_challenge": ""}, id="a107-missing-challenge"
        ),
    ],
)
async def test_a_wish_that_is_not_acceptable_is_a_bad_request(fields: dict[str, str]) -> None:
    wish: dict[str, Any] = {"return_url": RETURN, "code_challenge": CHALLENGE} | fields
    wish = {name: value for name, value in wish.items() if value}
    outcome = await kit_of().login(provider="site", **wish)
    assert word(outcome) == errors.BADREQUEST


@pytest.mark.parametrize(
    "fields",
    [{}, {"code_challenge_method": "S256"}, {"redirect_uri": RETURN}, {"code_challenge": ""}],
)
async def test_a_wish_that_is_acceptable(fields: dict[str, str]) -> None:
    await begin(kit_of(), **fields)


async def test_what_a_page_of_ours_wishes_for_is_taken_as_checked() -> None:
    kit = kit_of()
    wish = HandOver(RETURN, CHALLENGE)
    gone = await kit.login_on_page(wish, provider="site", return_url="com.example.evil:/in")
    assert isinstance(gone, GoTo)
    handed = landed(await Browser(kit).there_and_back(gone.id))
    assert handed.return_url == RETURN


async def test_an_app_id_of_any_length_is_answered() -> None:
    kit = kit_of(app_ids=("*",))
    longest = "x" * 800
    handed = await signed_in(kit, app=longest, return_url="")
    assert isinstance(await redeem(kit, handed, app=longest), SignedIn)
    for app in ("x" * 1000, "\x01" * 200, "\U0001f600" * 8192):
        assert word(await kit.login(app=app, provider="site")) == errors.BADREQUEST


async def test_any_app_has_the_return_urls_of_its_entry() -> None:
    kit = kit_of(app_ids=("*",))
    handed = await signed_in(kit, app="com.example.made-up")
    assert word(await redeem(kit, handed, app="*")) == errors.BADOTP
    outcome = await redeem(kit, handed, app="com.example.made-up")
    assert kit.issuer.issued == [("site:ann", "com.example.made-up", None)]
    assert isinstance(outcome, SignedIn)


# Departures


async def test_o1_the_provider_is_told_of_a_trip_with_secrets_of_its_own() -> None:
    site = BrowserScript()
    kit = Kit(site, return_urls=[RETURN])
    gone = await begin(kit)
    browser = Browser(kit)
    departure = await browser.open(gone.id, lang="de")
    assert isinstance(departure, Departure)
    [trip] = site.departed
    assert departure == Departure(
        f"https://site.example.test/authorize?state={trip.state}", browser.cookie or "", False
    )
    assert trips.is_cookie(departure.cookie)
    assert trip.lang == "de"
    assert trip.return_url == "https://auth.example.test/callback/site"
    assert trip.verifier not in departure.url + departure.cookie


async def test_a_site_that_posts_back_says_so() -> None:
    site = BrowserScript()
    site.posts_back = True
    kit = Kit(site)
    departure = await Browser(kit).open((await begin(kit, return_url="")).id)
    assert isinstance(departure, Departure)
    assert departure.posts_back


async def test_a_browser_keeps_its_cookie_over_all_sign_ins() -> None:
    kit = kit_of()
    browser = Browser(kit)
    await browser.open((await begin(kit)).id)
    first = browser.cookie
    await browser.open((await begin(kit)).id)
    assert browser.cookie == first


@pytest.mark.parametrize("cookie", ["", "x", "x" * 23, "\udcff" * 22, "x" * 21 + "\n"])
async def test_a_cookie_that_cannot_be_ours_is_replaced(cookie: str) -> None:
    kit = kit_of()
    departure = await kit.engine.journeys.depart((await begin(kit)).id, cookie, "")
    assert isinstance(departure, Departure)
    assert departure.cookie != cookie
    assert trips.is_cookie(departure.cookie)


@pytest.mark.parametrize("trip_id", ["", "x", "x" * 22, "../../etc/passwd", "\udcff" * 22])
async def test_a_trip_that_was_never_begun_goes_nowhere(trip_id: str) -> None:
    assert await Browser(kit_of()).open(trip_id) == Stranded(Mishap.EXPIRED)


async def test_a_trip_that_is_too_old_goes_nowhere() -> None:
    kit = kit_of()
    gone = await begin(kit)
    kit.clock.now += trips.LIFETIME
    assert await Browser(kit).open(gone.id) == Stranded(Mishap.EXPIRED)


async def test_a_trip_that_has_ended_goes_nowhere() -> None:
    kit = kit_of()
    handed = await signed_in(kit)
    assert await Browser(kit).open(handed.id) == Stranded(Mishap.EXPIRED)


@pytest.mark.parametrize("change", ["no-app", "no-provider", "no-site"])
async def test_a_trip_of_what_is_configured_no_more_goes_nowhere(change: str) -> None:
    before, after = reconfigured(change)
    gone = await begin(before)
    assert await Browser(after).open(gone.id) == Stranded(Mishap.EXPIRED)


def reconfigured(change: str) -> tuple[Kit, Kit]:
    """An engine, and one with another configuration on the same store."""

    async def answer(attempt: Attempt, fields: Fields) -> Identity:
        raise AssertionError

    before = kit_of()
    providers: dict[str, Any] = {
        "no-provider": CodeScript("other"),
        "no-site": Script("site", answer),
    }
    apps = ("com.example.other",) if change == "no-app" else (APP,)
    after = Kit(providers.get(change, BrowserScript()), app_ids=apps, store=before.store)
    return before, after


async def test_with_the_store_down_the_browser_can_try_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kit = kit_of()
    gone = await begin(kit)
    with outage(monkeypatch, kit.store, "read"), capture_logs() as logs:
        result = await Browser(kit).open(gone.id)
    assert result == Stranded(Mishap.UNAVAILABLE, again=f"/signin/{gone.id}")
    assert [line["log_level"] for line in logs] == ["warning"]
    assert gone.id not in str(logs)
    assert isinstance(await Browser(kit).open(gone.id), Departure)


async def _down() -> None:
    raise Unavailable("idp", "discovery: no answer")


async def _refuse() -> None:
    raise Rejected("no departure")


async def _bug() -> None:
    raise RuntimeError("secret")


async def _hang() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("failure", "detail"),
    [
        pytest.param(_down, "discovery: no answer", id="down"),
        pytest.param(_refuse, "no departure", id="refuses"),
        pytest.param(_bug, "RuntimeError", id="has-a-bug"),
        pytest.param(_hang, "not done within", id="hangs"),
    ],
)
async def test_with_the_provider_down_the_browser_can_try_again(
    monkeypatch: pytest.MonkeyPatch, failure: Callable[[], Awaitable[None]], detail: str
) -> None:
    monkeypatch.setattr(journeys, "DEADLINE", 0.05)
    site = BrowserScript()
    kit = Kit(site, return_urls=[RETURN])
    gone = await begin(kit)
    site.before_departure = failure
    with capture_logs() as logs:
        result = stranded(await Browser(kit).open(gone.id))
    assert result == Stranded(
        Mishap.UNAVAILABLE,
        app_name="Example",
        return_url=f"{RETURN}?challenge={gone.id}&error=UNAVAILABLE",
        again=f"/signin/{gone.id}",
    )
    assert detail in str(logs)
    assert "secret" not in str(logs)
    assert gone.id not in str(logs)
    site.before_departure = site._nothing
    assert landed(await Browser(kit).there_and_back(gone.id))


async def test_no_provider_error_reaches_the_person() -> None:
    site = BrowserScript()
    kit = Kit(site)
    gone = await begin(kit, return_url="")

    async def fail() -> None:
        raise LoginError("internal name of the identity provider")

    site.before_departure = fail
    assert "internal" not in str(await Browser(kit).open(gone.id))
