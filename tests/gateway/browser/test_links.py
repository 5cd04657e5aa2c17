"""Links to the sign-in page: what is not allowed leads nowhere (O10, A107, A109)."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.gateway.browser.site import RETURN, Phone, Site, Staff
from tests.gateway.kit import APP, BrowserScript, CodeScript

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize(
    ("query", "why"),
    [
        pytest.param({}, "appid", id="nothing"),
        pytest.param({"appid": ""}, "appid", id="empty-app"),
        pytest.param({"appid": "com.example.other"}, "appid", id="unknown-app"),
        pytest.param({"return_url": "https://evil.example/"}, "return_url", id="other-site"),
        pytest.param({"return_url": RETURN + "/"}, "return_url", id="a-slash-more"),
        pytest.param({"return_url": RETURN + "?x=1"}, "return_url", id="a-query-more"),
        pytest.param({"return_url": RETURN.upper()}, "return_url", id="upper-case"),
        pytest.param({"return_url": "javascript:alert(1)"}, "return_url", id="script"),
        pytest.param({"return_url": "//chat.example.test"}, "return_url", id="no-scheme"),
        pytest.param({"return_url": RETURN + "\r\nX: 1"}, "return_url", id="header"),
        pytest.param({"code_challenge": CHALLENGE[1:]}, "code_challenge", id="a-short-challenge"),
        pytest.param({"code_challenge": CHALLENGE + "A"}, "code_challenge", id="a-long-challenge"),
        pytest.param({"code_challenge": CHALLENGE[1:] + "="}, "code_challenge", id="padding"),
        pytest.param(
            {"code_challenge": CHALLENGE, "code_challenge_method": "plain"},
            "code_challenge_method",
            id="A107-plain",
        ),
        pytest.param({"code_challenge_method": "S256"}, "code_challenge", id="A107-no-challenge"),
        pytest.param({"provider": "other"}, "provider", id="unknown-provider"),
        pytest.param({"provider": "site "}, None, id="a-space-more"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_link_that_is_not_allowed_shows_a_problem_and_never_redirects(
    query: dict[str, str], why: str | None, method: str
) -> None:
    site = Site(Staff(), BrowserScript())
    async with site.open() as person:
        whole = {"appid": APP, **query} if query else {}
        path = f"/signin?{urlencode(whole)}"
        data = {"username": "ann"} if method == "POST" else None
        answer = await person.ask(method, path, data)
        if why is None:
            assert answer.status == (303 if method == "GET" else 403)
            return
        assert answer.status == 400
        assert "Location" not in answer.headers
        assert answer.page.title == "This link does not work"
        assert why in answer.page.one("details").text
        assert "evil" not in answer.text


async def test_links_of_a_page_keep_what_the_app_asked_for() -> None:
    site = Site(Phone("phone"), Staff(), return_urls=[RETURN + "?a=1&b=2"])
    wish = {"return_url": RETURN + "?a=1&b=2", "code_challenge": CHALLENGE, "lang": "fr"}
    async with site.open() as person:
        page = (await person.open(**wish, unknown="x")).page
        for link in page.all("a"):
            kept = parse_qs(urlsplit(link["href"]).query)
            provider = kept.pop("provider")
            assert provider in (["phone"], ["staff"])
            assert kept == {name: [value] for name, value in {"appid": APP, **wish}.items()}


class Card(CodeScript):
    asks = ("card",)


class Both(CodeScript):
    asks = ("username", "password")


async def test_provider_that_no_browser_can_sign_in_by_is_not_offered() -> None:
    """It asks for nothing, for what no form has, or for a secret that a page would have to keep."""
    site = Site(CodeScript("token"), Staff(), Card("card"), Both("both"), Phone("phone"))
    async with site.open() as person:
        assert [a.text for a in (await person.open()).page.all("a")] == ["Staff", "Phone"]
        for name in ("token", "card", "both"):
            assert (await person.open(provider=name)).status == 400
    async with Site(CodeScript("token")).open() as person:
        answer = await person.open()
        assert answer.status == 400
        assert "no provider of this app" in answer.page.one("details").text


async def test_loopback_return_url_has_a_free_port() -> None:
    site = Site(Staff(), return_urls=["http://127.0.0.1/back"])
    async with site.open() as person:
        assert (await person.open(return_url="http://127.0.0.1:49152/back")).status == 200
        assert (await person.open(return_url="http://127.0.0.1:49152/other")).status == 400


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(f"appid={APP}&appid={APP}", id="twice"),
        pytest.param(f"appid={APP}&lang=en&lang=en", id="A113-lang-twice"),
        pytest.param(f"appid={APP}&" + "&".join(f"k{i}=v" for i in range(64)), id="65-keys"),
    ],
)
async def test_a113_parameters_are_given_once_and_are_few(query: str) -> None:
    async with Site(Staff()).open() as person:
        answer = await person.get(f"/signin?{query}")
        assert answer.status == 400
        assert answer.page.title == "This request cannot be read"


async def test_64_parameters_are_read() -> None:
    async with Site(Staff()).open() as person:
        query = f"appid={APP}&" + "&".join(f"k{i}=v" for i in range(63))
        assert (await person.get(f"/signin?{query}")).status == 200


@pytest.mark.parametrize(
    "query", ["appid=%ff%fe", "appid=%00", "appid=%zz", "appid", "&&&", "=", "lang=%u0000", "%"]
)
async def test_nonsense_in_a_query_is_a_problem_page(query: str) -> None:
    async with Site(Staff()).open() as person:
        assert (await person.get(f"/signin?{query}")).status == 400
