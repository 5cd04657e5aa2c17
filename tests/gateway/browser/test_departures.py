"""Out to a provider's own site, with a cookie (O2, O17, A49)."""

from __future__ import annotations

import re
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.browser import cookies
from providers import Unavailable
from tests.gateway.browser.site import RETURN, Person, Site
from tests.gateway.kit import BrowserScript

LINK = "/signin?appid=com.example.app"


async def begun(person: Person, **query: str) -> str:
    """Begin at the sign-in page; return the path of the trip."""
    url = (await person.open(provider="site", **query)).location
    assert url.startswith("https://auth.example.test/signin/")
    return urlsplit(url).path


def given(person: Person) -> SimpleCookie:
    """Return the cookies that the last answer sets."""
    jar: SimpleCookie = SimpleCookie()
    for line in person.now.headers.getall("Set-Cookie", []):
        jar.load(line)
    return jar


async def test_o2_the_browser_leaves_with_a_cookie_of_this_host_alone() -> None:
    site = BrowserScript()
    async with Site(site).open() as person:
        path = await begun(person)
        person.cookies.clear()
        answer = await person.get(path)
        assert answer.location.startswith("https://site.example.test/authorize?state=")
        [(name, cookie)] = given(person).items()
        assert name == "__Host-signin"
        assert re.fullmatch("[A-Za-z0-9_-]{22}", cookie.value)
        wanted = {"path": "/", "max-age": "3600", "samesite": "Lax"}
        assert {key: cookie[key] for key in wanted} == wanted
        assert cookie["secure"] is True
        assert cookie["httponly"] is True
        assert cookie["domain"] == ""


async def test_site_that_posts_back_gets_a_cookie_that_comes_with_such_posts() -> None:
    site = BrowserScript()
    site.posts_back = True
    async with Site(site).open() as person:
        path = await begun(person)
        value = person.cookies["__Host-signin"]
        await person.get(path)
        [(name, cookie)] = given(person).items()
        assert (name, cookie.value) == ("__Host-signin-post", value)
        assert cookie["samesite"] == "None"
        assert cookie["secure"] is True


async def test_cookie_of_a_browser_is_used_again() -> None:
    async with Site(BrowserScript()).open() as person:
        path = await begun(person)
        person.cookies = {"other": "x", "__Host-signin": "A" * 22}
        for _ in range(2):
            await person.get(path)
            assert given(person)["__Host-signin"].value == "A" * 22


async def test_cookie_of_the_other_name_is_as_good() -> None:
    async with Site(BrowserScript()).open() as person:
        path = await begun(person)
        person.cookies = {"__Host-signin-post": "B" * 22}
        await person.get(path)
        assert given(person)["__Host-signin"].value == "B" * 22


@pytest.mark.parametrize(
    "junk",
    ["", "A" * 21, "A" * 23, "A" * 21 + "=", "A" * 21 + "%", '"' + "A" * 22 + "x", "A" * 7000, "ä"],
)
async def test_cookie_that_is_none_of_ours_is_replaced(junk: str) -> None:
    async with Site(BrowserScript()).open() as person:
        for path in (await begun(person), LINK):
            person.cookies = {"__Host-signin": junk}
            await person.get(path)
            assert re.fullmatch("[A-Za-z0-9_-]{22}", given(person)["__Host-signin"].value)


async def test_a49_host_header_changes_nothing() -> None:
    site = BrowserScript()
    async with Site(site).open() as person:
        headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
        answer = await person.ask("GET", f"{LINK}&provider=site", headers=headers)
        url = urlsplit(answer.location)
        assert url.netloc == "auth.example.test"
        await person.ask("GET", url.path, headers=headers)
        assert site.departed[0].return_url == "https://auth.example.test/callback/site"
        assert "evil" not in (await person.ask("GET", LINK, headers=headers)).text


async def test_language_of_the_browser_goes_along() -> None:
    site = BrowserScript()
    async with Site(site).open() as person:
        path = await begun(person)
        await person.get(path, **{"Accept-Language": "xx, ja-JP;q=0.9, en;q=0.1"})
        assert site.departed[0].lang == "ja"


async def test_headers_keep_the_trip_to_this_browser() -> None:
    async with Site(BrowserScript()).open() as person:
        answer = await person.get(await begun(person))
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Server"] == "messenger-auth-gateway"
        assert answer.body == b""


@pytest.mark.parametrize("name", ["A" * 22, "x", "signin.php", "%00", "A" * 4000])
async def test_trip_that_is_none_is_over(name: str) -> None:
    async with Site(BrowserScript()).open() as person:
        answer = await person.get(f"/signin/{name}")
        assert answer.status == 410
        assert answer.page.title == "This sign-in is over"


async def test_site_that_cannot_be_reached_can_be_tried_again_or_left() -> None:
    site = BrowserScript()
    async with Site(site).open() as person:

        async def fail() -> None:
            raise Unavailable("site", "down")

        site.before_departure = fail
        path = await begun(person, return_url=RETURN)
        answer = await person.get(path)
        assert answer.status == 503
        again, back = answer.page.all("a")
        assert (again["href"], again.text) == (path, "Try again")
        assert back.text == "Back to \u2068Example\u2069"
        url = urlsplit(back["href"])
        assert f"{url.scheme}://{url.netloc}{url.path}" == RETURN
        assert parse_qs(url.query) == {"challenge": [path[8:]], "error": ["UNAVAILABLE"]}
        site.before_departure = site._nothing
        assert (await person.get(again["href"])).status == 303


def test_names_are_those_of_this_host_alone() -> None:
    assert {cookies.NAME[:7], cookies.POSTED[:7]} == {"__Host-"}
