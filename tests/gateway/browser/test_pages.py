"""What every page is like, in every language; and what cannot be slipped into one (C11, O12)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

import pytest

from gateway.browser import pages, problems
from gateway.browser.pages import Page, Pages
from gateway.browser.problems import STATUS, Problem
from gateway.browser.texts import LANGUAGES, texts
from gateway.outcomes import Mishap, Stranded
from tests.gateway.browser.markup import Markup, faults
from tests.gateway.browser.site import NUMBER, PASSWORD, RETURN, Answer, Phone, Site, Staff
from tests.gateway.kit import APP, BrowserScript

HOSTILE = """"'><script>alert(1)</script>{{7*7}}{% raw %}&amp;\u202e"""


def policy(answer: Answer) -> Mapping[str, str]:
    """Return the policy of a page by its directives."""
    [header] = answer.headers.getall("Content-Security-Policy")
    pairs = [part.strip().partition(" ") for part in header.split(";")]
    assert len({name for name, _, _ in pairs}) == len(pairs)
    return {name: value for name, _, value in pairs}


STRICT = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self' data:",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


async def test_c11_headers_of_a_page() -> None:
    async with Site(Staff()).open() as person:
        for path in ("/signin?appid=com.example.app", "/signin", "/signin/x", "/callback/x"):
            answer = await person.get(path)
            expected = {
                "Cache-Control": "no-store",
                "Content-Language": "en",
                "Content-Type": "text/html; charset=utf-8",
                "Cross-Origin-Opener-Policy": "same-origin",
                "Referrer-Policy": "no-referrer",
                "Server": "messenger-auth-gateway",
                "X-Content-Type-Options": "nosniff",
                "X-Frame-Options": "DENY",
            }
            assert {name: answer.headers.get(name) for name in expected} == expected
            assert policy(answer).items() >= STRICT.items()


@pytest.mark.parametrize(
    ("return_url", "target"),
    [
        (RETURN, "https://chat.example.test"),
        ("https://chat.example.test:8443/x?y=z", "https://chat.example.test:8443"),
        ("com.example.app:/signed-in", "com.example.app:"),
        ("com.example.app://signed-in", "com.example.app:"),
        ("http://127.0.0.1:49152/back", "http://127.0.0.1:49152"),
        ("http://[::1]:49152/back", "http:"),
        ("https://chat.example.test;script-src.x/", "https:"),
        ("https://me@chat.example.test/", "https:"),
        ("https://chat.example.test'/", "https:"),
        (None, ""),
    ],
)
async def test_form_goes_to_the_gateway_and_from_there_to_the_return_url_alone(
    return_url: str | None, target: str
) -> None:
    site = Site(Staff(), Phone("phone"), return_urls=[return_url or RETURN])
    wish = {"return_url": return_url} if return_url else {}
    async with site.open() as person:
        answer = await person.open(**wish)
        assert policy(answer) == {**STRICT, "form-action": "'none'"}
        allowed = f"'self' {target}".strip()
        answer = await person.open(**wish, provider="phone")
        assert policy(answer) == {**STRICT, "form-action": allowed}
        answer = await person.press(phone=NUMBER)
        assert policy(answer) == {**STRICT, "form-action": allowed}
        answer = await person.open(**wish, provider="staff")
        answer = await person.press(username="ann", password=PASSWORD)
        if return_url is None:
            assert policy(answer) == {**STRICT, "form-action": "'none'"}


async def test_names_of_the_configuration_and_what_was_typed_are_text_and_nothing_else() -> None:
    phone, staff = Phone("phone"), Staff()
    labels = {"phone": HOSTILE, "staff": HOSTILE}
    site = Site(phone, staff, labels=labels, app_name=HOSTILE)
    async with site.open() as person:
        seen = [await person.open()]
        seen.append(await person.open(provider="staff"))
        seen.append(await person.press(username=HOSTILE, password="x"))
        assert person.now.page.one("input", name="username")["value"] == HOSTILE
        seen.append(await person.press(username="ann", password=PASSWORD))
        seen.append(await person.open(provider="phone"))
        seen.append(await person.press(phone="+" + HOSTILE))
        assert person.now.page.one("input", name="phone")["value"] == "+" + HOSTILE
        seen.append(await person.press(otp=HOSTILE))
        for answer in seen:
            assert [s.get("src") for s in answer.page.all("script")] == [
                "/signin/signin.js?v=" + version(answer)
            ]
            assert "alert(1)</script>" not in answer.text
            assert "{{7*7}}" in answer.text


def version(answer: Answer) -> str:
    return answer.page.one("script")["src"].partition("?v=")[2]


async def test_return_url_with_quotes_stays_in_its_attribute() -> None:
    provider = BrowserScript()
    url = "com.example.app:/x?a='\"><b>&c=1"
    async with Site(provider, Staff(), return_urls=[url]).open() as person:
        page = (await person.open(return_url=url)).page
        assert page.all("b") == []
        assert urlencode({"return_url": url}) in page.all("a")[0]["href"]
    page = Markup(show(problems.stranded(Stranded(Mishap.REFUSED, "A", url, "/x"), texts("en"))))
    assert page.all("a")[1]["href"] == url
    assert page.all("b") == []


async def test_app_id_and_parameters_of_any_app_are_not_shown() -> None:
    site = Site(Staff(), app_ids=["*"])
    async with site.open() as person:
        answer = await person.open(appid=HOSTILE, lang=HOSTILE)
        assert "alert(1)</script>" not in answer.text
        assert answer.page.text.count("alert") == 0


def show(page: Page) -> str:
    return str(Pages("").show(page).text)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kind", STATUS)
def test_each_problem_is_told_in_each_language(lang: str, kind: str) -> None:
    page = Markup(show(problems.page(Problem(kind, detail="why"), texts(lang))))
    assert list(faults(page)) == []
    assert page.one("html")["lang"] == lang
    assert page.one("html")["dir"] == ("rtl" if lang == "ar" else "ltr")
    assert page.title == page.one("h1").text == texts(lang)(f"problem_{kind}_title")
    assert texts(lang)(f"problem_{kind}_text") in page.text


@pytest.mark.parametrize("mishap", Mishap)
@pytest.mark.parametrize("again", [None, "/signin/x"])
@pytest.mark.parametrize("return_url", [None, RETURN])
def test_each_mishap_offers_what_there_is(
    mishap: Mishap, again: str | None, return_url: str | None
) -> None:
    stranded = Stranded(mishap, "Example", return_url, again, 12.2)
    response = Pages("/gateway").show(problems.stranded(stranded, texts("en")))
    page = Markup(str(response.text))
    assert list(faults(page)) == []
    assert response.status == STATUS[mishap.value]
    assert response.headers["Retry-After"] == "13"
    assert "Try again in \u206813 s\u2069." in page.text
    offered = [f"/gateway{again}"] if again else []
    offered += [return_url] if return_url else []
    assert [a["href"] for a in page.all("a")] == offered


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_each_step_can_be_taken_in_each_language(lang: str) -> None:
    phone = Phone("phone")
    async with Site(phone, Staff()).open() as person:
        t = texts(lang)
        assert (await person.open(lang=lang)).page.one("html")["lang"] == lang
        await person.open(lang=lang, provider="phone")
        assert t("phone_hint") in person.now.page.text
        await person.press(phone="1")
        assert t("error_badphone") in person.now.page.text
        await person.press(phone=NUMBER)
        assert person.now.page.title == t("code_heading")
        await person.press(otp="0")
        assert t("error_badotp") in person.now.page.text
        page = (await person.press(otp=phone.delivered[0])).page
        assert t("shown_warning") in page.text
        assert page.one("html")["lang"] == lang


async def test_path_in_front_of_the_gateway_is_in_every_link() -> None:
    site = Site(Phone("phone"), BrowserScript(), public_url="https://example.test/sign/in")
    async with site.open() as person:
        page = (await person.open()).page
        for attribute in ("href", "src", "action"):
            for element in page.elements:
                link = element.get(attribute)
                assert link is None or link == "data:," or link.startswith("/sign/in/signin")
        await person.get(person.path(page.all("a")[0]["href"]))
        assert person.now.page.one("form")["action"].startswith("/sign/in/signin?")
        assert person.now.page.one("a")["href"].startswith("/sign/in/signin?")
        assert (await person.press(phone=NUMBER)).page.title == "Enter your code"
        assert person.now.page.one("form")["action"].startswith("/sign/in/signin?")
        gone = await person.get(person.path(page.all("a")[1]["href"]))
        assert gone.location.startswith("https://example.test/sign/in/signin/")


def test_templates_mark_nothing_as_safe_but_icons() -> None:
    for template in pages.FOLDER.iterdir():
        text = template.read_text()
        assert set(re.findall(r"[\w.]+\s*\|\s*safe", text)) <= {"method.provider.icon|safe"}
        assert "autoescape" not in text
        assert "Markup" not in text


async def test_page_for_any_app_takes_any_app_id_to_the_end() -> None:
    site = Site(Staff(), app_ids=["*"])
    async with site.open() as person:
        await person.open(appid=APP + "/ä&x=1")
        page = (await person.press(username="ann", password=PASSWORD)).page
        assert page.title.startswith("Your code")
