"""Back from a provider's own site (O2, O11, O13, O17, A101, A113)."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.outcomes import SignedIn
from gateway.tickets import s256
from providers import Cancelled, Identity, Rejected, Unavailable
from tests.gateway.browser.site import RETURN, Answer, Person, Site, redeem, shown
from tests.gateway.kit import BrowserScript

VERIFIER = "v" * 43


async def departed(person: Person, provider: str = "site", **query: str) -> str:
    """Go to the provider's site by the sign-in page; return the state."""
    url = (await person.open(provider=provider, **query)).location
    gone = await person.get(urlsplit(url).path)
    return parse_qs(urlsplit(gone.location).query)["state"][0]


async def test_o11_the_browser_takes_a_ticket_to_the_app() -> None:
    site = Site(BrowserScript())
    async with site.open() as person:
        state = await departed(person, return_url=RETURN, code_challenge=s256(VERIFIER))
        location = (await person.get(f"/callback/site?state={state}&code=x")).location
        assert location.startswith(f"{RETURN}?challenge=")
        assert isinstance(await redeem(site, location, VERIFIER), SignedIn)


async def test_without_a_return_url_the_code_is_shown() -> None:
    site = Site(BrowserScript())
    async with site.open() as person:
        state = await departed(person)
        answer = await person.get(f"/callback/site?state={state}")
        assert answer.status == 200
        code, challenge = shown(answer.page)
        assert isinstance(await site.kit.login(challenge=challenge, otp=code), SignedIn)


async def test_o17_form_that_is_posted_back_is_answered_by_303() -> None:
    provider = BrowserScript()
    provider.posts_back = True
    async with Site(provider).open() as person:
        state = await departed(person, return_url=RETURN)
        lax_stays_behind = {"__Host-signin-post": person.cookies["__Host-signin-post"]}
        answer = await person.ask(
            "POST",
            "/callback/site",
            {"state": state, "code": "x+y &"},
            {"Origin": "https://site.example.test", "Sec-Fetch-Site": "cross-site"},
            lax_stays_behind,
        )
        assert answer.location.startswith(RETURN)
        assert provider.arrived[0][2] == {"state": state, "code": "x+y &"}


# What stops a browser


async def test_o2_callback_of_another_browser_is_refused() -> None:
    site = Site(BrowserScript())
    async with site.open() as person, site.visit() as other:
        state = await departed(person)
        await other.open()
        for browser in (other, person):
            browser.cookies = dict(browser.cookies)
        answer = await other.get(f"/callback/site?state={state}")
        assert answer.status == 403
        assert answer.page.title == "This sign-in was not started here"
        assert (await other.ask("GET", f"/callback/site?state={state}", cookies={})).status == 403
        assert (await person.get(f"/callback/site?state={state}")).status == 200


async def test_a101_state_comes_back_once() -> None:
    async with Site(BrowserScript()).open() as person:
        state = await departed(person)
        assert (await person.get(f"/callback/site?state={state}")).status == 200
        answer = await person.get(f"/callback/site?state={state}")
        assert answer.status == 410
        assert answer.page.all("a") == []


MISHAPS = [
    pytest.param(Cancelled("no"), 200, "You are not signed in", id="cancelled"),
    pytest.param(Rejected("no"), 403, "You cannot sign in with this account", id="refused"),
    pytest.param(Unavailable("site", "x", 90), 503, "Not available at the moment", id="down"),
]


@pytest.mark.parametrize(("error", "status", "title"), MISHAPS)
async def test_mishap_is_told_and_can_be_gone_on_from(
    error: Exception, status: int, title: str
) -> None:
    provider = BrowserScript()
    async with Site(provider).open() as person:

        def fail() -> Identity:
            raise error

        provider.identity = fail
        state = await departed(person, return_url=RETURN)
        answer = await person.get(f"/callback/site?state={state}")
        assert (answer.status, answer.page.title) == (status, title)
        again, back = answer.page.all("a")
        assert back["href"].startswith(f"{RETURN}?challenge=")
        assert "error=" in back["href"]
        wait = "Try again in \u206890 s\u2069." in answer.page.text
        assert wait is (status == 503) is (answer.headers.get("Retry-After") == "90")
        assert (await person.get(again["href"])).location.startswith("https://site.example.test")


async def test_o13_words_of_the_identity_provider_are_never_shown() -> None:
    provider = BrowserScript()
    async with Site(provider).open() as person:

        def fail() -> Identity:
            raise Cancelled("access_denied: <b>Call 555-1234</b>")

        provider.identity = fail
        state = await departed(person)
        answer = await person.get(
            f"/callback/site?state={state}&error=access_denied&error_description=Call+555-1234"
        )
        assert answer.status == 200
        assert "555" not in answer.text
        assert "denied" not in answer.text


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("state={0}&state={0}", id="two-states"),
        pytest.param("state={0}&code=a&code=a", id="two-codes"),
        pytest.param("state={0}&" + "&".join(f"k{i}=v" for i in range(64)), id="65-keys"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a113_answer_with_a_parameter_twice_or_too_many_is_refused(
    method: str, query: str
) -> None:
    provider = BrowserScript()
    async with Site(provider).open() as person:
        state = await departed(person)
        answer = await come_back(person, method, query.format(state))
        assert answer.status == 400
        assert answer.page.title == "This request cannot be read"
        assert provider.arrived == []
        assert (await come_back(person, method, f"state={state}")).status == 200


async def come_back(person: Person, method: str, answer: str) -> Answer:
    if method == "GET":
        return await person.get(f"/callback/site?{answer}")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return await person.ask("POST", "/callback/site", answer.encode(), form)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        pytest.param(b"state={}&code=" + b"a" * 8193, None, 400, id="a-long-value"),
        pytest.param(b"state={}&code=\xff", None, 400, id="no-utf-8"),
        pytest.param(b"", None, 400, id="nothing"),
        pytest.param(b'{"state": "{}"}', "application/json", 415, id="json"),
        pytest.param(b"state={}", "text/plain", 415, id="text"),
        pytest.param(b"state={}", "multipart/form-data; boundary=x", 415, id="multipart"),
    ],
)
async def test_form_that_cannot_be_read_is_refused(
    body: bytes, content_type: str | None, status: int
) -> None:
    provider = BrowserScript()
    async with Site(provider).open() as person:
        state = await departed(person)
        data = body.replace(b"{}", state.encode())
        kind = content_type or "application/x-www-form-urlencoded"
        answer = await person.ask("POST", "/callback/site", data, {"Content-Type": kind})
        assert answer.status == status
        assert answer.page.title == "This request cannot be read"
        assert provider.arrived == []


async def test_the_longest_value_that_is_read() -> None:
    provider = BrowserScript()
    async with Site(provider).open() as person:
        state = await departed(person)
        answer = await come_back(person, "POST", f"state={state}&code={'a' * 8192}")
        assert answer.status == 200


@pytest.mark.parametrize("path", ["other", "", "site/", "site/x", "Site", "%3Cb%3E", "a" * 4000])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_provider_that_is_none_is_not_found(method: str, path: str) -> None:
    async with Site(BrowserScript()).open() as person:
        answer = await person.ask(
            method, f"/callback/{path}?state=x", b"" if method == "POST" else None
        )
        assert answer.status == 404
        assert answer.page.title == "There is nothing here"


async def test_a101_state_of_another_provider_is_refused() -> None:
    one, two = BrowserScript("one"), BrowserScript("two")
    async with Site(one, two).open() as person:
        state = await departed(person, "one")
        assert (await person.get(f"/callback/two?state={state}")).status == 403
        assert two.arrived == []


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE"])
async def test_whoever_only_looks_uses_nothing_up(method: str) -> None:
    async with Site(BrowserScript()).open() as person:
        state = await departed(person)
        answer = await person.ask(method, f"/callback/site?state={state}")
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, POST")
        assert (await person.get(f"/callback/site?state={state}")).status == 200
