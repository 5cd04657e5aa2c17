"""The end of a sign-in in a browser: where it leads to, and who can use what it brings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.person import Person
from tests.browser.site import LOOPBACK_6_RETURN, NAME, SCHEME_RETURN, Site
from tests.servers.numbers import fresh_number
from tests.servers.oidc_provider import ALICE

Url = Callable[[Site], str]

# Pages have opened where there is a server of ours; elsewhere the browser was on its way.
RETURNS = [
    pytest.param(lambda site: site.web_return, id="o10 https"),
    pytest.param(lambda site: site.loopback_return, id="o10 loopback"),
    pytest.param(lambda site: LOOPBACK_6_RETURN, id="o10 loopback of IPv6"),
    pytest.param(lambda site: LOOPBACK_6_RETURN.replace("]", "]:49152"), id="o10 any port"),
    pytest.param(lambda site: SCHEME_RETURN, id="o10 scheme of the app"),
]


@pytest.mark.parametrize("url", RETURNS)
def test_a_provider_leads_back_to_the_app(person: Person, url: Url) -> None:
    there = url(person.site)
    challenge = person.begin(return_url=there)
    person.browser.open(challenge["url"])
    person.sign_in_there()
    brought = person.led_to(there)
    assert brought.keys() == {"challenge", "code"}
    assert person.token(brought) == f"corp:{ALICE.login}"


@pytest.mark.parametrize("url", RETURNS)
def test_a_form_leads_back_to_the_app(anyone: Person, url: Url) -> None:
    """Browsers hold a page's policy against every step of what follows its form."""
    there, number = url(anyone.site), fresh_number()
    anyone.sign_in(provider="phone", return_url=there)
    anyone.fill(phone=f"+{number}")
    anyone.press("next")
    anyone.fill(otp=anyone.code_to(number))
    anyone.press("sign_in")
    brought = anyone.led_to(there)
    assert brought.keys() == {"challenge", "code"}
    assert anyone.token(brought) == number


@pytest.mark.parametrize("url", RETURNS)
def test_a_link_leads_back_to_the_app(person: Person, url: Url) -> None:
    there = url(person.site)
    challenge = person.begin(return_url=there)
    person.browser.open(challenge["url"])
    person.cancel_there()
    person.see_problem("cancelled")
    person.press("back", app=NAME)
    brought = person.led_to(there)
    assert brought.keys() == {"challenge", "error"}
    assert brought["challenge"] == challenge["id"]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/signed-in",
        "https://localhost/signed-in",
        "http://localhost/signed-in",
        "com.example.messenger:/other",
        "com.example.other:/signed-in",
        "javascript:alert(document.domain)",
        "data:text/html,hello",
        "//evil.example",
        "/signin",
    ],
)
def test_o10_a_link_to_the_sign_in_page_that_leads_elsewhere(person: Person, url: str) -> None:
    person.sign_in(return_url=url)
    person.see_problem("bad_link")
    assert not person.has("main a")
    assert not person.has("form")
    assert url not in person.browser.text


def test_o11_the_token_is_in_no_url(person: Person) -> None:
    person.browser.open(person.begin()["url"])
    person.sign_in_there()
    brought = person.brought()
    token = person.redeem(brought)["token"]
    ways = person.browser.ways()
    assert len(ways) > 3
    assert not any(token in way for way in ways)


def test_a105_who_steals_what_the_browser_brings_cannot_use_it(person: Person) -> None:
    person.browser.open(person.begin(return_url=SCHEME_RETURN)["url"])
    person.sign_in_there()
    brought = person.led_to(SCHEME_RETURN)
    assert person.redeem(brought, code_verifier="a" * 43)["error"] == "BADOTP"
    assert person.redeem(brought)["error"] == "BADOTP"  # one try, right or wrong
