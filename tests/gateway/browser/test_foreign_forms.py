"""Forms that another site, or nobody's browser, posts to the sign-in page do nothing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gateway.browser.cookies import NAME, POSTED
from tests.gateway.browser.markup import Form
from tests.gateway.browser.site import PASSWORD, Site, Staff

LINK = "/signin?appid=com.example.app"
TYPED = {"username": "mallory", "password": PASSWORD}
OURS = "https://auth.example.test"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param({"token": ""}, id="no-token"),
        pytest.param({"token": "A" * 43}, id="another-token"),
        pytest.param({"token": "ä\ud7ff"}, id="no-ascii"),
    ],
)
async def test_form_without_the_token_of_the_browser_is_shown_anew(spoil: dict[str, str]) -> None:
    staff = Staff()
    async with Site(staff).open() as person:
        form = Form.of((await person.open()).page)
        answer = await person.ask("POST", LINK, {**form.values, **TYPED, **spoil})
        assert (answer.status, staff.asked) == (403, [])
        page = answer.page
        assert "your browser blocks cookies" in page.one("div", role="alert").text
        assert page.one("input", name="username")["value"] == ""
        answer = await person.press(username="ann", password=PASSWORD)
        assert (answer.status, staff.asked) == (200, ["ann"])


@pytest.mark.parametrize(
    "cookies", [{}, {NAME: "B" * 22}, {NAME: "junk"}, {NAME: ""}, {POSTED: "B" * 22}]
)
async def test_form_without_the_cookie_of_its_page_is_shown_anew(
    cookies: Mapping[str, str],
) -> None:
    staff = Staff()
    async with Site(staff).open() as person:
        form = Form.of((await person.open()).page)
        answer = await person.ask("POST", LINK, {**form.values, **TYPED}, cookies=cookies)
        assert (answer.status, staff.asked) == (403, [])
        assert NAME in str(answer.headers.getall("Set-Cookie"))


HEADERS = [
    pytest.param({"Sec-Fetch-Site": "cross-site"}, False, id="cross-site"),
    pytest.param({"Sec-Fetch-Site": "same-site"}, False, id="same-site"),
    pytest.param({"Sec-Fetch-Site": "cross-site", "Origin": OURS}, False, id="contradiction"),
    pytest.param({"Sec-Fetch-Site": ""}, False, id="empty"),
    pytest.param({"Origin": "https://evil.example"}, False, id="another-origin"),
    pytest.param({"Origin": OURS + ":8443"}, False, id="another-port"),
    pytest.param({"Origin": "http://auth.example.test"}, False, id="another-scheme"),
    pytest.param({"Origin": OURS}, True, id="ours"),
    pytest.param({"Origin": "null"}, True, id="not-told"),
    pytest.param({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True, id="same-origin"),
    pytest.param(
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8080"},
        True,
        id="same-origin-by-another-name",
    ),
    pytest.param({"Sec-Fetch-Site": "none"}, True, id="reloaded"),
    pytest.param({}, True, id="old-browser"),
]


@pytest.mark.parametrize(("headers", "accepted"), HEADERS)
async def test_browser_tells_where_a_form_is_from(headers: dict[str, str], accepted: bool) -> None:
    staff = Staff()
    async with Site(staff).open() as person:
        form = Form.of((await person.open()).page)
        answer = await person.ask("POST", LINK, {**form.values, **TYPED}, headers)
        assert answer.status == (200 if accepted else 403)
        assert staff.asked == (["mallory"] if accepted else [])


async def test_origin_has_no_default_port_and_no_path() -> None:
    staff = Staff()
    async with Site(staff, public_url=f"{OURS.upper()}:443/gateway").open() as person:
        form = Form.of((await person.open()).page)
        answer = await person.ask("POST", LINK, {**form.values, **TYPED}, {"Origin": OURS})
        assert answer.status == 200


async def test_without_a_public_url_the_token_alone_decides() -> None:
    staff = Staff()
    async with Site(staff, public_url=None).open() as person:
        form = Form.of((await person.open()).page)
        headers = {"Origin": "http://localhost:8080"}
        assert (await person.ask("POST", LINK, {**form.values, **TYPED}, headers)).status == 200
        assert (await person.ask("POST", LINK, TYPED, headers)).status == 403


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"username=a&username=b", id="A113-twice"),
        pytest.param(b"username=" + b"a" * 8193, id="a-long-value"),
        pytest.param(b"username=\xff", id="no-utf-8"),
        pytest.param(b"&".join(b"k%d=v" % i for i in range(65)), id="65-keys"),
    ],
)
async def test_form_that_cannot_be_read_is_a_problem(body: bytes) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with Site(Staff()).open() as person:
        answer = await person.ask("POST", LINK, body, form)
        assert answer.status == 400
        assert answer.page.title == "This request cannot be read"
