"""Sign-ins that one person begins and another one ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.gateway.browser.markup import Markup
from tests.logins.browsing import Browser
from tests.logins.identity import CHALLENGE, NAME, RETURN, SignInSite, brought_by
from tests.logins.scenes import Scene, two_issuers
from tests.logins.site import words
from tests.servers.oidc_grants import s256
from tests.servers.redis_server import RedisServer

ASKED: Final[dict[str, Any]] = {"return_url": RETURN, "code_challenge": CHALLENGE}
OTHER_VERIFIER: Final = "M25iVXpKU3puUjFaYWg3T1NDTDQtcW1ROUY5YXlwalNoc0hhakxifmZHag"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, shared_redis: RedisServer) -> Iterator[Scene]:
    with two_issuers(tmp_path_factory, shared_redis) as scene:
        yield scene


@pytest.fixture
def site(scene: Scene) -> SignInSite:
    return scene.site


def test_o2_whoever_begins_gets_nothing_of_whoever_signs_in(site: SignInSite) -> None:
    """The attacker's app begins, the victim opens the link and signs in."""
    challenge = site.start("idp", **ASKED)
    calls = len(site.mesibo.calls)
    brought = brought_by(Browser(site).sign_in(challenge["url"]))  # at the victim's device
    for otp in (None, "", "0" * 32):
        answer = site.redeem({**brought, "code": ""}, otp=otp)
        assert answer["error"] in ("BADREQUEST", "BADOTP")
    assert site.ask("idp", challenge=challenge["id"])["error"] == "BADREQUEST"
    # Nor does the attacker's browser get it, that opens the same link afterwards.
    reply = Browser(site).get(challenge["url"])
    assert (reply.status, reply.header("Location")) == (410, None)
    assert len(site.mesibo.calls) == calls


def test_o11_app_of_the_victim_does_not_take_what_it_did_not_ask_for(site: SignInSite) -> None:
    """It has a verifier of its own: nobody is signed in as somebody else without knowing."""
    challenge = site.start("idp", **ASKED)
    brought = brought_by(Browser(site).sign_in(challenge["url"]))
    own = site.start("idp", return_url=RETURN, code_challenge=s256(OTHER_VERIFIER))
    assert brought["challenge"] != own["id"]  # which an app compares
    assert words([site.redeem(brought, code_verifier=OTHER_VERIFIER)]) == ["BADOTP"]
    mixed = {**brought, "challenge": own["id"]}
    assert words([site.redeem(mixed, code_verifier=OTHER_VERIFIER)]) == ["BADOTP"]


def test_code_that_is_shown_says_for_which_app_and_warns(site: SignInSite) -> None:
    """All that the attacker can do is to ask for it."""
    reply = Browser(site).sign_in(site.start("idp")["url"])
    page = Markup(reply.body.decode())
    assert NAME in page.one("h1").text
    assert page.one("p", class_="warning").text != ""


def test_o2_callback_of_the_attacker_is_refused_in_the_browser_of_the_victim(scene: Scene) -> None:
    """Whose app would be signed in as the attacker, and tell everything to that account."""
    site = scene.site
    attacker, victim, passer_by = Browser(site), Browser(site), Browser(site)
    trap = attacker.sign_in_there(attacker.depart(site.start("idp", **ASKED)["url"]))
    own = site.start("idp", **ASKED)
    there = victim.depart(own["url"])
    for browser in (victim, passer_by):
        assert scene.turned_away(browser, trap).status == 403
        posted = browser.post(trap.partition("?")[0], trap.partition("?")[2], cross_site=False)
        assert posted.status == 403
    # The victim's own sign-in goes on.
    brought = brought_by(victim.get(victim.sign_in_there(there)))
    assert brought["challenge"] == own["id"]
    assert words([site.redeem(brought)]) == ["OK"]


def test_o2_cookies_of_victims_are_not_chosen_by_attackers(scene: Scene) -> None:
    """Who can set one, from a neighbouring host or without TLS, cannot set a ``__Host-`` one."""
    site = scene.site
    attacker, victim = Browser(site), Browser(site)
    trap = attacker.sign_in_there(attacker.depart(site.start("idp", **ASKED)["url"]))
    (cookie,) = attacker.cookies.values()
    for name in ("signin", "Host-signin", "__host-signin", "__Secure-signin", "__Host-signin2"):
        reply = victim.get(trap, {"Cookie": f"{name}={cookie.value}"})
        assert (reply.status, reply.header("Location")) == (403, None)


def test_c19_first_browser_to_return_ends_a_sign_in(scene: Scene) -> None:
    site = scene.site
    challenge = site.start("idp", **ASKED)
    one, other = Browser(site), Browser(site)
    backs = {b: b.sign_in_there(b.depart(challenge["url"])) for b in (one, other)}
    states = {back.partition("state=")[2] for back in backs.values()}
    assert len(states) == 2
    brought = brought_by(one.get(backs[one]))
    assert scene.turned_away(other, backs[other]).status == 410
    assert words([site.redeem(brought)]) == ["OK"]


def test_c19_sign_in_that_is_over_leads_nowhere(scene: Scene) -> None:
    site = scene.site
    challenge = site.start("idp", **ASKED)
    browser = Browser(site)
    site.redeem(brought_by(browser.sign_in(challenge["url"])))
    for trip in (challenge["id"], "A" * 22, "x", challenge["id"].swapcase()):
        reply = browser.get(f"{site.public_url}/signin/{trip}")
        assert (reply.status, reply.header("Location")) == (410, None)


def test_form_of_the_sign_in_page_is_not_sent_from_elsewhere(site: SignInSite) -> None:
    """Or the attacker could begin a sign-in, and send codes, in the victim's name."""
    browser = Browser(site)
    url = f"{site.public_url}/signin?appid=com.example.messenger&provider=phone"
    browser.get(url)
    reply = browser.post(url, {"phone": "18005551234"}, cross_site=True)
    assert reply.status == 403
    assert site.sms.count("18005551234") == 0
