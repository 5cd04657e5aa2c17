"""The sign-in page: forms, codes and passwords, from the link to the token."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from gateway.browser.texts import texts
from tests.browser.person import Person
from tests.browser.site import APP, LABELS, LONE, ODD, PASSWORD, USER
from tests.logins.mailboxes import fresh_address
from tests.logins.site import wrong
from tests.servers.numbers import fresh_number

COPYING = ["clipboardReadWrite", "clipboardSanitizedWrite"]


def ask_for_code(
    person: Person, provider: str = "phone", app: str = APP, **link: str | None
) -> str:
    """Open the form of a provider and give it a fresh number, which is returned."""
    number = fresh_number()
    person.sign_in(app, provider=provider, **link)
    person.fill(phone=f"+{number}")
    person.press("next")
    person.wait_heading("code_heading")
    return number


# -- the ways in


def test_choices(anyone: Person) -> None:
    anyone.sign_in()
    anyone.see_sign_in()
    assert anyone.says("choose") in anyone.browser.text
    links = anyone.browser.driver.find_elements(By.CSS_SELECTOR, ".choices a")
    assert [link.text for link in links] == list(LABELS.values())
    anyone.browser.press(LABELS["email"])
    anyone.find("#email")
    anyone.press("other_ways")
    anyone.browser.press(LABELS["staff"])
    anyone.find("#password")


def test_an_app_with_one_provider_has_its_form_at_once(person: Person) -> None:
    person.sign_in(LONE)
    person.find("#phone")
    assert person.says("other_ways") not in person.browser.text


def test_phone(anyone: Person) -> None:
    number = ask_for_code(anyone)
    assert f"+{number}" in anyone.browser.text
    anyone.fill(otp=anyone.code_to(number))
    anyone.press("sign_in")
    assert anyone.token(anyone.brought()) == number


def test_phone_with_a_code_that_the_page_shows(person: Person) -> None:
    number = ask_for_code(person, return_url=None)
    person.fill(otp=person.code_to(number))
    person.press("sign_in")
    assert person.token(person.code_shown()) == number


def test_email(anyone: Person) -> None:
    address = fresh_address()
    anyone.sign_in(provider="email")
    anyone.fill(email=address)
    anyone.press("next")
    anyone.wait_heading("code_heading")
    anyone.fill(otp=anyone.code_mailed_to(address))
    anyone.press("sign_in")
    assert anyone.token(anyone.brought()) == address


def test_a_wrong_password_then_the_right_one(anyone: Person) -> None:
    anyone.sign_in(provider="staff")
    anyone.fill(username=USER, password="wrong")
    anyone.press("sign_in")
    anyone.find("#password[aria-invalid]")
    assert anyone.says("error_badlogin") in anyone.browser.text
    assert anyone.browser.driver.title == anyone.says("error_prefix", title=anyone.heading)
    assert anyone.focus == "password"
    assert anyone.find("#username").get_attribute("value") == USER
    assert anyone.find("#password").get_attribute("value") == ""
    anyone.fill(password=PASSWORD)
    anyone.press("sign_in")
    assert anyone.token(anyone.brought()) == f"staff:{USER}"


# -- mistakes


def test_a_number_that_is_none(anyone: Person) -> None:
    anyone.sign_in(provider="phone")
    anyone.fill(phone="+49 30")
    anyone.press("next")
    anyone.find("#phone[aria-invalid]")
    assert anyone.says("error_badphone") in anyone.browser.text
    assert anyone.focus == "phone"
    assert anyone.find("#phone").get_attribute("value") == "+49 30"


def test_a_wrong_code_then_the_right_one(anyone: Person) -> None:
    number = ask_for_code(anyone)
    code = anyone.code_to(number)
    anyone.fill(otp=wrong(code)[0])
    anyone.press("sign_in")
    anyone.find("#otp[aria-invalid]")
    assert anyone.says("error_badotp") in anyone.browser.text
    assert anyone.focus == "otp"
    assert anyone.find("#otp").get_attribute("value") == ""
    anyone.fill(otp=code)
    anyone.press("sign_in")
    assert anyone.token(anyone.brought()) == number


def test_another_number(anyone: Person) -> None:
    number, other = ask_for_code(anyone), fresh_number()
    anyone.press("change_phone")
    anyone.see_sign_in()
    assert anyone.find("#phone").get_attribute("value") == f"+{number}"
    anyone.fill(phone=f"+{other}")
    anyone.press("next")
    anyone.wait_heading("code_heading")
    anyone.fill(otp=anyone.code_to(other))
    anyone.press("sign_in")
    assert anyone.token(anyone.brought()) == other


def test_back_from_the_code_to_the_number(person: Person) -> None:
    ask_for_code(person)
    person.browser.driver.back()
    person.see_sign_in()
    other = fresh_number()
    person.fill(phone=f"+{other}")
    person.press("next")
    person.wait_heading("code_heading")
    person.fill(otp=person.code_to(other))
    person.press("sign_in")
    assert person.token(person.brought()) == other


def test_back_after_success(person: Person) -> None:
    """The browser has not kept the page with the code, and the app's page is where it was."""
    number = ask_for_code(person)
    code = person.code_to(number)
    person.fill(otp=code)
    person.press("sign_in")
    brought = person.brought()
    person.browser.driver.back()
    person.browser.wait(lambda: person.browser.url.startswith(person.site.url))
    assert code not in person.browser.driver.page_source
    person.browser.driver.forward()
    assert person.brought() == brought
    assert person.token(brought) == number


def test_two_tabs(person: Person) -> None:
    number = ask_for_code(person)
    first = person.tab()
    other = ask_for_code(person)
    person.fill(otp=person.code_to(other))
    person.press("sign_in")
    assert person.token(person.brought()) == other
    person.go_to(first)
    person.fill(otp=person.code_to(number))
    person.press("sign_in")
    assert person.token(person.brought()) == number


def test_cookies_are_gone_when_the_form_is_sent(anyone: Person) -> None:
    anyone.sign_in(provider="staff")
    anyone.browser.cdp("Network.clearBrowserCookies")
    anyone.fill(username=USER, password=PASSWORD)
    anyone.press("sign_in")
    anyone.browser.wait(lambda: anyone.says("error_cookies") in anyone.browser.text)
    anyone.fill(username=USER, password=PASSWORD)
    anyone.press("sign_in")
    assert anyone.token(anyone.brought()) == f"staff:{USER}"


# -- codes that are sent again


def test_a_code_is_sent_again(anyone: Person) -> None:
    """With scripts, when the countdown has ended; without, the button is there from the start."""
    number = ask_for_code(anyone, "impatient", app=ODD)
    code = anyone.code_to(number)
    anyone.browser.wait(lambda: resend_button(anyone).is_enabled())
    assert anyone.has("#resend-hint") is not anyone.scripts

    def is_sent() -> bool:
        anyone.press("resend")
        return anyone.site.sms.count(number) == 2

    assert anyone.browser.wait(is_sent)
    assert anyone.code_to(number, message=2) == code
    anyone.fill(otp=code)
    anyone.press("sign_in")
    assert anyone.token(anyone.brought(), appid=ODD) == number


def resend_button(person: Person) -> WebElement:
    return person.find('[value="resend"]')


def test_the_countdown(person: Person) -> None:
    ask_for_code(person)
    shown = person.find("#resend-hint span").text
    assert shown in [person.says("seconds", n=n) for n in (58, 59, 60)]
    assert not resend_button(person).is_enabled()
    person.browser.wait(lambda: person.find("#resend-hint span").text != shown)
    person.let_time_pass(60)
    person.browser.wait(lambda: resend_button(person).is_enabled())
    assert not person.has("#resend-hint")


def test_too_many_messages(person: Person) -> None:
    number = ask_for_code(person, "impatient", app=ODD)
    too_many = person.says("error_ratelimit")

    def is_too_many() -> bool:
        if resend_button(person).is_enabled():
            person.press("resend")
        return too_many in person.browser.text

    assert person.browser.wait(is_too_many)
    assert person.site.sms.count(number) == 2
    assert person.says("wait", time=person.says("minutes", n=60)) in person.browser.text
    assert person.find(".fault") == person.browser.driver.switch_to.active_element
    person.fill(otp=person.code_to(number))  # it is still good
    person.press("sign_in")
    assert person.token(person.brought(), appid=ODD) == number


# -- what the script adds


def test_a_code_that_arrives_in_one_piece_is_sent_at_once(person: Person) -> None:
    number = ask_for_code(person)
    assert person.focus == "otp"
    person.paste(person.code_to(number))
    assert person.token(person.brought()) == number


def test_a_code_that_is_typed_waits_for_its_end(person: Person) -> None:
    number = ask_for_code(person)
    code = person.code_to(number)
    person.keys(*code)
    assert person.find("#otp").get_attribute("value") == code
    assert not person.has("[aria-busy]")
    person.enter()
    assert person.token(person.brought()) == number


PRESS_ON = """
const button = document.querySelector('.primary');
button.click();
for (let turn = 1; turn <= 5; turn++) setTimeout(() => button.click(), 100 * turn);
"""


def test_a_form_is_sent_once(person: Person) -> None:
    """However often the button is pressed while the answer takes its time."""
    number = fresh_number()
    person.sign_in(provider="phone")
    person.fill(phone=f"+{number}")
    calls = len(person.site.sms.calls)
    person.site.sms.fail("hang", times=1)  # the message may have gone out: people are asked for it
    person.browser.driver.execute_script(PRESS_ON)
    person.wait_heading("code_heading")
    assert len(posts(person)) == 1
    assert len(person.site.sms.calls) == calls + 1


def posts(person: Person) -> list[str]:
    return [way for way in person.browser.ways() if "/signin?" in way][1:]


def test_a_password_can_be_looked_at(person: Person) -> None:
    person.sign_in(provider="staff")
    person.fill(username=USER, password=PASSWORD)
    password = person.find("#password")
    person.press("show_password")
    assert password.get_attribute("type") == "text"
    person.press("hide_password")
    assert password.get_attribute("type") == "password"
    person.press("show_password")
    person.press("sign_in")
    assert person.token(person.brought()) == f"staff:{USER}"


def test_without_scripts_there_is_no_button_that_does_nothing(anyone: Person) -> None:
    anyone.sign_in(provider="staff")
    assert anyone.has("[data-reveals]") is anyone.scripts
    anyone.browser.open(anyone.begin(return_url=None)["url"])
    anyone.sign_in_there()
    anyone.code_shown()
    assert anyone.has("[data-copy]") is anyone.scripts


def test_a_code_is_copied(person: Person) -> None:
    person.browser.cdp("Browser.grantPermissions", permissions=COPYING)
    person.browser.open(person.begin(return_url=None)["url"])
    person.sign_in_there()
    code = person.code_shown()["code"]
    person.press("copy")
    person.browser.wait(lambda: person.says("copied") in person.browser.text)
    read = "navigator.clipboard.readText().then(arguments[0])"
    assert person.browser.driver.execute_async_script(read) == code


def test_a_code_that_is_shown_runs_out(person: Person) -> None:
    person.browser.open(person.begin(return_url=None)["url"])
    person.sign_in_there()
    person.code_shown()
    assert not person.has("#expired")
    person.let_time_pass(60)
    assert person.find("#expired").text == person.says("shown_expired")
    assert not person.has("#lifetime")


# -- languages


@pytest.mark.parametrize(
    ("asked", "lang", "direction"),
    [("de-AT,de;q=0.9,en;q=0.5", "de", "ltr"), ("ar", "ar", "rtl"), ("xx,ja;q=0.4", "ja", "ltr")],
)
def test_the_browsers_language(person: Person, asked: str, lang: str, direction: str) -> None:
    person.speak(asked)
    number = ask_for_code(person)
    html = person.find("html")
    assert (html.get_attribute("lang"), html.get_attribute("dir")) == (lang, direction)
    person.fill(otp=person.code_to(number))
    person.press("sign_in")
    assert person.token(person.brought()) == number


def test_the_language_of_the_link_is_kept(person: Person) -> None:
    person.texts = texts("ja")
    person.sign_in(lang="ja")
    person.see_sign_in()
    person.browser.press(LABELS["phone"])
    person.fill(phone="+49 30")
    person.press("next")
    person.find("#phone[aria-invalid]")
    assert person.says("error_badphone") in person.browser.text
    person.press("other_ways")
    person.see_sign_in()
