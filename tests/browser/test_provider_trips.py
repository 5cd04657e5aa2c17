"""Sign-ins at an identity provider's own page, from the app and back to it."""

from __future__ import annotations

from tests.browser.person import Person
from tests.browser.site import LABELS, NAME, ODD
from tests.servers.http_scripted import Reply
from tests.servers.oidc_fake import TOKEN
from tests.servers.oidc_provider import ALICE

ALICES = f"corp:{ALICE.login}"  # address


def test_from_the_app_to_the_provider_and_back(anyone: Person) -> None:
    challenge = anyone.begin()
    anyone.browser.open(challenge["url"])
    anyone.sign_in_there()
    brought = anyone.brought()
    assert brought["challenge"] == challenge["id"]
    assert anyone.token(brought) == ALICES


def test_from_the_sign_in_page_to_the_provider_and_back(anyone: Person) -> None:
    anyone.sign_in()
    anyone.see_sign_in()
    anyone.browser.press(LABELS["corp"])
    anyone.sign_in_there()
    assert anyone.token(anyone.brought()) == ALICES


def test_a_link_to_the_sign_in_page_may_name_the_provider(person: Person) -> None:
    person.sign_in(provider="corp")
    person.sign_in_there()
    assert person.token(person.brought()) == ALICES


def test_a_provider_whose_page_posts_a_form(anyone: Person) -> None:
    anyone.browser.open(anyone.begin("posting", appid=ODD)["url"])
    anyone.sign_in_there()
    anyone.go_on()
    assert anyone.token(anyone.brought(), appid=ODD) == f"posting:{ALICE.login}"


def test_a_code_that_the_page_shows(anyone: Person) -> None:
    challenge = anyone.begin(return_url=None)
    anyone.browser.open(challenge["url"])
    anyone.sign_in_there()
    shown = anyone.code_shown()
    assert shown["challenge"] == challenge["id"]
    assert len(shown["code"]) == 8
    assert anyone.token(shown) == ALICES
    assert anyone.redeem(shown)["error"] == "BADOTP"


def test_a_typing_error_at_the_provider(person: Person) -> None:
    person.browser.open(person.begin()["url"])
    person.sign_in_there("wrong")
    person.browser.wait(lambda: "Wrong user name or password." in person.browser.text)
    person.sign_in_there()
    assert person.token(person.brought()) == ALICES


def test_who_turns_back_at_the_provider_may_try_again(anyone: Person) -> None:
    challenge = anyone.begin()
    anyone.browser.open(challenge["url"])
    anyone.cancel_there()
    anyone.see_problem("cancelled")
    anyone.press("again")
    anyone.sign_in_there()
    brought = anyone.brought()
    assert brought["challenge"] == challenge["id"]
    assert anyone.token(brought) == ALICES


def test_who_turns_back_at_the_provider_may_go_back_to_the_app(anyone: Person) -> None:
    challenge = anyone.begin()
    anyone.browser.open(challenge["url"])
    anyone.cancel_there()
    anyone.press("back", app=NAME)
    brought = anyone.brought()
    assert brought.keys() == {"challenge", "error"}
    assert brought["challenge"] == challenge["id"]


def test_who_turns_back_at_a_provider_whose_page_posts_a_form(anyone: Person) -> None:
    anyone.browser.open(anyone.begin("posting", appid=ODD)["url"])
    anyone.cancel_there()
    anyone.go_on()
    anyone.see_problem("cancelled")


# -- the provider fails


def test_the_provider_fails_for_a_moment(anyone: Person) -> None:
    anyone.site.moody.script(TOKEN, "http503", times=1)
    anyone.browser.open(anyone.begin("moody", appid=ODD)["url"])
    anyone.see_problem("unavailable")
    anyone.press("again")
    assert anyone.redeem(anyone.brought(), appid=ODD)["result"] == "OK"


def test_the_provider_is_down_at_first(person: Person) -> None:
    challenge = person.begin("late", appid=ODD)
    person.browser.open(challenge["url"])
    person.see_problem("unavailable")
    person.press("again")
    person.see_problem("unavailable")
    person.site.late.start()

    def tries_again() -> bool:  # the gateway does so every other second
        person.press("again")
        return person.browser.url.startswith(person.site.web_return)

    assert person.browser.wait(tries_again)
    assert person.redeem(person.brought(), appid=ODD)["result"] == "OK"


def test_the_provider_refuses_somebody(person: Person) -> None:
    person.site.moody.script(TOKEN, Reply({"error": "invalid_grant"}, 400), times=1)
    person.browser.open(person.begin("moody", appid=ODD)["url"])
    person.see_problem("refused")
    person.press("again")
    assert person.redeem(person.brought(), appid=ODD)["result"] == "OK"


def test_o13_what_the_provider_says_of_an_error_is_not_repeated(person: Person) -> None:
    evil = "<img src=x onerror=document.title='owned'>Call 0900 1234"
    person.site.moody.callback = {"error": evil, "error_description": evil, "error_uri": evil}
    person.browser.open(person.begin("moody", appid=ODD)["url"])
    person.see_problem("unavailable")
    assert "0900" not in person.browser.driver.page_source


# -- tabs and history


def test_two_trips_in_two_tabs(person: Person) -> None:
    first, second = person.begin(), person.begin()
    person.browser.open(first["url"])
    person.at_provider()
    one = person.tab()
    person.browser.open(second["url"])
    person.sign_in_there()
    brought = person.brought()
    assert brought["challenge"] == second["id"]
    assert person.token(brought) == ALICES
    person.go_to(one)
    person.browser.open(first["url"])  # who is signed in there is not asked again
    brought = person.brought()
    assert brought["challenge"] == first["id"]
    assert person.token(brought) == ALICES


def test_one_trip_opened_twice(person: Person) -> None:
    """It ends once, and the other tab is told so."""
    challenge = person.begin()
    person.browser.open(challenge["url"])
    person.sign_in_there()
    brought = person.brought()
    person.tab()
    person.browser.open(challenge["url"])
    person.see_problem("expired")
    assert not person.has("main a")
    assert person.token(brought) == ALICES


def test_one_trip_under_way_in_two_tabs(person: Person) -> None:
    challenge = person.begin()
    person.browser.open(challenge["url"])
    person.at_provider()
    one = person.tab()
    person.browser.open(challenge["url"])
    person.sign_in_there()
    brought = person.brought()
    person.go_to(one)
    person.sign_in_there()
    person.see_problem("expired")
    assert person.token(brought) == ALICES


def test_back_to_the_choices_from_the_providers_page(anyone: Person) -> None:
    anyone.sign_in()
    anyone.browser.press(LABELS["corp"])
    anyone.at_provider()
    anyone.browser.driver.back()
    anyone.see_sign_in()
    anyone.browser.press(LABELS["corp"])
    anyone.sign_in_there()
    assert anyone.token(anyone.brought()) == ALICES


def test_back_after_success(person: Person) -> None:
    """It leads to the provider's page; what is sent from there again ends nothing twice."""
    person.browser.open(person.begin()["url"])
    person.sign_in_there()
    brought = person.brought()
    person.browser.driver.back()
    person.browser.wait(lambda: not person.browser.url.startswith(person.site.web_return))
    assert "/callback/" not in person.browser.url
    person.browser.driver.forward()
    assert person.brought() == brought
    assert person.token(brought) == ALICES
