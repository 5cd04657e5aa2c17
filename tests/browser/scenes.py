"""Every page that people can come to, by name: each is brought about as a person does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

from tests.browser.person import Person
from tests.browser.site import ODD, PASSWORD, USER
from tests.logins.mailboxes import fresh_address
from tests.logins.site import wrong
from tests.servers.http_scripted import Reply
from tests.servers.numbers import fresh_number
from tests.servers.oidc_fake import TOKEN

NOWHERE: Final = "A" * 22  # the id of a sign-in that there is not


def choices(person: Person) -> None:
    person.sign_in()
    person.see_sign_in()


def phone(person: Person) -> None:
    person.sign_in(provider="phone")
    person.find("#phone")


def phone_wrong(person: Person) -> None:
    phone(person)
    person.fill(phone="+44 7911")
    person.press("next")
    person.find("#phone[aria-invalid]")


def email(person: Person) -> None:
    person.sign_in(provider="email")
    person.find("#email")


def code(person: Person) -> None:
    _code(person, fresh_number())


def _code(person: Person, number: str, provider: str = "phone", **link: str) -> str:
    person.sign_in(provider=provider, **link)
    person.fill(phone=f"+{number}")
    person.press("next")
    person.wait_heading("code_heading")
    return person.code_to(number)


def code_by_email(person: Person) -> None:
    email(person)
    person.fill(email=fresh_address())
    person.press("next")
    person.wait_heading("code_heading")


def code_wrong(person: Person) -> None:
    (guess,) = wrong(_code(person, fresh_number()))
    person.fill(otp=guess)
    person.press("sign_in")
    person.find("#otp[aria-invalid]")


def code_unavailable(person: Person) -> None:
    person.site.sms.fail("http500")
    phone(person)
    person.fill(phone=f"+{fresh_number()}")
    person.press("next")
    person.find(".fault")
    person.site.sms.ok()


def password(person: Person) -> None:
    person.sign_in(provider="staff")
    person.find("#password")


def password_wrong(person: Person) -> None:
    password(person)
    person.fill(username=USER, password=PASSWORD.title())
    person.press("sign_in")
    person.find("#password[aria-invalid]")


def cookies_gone(person: Person) -> None:
    password(person)
    person.browser.cdp("Network.clearBrowserCookies")
    person.fill(username=USER, password=PASSWORD)
    person.press("sign_in")
    person.find(".fault")


def shown_code(person: Person) -> None:
    person.browser.open(person.begin(return_url=None)["url"])
    person.sign_in_there()
    person.code_shown()


def shown_code_run_out(person: Person) -> None:
    shown_code(person)
    person.let_time_pass(60)
    person.find("#expired")


def cancelled(person: Person) -> None:
    person.browser.open(person.begin()["url"])
    person.cancel_there()
    person.see_problem("cancelled")


def refused(person: Person) -> None:
    person.site.moody.script(TOKEN, Reply({"error": "invalid_grant"}, 400), times=1)
    person.browser.open(person.begin("moody", appid=ODD)["url"])
    person.see_problem("refused")


def unavailable(person: Person) -> None:
    person.site.moody.script(TOKEN, "http503", times=1)
    person.browser.open(person.begin("moody", appid=ODD)["url"])
    person.see_problem("unavailable")


def expired(person: Person) -> None:
    person.open(f"/signin/{NOWHERE}")
    person.see_problem("expired")


def other_browser(person: Person) -> None:
    path = urlsplit(person.begin()["url"]).path
    there = urlsplit(str(person.site.get(path).header("Location")))
    (state,) = parse_qs(there.query)["state"]
    person.open(f"/callback/corp?state={state}&code=c")
    person.see_problem("other_browser")


def malformed(person: Person) -> None:
    person.open("/callback/corp")
    person.see_problem("malformed")


def bad_link(person: Person) -> None:
    person.sign_in(return_url="https://other.example/signed-in")
    person.see_problem("bad_link")


def not_found(person: Person) -> None:
    person.open("/signin/no/such/page")
    person.see_problem("not_found")


SCENES: Final[Mapping[str, Callable[[Person], None]]] = {
    scene.__name__.replace("_", "-"): scene
    for scene in (
        choices,
        phone,
        phone_wrong,
        email,
        code,
        code_by_email,
        code_wrong,
        code_unavailable,
        password,
        password_wrong,
        cookies_gone,
        shown_code,
        shown_code_run_out,
        cancelled,
        refused,
        unavailable,
        expired,
        other_browser,
        malformed,
        bad_link,
        not_found,
    )
}
