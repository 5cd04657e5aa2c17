"""Two people with a browser each, one of whom means harm, or nobody does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from tests.browser.person import Person
from tests.browser.site import APP, LABELS, NAME, Site
from tests.logins.site import fresh_client
from tests.servers.http_scripted import html
from tests.servers.numbers import fresh_number
from tests.servers.oidc_provider import ALICE, BOB


@pytest.fixture
def client(person: Person) -> Iterator[str]:
    """The address that the person's requests come from."""
    client = fresh_client()
    person.browser.cdp("Network.setExtraHTTPHeaders", headers={"X-Forwarded-For": client})
    yield client
    person.browser.cdp("Network.setExtraHTTPHeaders", headers={})


def callback_of(site: Site, url: str, login: str) -> str:
    """Sign in without a browser; return the callback URL, which nobody has opened yet."""
    reply = site.get(url.removeprefix(site.url))
    arrival = asyncio.run(site.idp.sign_in(str(reply.header("Location")), login))
    return f"{arrival.url}?{urlencode(arrival.parameters)}"


def test_o2_a_callback_url_that_somebody_else_brought_about(person: Person, client: str) -> None:
    challenge = person.begin()
    person.browser.open(callback_of(person.site, challenge["url"], BOB.login))
    person.see_problem("other_browser")
    assert not person.has("main a")
    (line,) = person.site.gateway.audit(client)
    assert line["action"] == "sequence_fail"
    assert "code" not in person.redeem({"challenge": challenge["id"], "code": "1" * 8})


def test_o2_a_callback_url_that_somebody_else_was_led_to(person: Person, stranger: Person) -> None:
    """It is refused to the other, and used up by its owner."""
    person.browser.open(person.begin()["url"])
    person.sign_in_there()
    brought = person.brought()
    (callback,) = (way for way in person.browser.ways() if "/callback/" in way)
    stranger.browser.open(callback)
    stranger.see_problem("other_browser")
    assert person.token(brought) == f"corp:{ALICE.login}"


def test_a101_a_callback_url_that_is_opened_again(person: Person, client: str) -> None:
    person.browser.open(person.begin()["url"])
    person.sign_in_there()
    brought = person.brought()
    (callback,) = (way for way in person.browser.ways() if "/callback/" in way)
    person.browser.open(callback)
    person.see_problem("expired")
    lines = person.site.gateway.audit(client, count=2)
    assert [line["action"] for line in lines if "action" in line][-1] == "sequence_fail"
    assert person.token(brought) == f"corp:{ALICE.login}"


def test_a101_a_state_of_another_provider(person: Person) -> None:
    """The cookie is right, but that is not where the browser left for."""
    person.browser.open(person.begin()["url"])
    person.sign_in_there()
    person.brought()
    (callback,) = (way for way in person.browser.ways() if "/callback/" in way)
    person.browser.open(callback.replace("/callback/corp", "/callback/moody"))
    person.see_problem("other_browser")


def test_o2_cookies_are_gone_when_the_browser_comes_back(anyone: Person) -> None:
    challenge = anyone.begin()
    anyone.browser.open(challenge["url"])
    anyone.at_provider()
    anyone.browser.cdp("Network.deleteCookies", name="__Host-signin", url=anyone.site.url)
    anyone.sign_in_there()
    anyone.see_problem("other_browser")
    anyone.browser.open(challenge["url"])
    assert anyone.token(anyone.brought()) == f"corp:{ALICE.login}"


def test_an_url_that_is_opened_in_two_browsers(person: Person, stranger: Person) -> None:
    """Each can go on; the first to arrive ends it."""
    challenge = person.begin()
    for each in (person, stranger):
        each.browser.open(challenge["url"])
        each.at_provider()
    stranger.sign_in_there()
    brought = stranger.brought()
    person.sign_in_there()
    person.see_problem("expired")
    assert person.token(brought) == f"corp:{ALICE.login}"


def test_a_sign_in_that_an_attacker_began(person: Person) -> None:
    """The code comes to the browser of who signed in; who began it has the verifier alone."""
    challenge = person.begin(return_url=None)  # the attacker's app
    person.browser.open(challenge["url"])
    person.sign_in_there()
    shown = person.code_shown()
    assert person.says("shown_warning") in person.browser.text
    assert NAME in person.heading
    guess = str((int(shown["code"]) + 1) % 10**8).zfill(8)
    assert person.redeem({**shown, "code": guess})["error"] == "BADOTP"
    assert person.redeem(shown)["error"] == "BADOTP"  # nor can a second guess


# -- other sites


def test_a_form_that_another_site_posts(person: Person) -> None:
    site, number = person.site, fresh_number()
    link = f"{site.url}/signin?{urlencode({'appid': APP, 'provider': 'phone'})}"
    person.sign_in(provider="phone")  # so that there is a cookie
    person.see_sign_in()
    site.app.script(
        "/evil",
        html(
            f'<title>Evil</title><form method="post" action="{link.replace("&", "&amp;")}">'
            f'<input name="phone" value="+{number}"><button>Win</button></form>'
        ),
    )
    person.browser.open(f"{site.app.url}/evil")
    person.browser.press("Win")
    person.see_sign_in()
    assert person.says("error_cookies") in person.browser.text
    assert site.sms.count(number) == 0
    person.fill(phone=f"+{number}")  # as one that the person sends, it is well
    person.press("next")
    assert person.code_to(number)


def test_o12_a_frame_in_another_site(person: Person) -> None:
    site = person.site
    link = f"{site.url}/signin?{urlencode({'appid': APP})}".replace("&", "&amp;")
    site.app.script("/evil", html(f'<title>Evil</title><iframe src="{link}"></iframe>'))
    person.browser.open(f"{site.app.url}/evil")
    messages = person.browser.wait(person.browser.console)
    assert any("frame-ancestors" in message for message in messages)
    person.browser.driver.switch_to.frame(0)
    assert LABELS["corp"] not in person.browser.text
    person.browser.driver.switch_to.default_content()


def test_o12_a_window_of_another_site(person: Person) -> None:
    """Who opened the sign-in page cannot lead it elsewhere afterwards."""
    site, driver = person.site, person.browser.driver
    link = f"{site.url}/signin?{urlencode({'appid': APP})}".replace("&", "&amp;")
    opens = f"""<title>Evil</title><button onclick="other = window.open('{link}')">Open</button>"""
    site.app.script("/evil", html(opens))
    person.browser.open(f"{site.app.url}/evil")
    evil = driver.current_window_handle
    person.browser.press("Open")
    person.browser.wait(lambda: len(driver.window_handles) == 2)
    assert person.browser.wait(lambda: driver.execute_script("return other.closed"))
    (opened,) = (handle for handle in driver.window_handles if handle != evil)
    person.go_to(opened)
    person.see_sign_in()
    assert driver.execute_script("return window.opener") is None
