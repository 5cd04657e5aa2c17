"""The sign-in page by its forms, without scripts: from a link to the code for the app."""

from __future__ import annotations

import pytest

from gateway.browser import cookies
from gateway.outcomes import SignedIn
from gateway.tickets import s256
from providers import Identity, Reason, Rejected, Unavailable
from tests.gateway.browser.site import (
    NUMBER,
    PASSWORD,
    RETURN,
    Answer,
    Phone,
    Site,
    Staff,
    redeem,
    shown,
)
from tests.gateway.kit import BrowserScript

VERIFIER = "v" * 43


async def test_ways_in_are_listed_by_their_labels_and_lead_to_their_forms() -> None:
    site = Site(Phone("sms"), Staff(), BrowserScript(), labels={"sms": "Text message"})
    async with site.open() as person:
        page = (await person.open()).page
        assert page.title == "Sign in to \u2068Example\u2069"
        links = {a.text: a["href"] for a in page.all("a")}
        assert list(links) == ["Text message", "Staff", "Site"]
        assert len(page.all("svg")) == 3
        page = (await person.get(links["Staff"])).page
        assert [i["name"] for i in page.all("input", required="")] == ["username", "password"]
        [other_ways] = page.all("a")
        assert (await person.get(other_ways["href"])).page.title.startswith("Sign in to")
        assert {a.text for a in person.now.page.all("a")} == links.keys()


async def test_a_way_in_that_is_alone_shows_its_form_at_once() -> None:
    async with Site(Phone("phone")).open() as person:
        page = (await person.open()).page
        assert page.one("input", name="phone")["type"] == "tel"
        assert page.all("a") == []


async def test_a_site_of_its_own_is_not_gone_to_unasked() -> None:
    async with Site(BrowserScript()).open() as person:
        [link] = (await person.open()).page.all("a")
        gone = (await person.get(link["href"])).location
        assert gone.startswith("https://auth.example.test/signin/")


async def test_o11_a_code_signs_in_and_the_browser_takes_a_ticket_to_the_app() -> None:
    phone = Phone("phone")
    site = Site(phone, Staff())
    async with site.open() as person:
        await person.open(provider="phone", return_url=RETURN, code_challenge=s256(VERIFIER))
        page = (await person.press(phone=NUMBER)).page
        assert page.title == "Enter your code"
        assert f"\u2068{NUMBER}\u2069" in page.text
        assert "Good for 10 min" in page.text.replace("\u2068", "").replace("\u2069", "")
        otp = page.one("input", id="otp")
        assert (otp["inputmode"], otp["autocomplete"]) == ("numeric", "one-time-code")
        location = (await person.press(otp=phone.delivered[0])).location
        assert location.startswith(f"{RETURN}?challenge=")
        assert await redeem(site, location, "w" * 43) is None
        location = await again(person_site=site, phone=phone)
        assert isinstance(await redeem(site, location, VERIFIER), SignedIn)
        assert site.kit.issuer.issued[0][0] == f"phone:{NUMBER}"


async def again(person_site: Site, phone: Phone) -> str:
    """Sign in once more, in a browser that has been nowhere."""
    async with person_site.visit() as person:
        await person.open(provider="phone", return_url=RETURN, code_challenge=s256(VERIFIER))
        await person.press(phone=NUMBER)
        return (await person.press(otp=phone.delivered[-1])).location


async def test_without_a_return_url_a_page_shows_the_code_with_a_warning() -> None:
    site = Site(Staff(), app_name="Example Messenger")
    async with site.open() as person:
        await person.open(provider="staff")
        answer = await person.press(username="ann", password=PASSWORD)
        page = answer.page
        code, challenge = shown(page)
        assert answer.status == 200
        assert "Only type it into the app that you opened yourself." in page.text
        assert "Nobody will ever ask you for it." in page.text
        assert "Example Messenger" in page.one("h1").text
        assert page.one("span", data_countdown="60").text == "60 s"
        assert code in [b.get("data-copy") for b in page.all("button")]
        signed_in = await site.kit.login(challenge=challenge, otp=f"{code[:4]} {code[4:]}")
        assert isinstance(signed_in, SignedIn)


async def test_password_is_never_sent_back() -> None:
    staff = Staff()
    async with Site(staff).open() as person:
        await person.open()
        answer = await person.press(username="ann ", password=" wrong secret ")
        assert staff.passwords == [" wrong secret "]  # white space in it is meant
        assert staff.asked == ["ann"]
        assert "wrong secret" not in answer.text
        page = answer.page
        assert page.one("input", name="username")["value"] == "ann"
        assert page.one("input", name="password")["value"] == ""
        assert (await person.press(password=PASSWORD)).page.title.startswith("Your code")


async def test_code_that_was_wrong_is_not_sent_back_and_the_right_one_still_works() -> None:
    phone = Phone("phone")
    async with Site(phone).open() as person:
        await person.open()
        await person.press(phone=NUMBER)
        answer = await person.press(otp="wrong-1")
        assert answer.status == 422
        assert "wrong-1" not in answer.text
        assert answer.page.title == "Error: \u2068Enter your code\u2069"
        wrong = "This code is wrong or no longer good. Check it, or have it sent again."
        told_at(answer, "otp", wrong)
        assert (await person.press(otp=phone.delivered[0])).page.title.startswith("Your code")


async def test_resend_waits_for_its_time_and_keeps_the_number() -> None:
    phone = Phone("phone", resend_after=45.0)
    site = Site(phone)
    async with site.open() as person:
        await person.open()
        page = (await person.press(phone=NUMBER)).page
        assert page.one("span", data_countdown="45").text == "45 s"
        site.kit.clock.now += 15
        page = (await person.press("resend")).page
        assert page.one("span", data_countdown="30").text == "30 s"
        assert len(phone.delivered) == 1
        site.kit.clock.now += 30
        await person.press("resend", otp="123")
        assert len(phone.delivered) == 2
        assert (await person.press(otp=phone.delivered[0])).page.title.startswith("Your code")


async def test_number_can_be_changed_without_typing_it_anew() -> None:
    phone = Phone("phone")
    async with Site(phone).open() as person:
        await person.open()
        await person.press(phone=NUMBER)
        page = (await person.press("change")).page
        assert page.one("input", name="phone")["value"] == NUMBER
        assert len(phone.delivered) == 1
        assert NUMBER not in str(person.now.headers)
        await person.press(phone=NUMBER + "0")
        assert len(phone.delivered) == 2


# Refusals


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"username": "", "password": "p"}, "username"),
        ({"username": " ", "password": "p"}, "username"),
        ({"username": "ann", "password": ""}, "password"),
    ],
)
async def test_empty_field_is_told_without_asking_the_provider(
    typed: dict[str, str], field: str
) -> None:
    staff = Staff()
    async with Site(staff).open() as person:
        await person.open()
        answer = await person.press(**typed)
        assert (answer.status, staff.asked) == (422, [])
        told_at(answer, field, "Fill this in, please.")


async def test_empty_code_is_told_and_nothing_is_sent_for_it() -> None:
    phone = Phone("phone", resend_after=0.0)
    async with Site(phone).open() as person:
        await person.open()
        await person.press(phone=NUMBER)
        answer = await person.press(otp="  ")
        assert (answer.status, len(phone.delivered)) == (422, 1)
        told_at(answer, "otp", "Fill this in, please.")


def told_at(answer: Answer, field: str, text: str) -> None:
    """See that an error stands above the form and at its field, which has the focus."""
    page = answer.page
    assert page.one("div", role="alert").text.split("\n")[2] == text
    assert [a["href"] for a in page.all("a") if a["href"][0] == "#"] == [f"#{field}"]
    assert page.one("p", id=f"{field}-error").text == text
    wrong = page.one("input", aria_invalid="true")
    assert wrong["id"] == field
    assert f"{field}-error" in wrong["aria-describedby"].split()
    assert [e.get("id") for e in page.elements if "autofocus" in e.attributes] == [field]
    assert page.title.startswith("Error: ")


async def test_number_that_is_none_is_told_at_its_field_and_kept() -> None:
    async with Site(Phone("phone")).open() as person:
        await person.open()
        answer = await person.press(phone="015 123")
        assert answer.status == 422
        told_at(answer, "phone", "This number cannot be used. Check it, country code included.")
        assert answer.page.one("input", name="phone")["value"] == "015 123"


async def test_number_that_is_refused_when_it_is_sent_to_once_more_goes_back_to_its_form() -> None:
    phone = Phone("phone", resend_after=0.0)
    async with Site(phone).open() as person:
        await person.open()
        await person.press(phone=NUMBER)

        async def refuse(code: str) -> None:
            raise Rejected("nobody there", Reason.PHONE)

        phone.deliver = refuse
        answer = await person.press("resend")
        assert answer.page.one("input", name="phone")["aria-invalid"] == "true"


async def test_wrong_password_is_told_at_its_field() -> None:
    async with Site(Staff()).open() as person:
        await person.open()
        answer = await person.press(username="ann", password="x")
        told_at(
            answer,
            "password",
            "The name or password is wrong, or this account may not sign in here.",
        )


async def test_account_that_may_not_sign_in_after_a_right_code_is_told_above_the_form() -> None:
    phone = Phone("phone")

    def refuse(attempt: object) -> Identity:
        raise Rejected("left the company")

    phone.identity = refuse
    async with Site(phone).open() as person:
        await person.open()
        await person.press(phone=NUMBER)
        answer = await person.press(otp=phone.delivered[0])
        assert answer.status == 422
        assert "This account may not sign in here." in answer.page.one("div", role="alert").text
        assert answer.page.all("input", aria_invalid="true") == []


async def test_limit_is_told_with_the_time_to_wait() -> None:
    async with Site(Staff()).open() as person:
        await person.open()
        for _ in range(5):
            await person.press(username="ann", password="x")
        answer = await person.press(password=PASSWORD)
        assert answer.status == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 900
        alert = answer.page.one("div", role="alert")
        assert "Too many tries. Try again in \u206815 min\u2069." in alert.text
        assert alert["tabindex"] == "-1"
        assert [e.tag for e in answer.page.elements if "autofocus" in e.attributes] == ["div"]


async def test_upstream_that_is_down_is_not_blamed_on_the_person_and_the_same_works_later() -> None:
    phone = Phone("phone")
    identity = phone.identity

    def fail(attempt: object) -> Identity:
        raise Unavailable("directory", "down", 30.0)

    async with Site(phone).open() as person:
        await person.open()
        await person.press(phone=NUMBER)
        phone.identity = fail
        answer = await person.press(otp=phone.delivered[0])
        assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
        assert "What you typed was not wrong." in answer.page.one("div", role="alert").text
        phone.identity = identity
        assert (await person.press(otp=phone.delivered[0])).page.title.startswith("Your code")


async def test_provider_whose_site_cannot_be_gone_to_is_told_above_the_list() -> None:
    site = Site(BrowserScript(), Staff(), public_url=None)
    async with site.open() as person:
        answer = await person.open(provider="site")
        assert answer.status == 503
        assert "not available" in answer.page.one("div", role="alert").text
        assert len(answer.page.all("nav")) == 1


async def test_a_form_for_a_provider_with_a_site_of_its_own_leads_to_that_site() -> None:
    class Elsewhere(BrowserScript):
        asks = ("card",)

    site = Site(Elsewhere(), Staff())
    async with site.open() as person:
        await person.open(provider="staff")
        token = person.now.page.one("input", name="token")["value"]
        answer = await person.ask("POST", link("site"), {"token": token, "id_token": "ann"})
        assert answer.location.startswith("https://auth.example.test/signin/")
        answer = await person.ask("POST", link(""), {"token": token})
        assert answer.page.all("nav") != []


def link(provider: str) -> str:
    return f"/signin?appid=com.example.app&provider={provider}"


async def test_fields_that_the_form_does_not_ask_for_are_left_out() -> None:
    """A109: what decides where a sign-in ends is in the link, and was checked."""
    staff = Staff()
    site = Site(staff)
    async with site.open() as person:
        await person.open()
        evil = {"return_url": "https://evil.example/", "provider": "x", "phone": "+1", "name": "x"}
        page = (await person.press(username="ann", password=PASSWORD, **evil)).page
        code, challenge = shown(page)
        signed_in = await site.kit.login(challenge=challenge, otp=code)
        assert isinstance(signed_in, SignedIn)
        assert signed_in.name is None


async def test_language_of_the_page_is_told_to_the_provider() -> None:
    phone = Phone("phone")
    async with Site(phone).open() as person:
        await person.open(lang="de_AT")
        page = (await person.press(phone=NUMBER)).page
        assert page.one("html")["lang"] == "de"
        assert phone.languages == ["de"]


async def test_the_page_renews_the_cookie_of_the_browser() -> None:
    async with Site(Staff()).open() as person:
        await person.open()
        first = person.cookies[cookies.NAME]
        await person.press(username="ann", password="x")
        assert person.cookies[cookies.NAME] == first
