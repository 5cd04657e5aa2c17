"""Somebody guesses codes: one after the other, with other apps, other codes, other numbers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.logins.configuration import (
    ALIKE,
    ATTEMPTS,
    FAILURES,
    MIXED,
    NUMBER_OF_STAFF,
    PAIR,
    PASSWORD,
    PER_PHONE,
    PHONE,
    STAFF,
)
from tests.logins.site import Site, words, wrong


def test_a1_a3_p3_right_code_after_five_wrong_ones(site: Site, number: str) -> None:
    code = site.code_for(number)
    guesses = wrong(code, ATTEMPTS + 1)
    assert words(site.login(phone=number, otp=guess) for guess in guesses) == ["BADOTP"] * 6
    assert site.login(phone=number, otp=code)["error"] == "BADOTP"
    assert site.useradds(number) == []


def test_a1_p3_right_code_as_the_last_try(site: Site, number: str) -> None:
    code = site.code_for(number)
    guesses = wrong(code, ATTEMPTS - 1)
    assert words(site.login(phone=number, otp=guess) for guess in guesses) == ["BADOTP"] * 4
    assert site.login(phone=number, otp=code)["result"] == "OK"


def test_a5_c5_other_apps_give_no_further_tries(site: Site, number: str) -> None:
    apps = [(PHONE, *ALIKE)[i % 3] for i in range(FAILURES)]
    guesses = [site.login(phone=number, otp="000000", appid=app) for app in apps]
    assert words(guesses) == ["BADOTP"] * FAILURES
    for app in (PHONE, *ALIKE):
        refused = site.login(phone=number, otp="000000", appid=app)
        assert refused["error"] == "RATELIMIT"
        assert 0 < refused["retry_after"] <= 3600


def test_a5_other_apps_give_no_further_messages(site: Site, number: str) -> None:
    """Each app has a code of its own for a number, and all count in one budget."""
    for app in (PHONE, *ALIKE):
        site.code_for(number, appid=app)
    assert site.sms.count(number) == 3
    code = site.sms.code_for(number)
    assert site.login(phone=number, otp=code, appid=PHONE)["error"] == "BADOTP"
    assert site.login(phone=number, otp=code, appid=ALIKE[1])["result"] == "OK"


def test_p7_c5_a_new_code_gives_no_new_tries(site: Site, number: str) -> None:
    code = site.code_for(number)
    for guess in wrong(code, ATTEMPTS):
        site.login(phone=number, otp=guess)
    code = site.code_for(number)  # the first one is used up
    guesses = wrong(code, FAILURES - ATTEMPTS)
    assert set(words(site.login(phone=number, otp=guess) for guess in guesses)) == {"BADOTP"}
    assert site.login(phone=number, otp=code)["error"] == "RATELIMIT"
    assert site.login(phone=number)["error"] == "RATELIMIT"  # nor is one sent in vain
    assert site.sms.count(number) == 2
    assert site.useradds(number) == []


def test_p7_sending_a_code_again_gives_no_new_tries(site: Site, number: str) -> None:
    code = site.code_for(number, appid=PER_PHONE)
    for guess in wrong(code, ATTEMPTS):
        site.login(phone=number, otp=guess, appid=PER_PHONE)
        site.login(phone=number, appid=PER_PHONE)
    assert site.login(phone=number, otp=code, appid=PER_PHONE)["error"] == "BADOTP"


def test_c5_success_of_the_same_method_clears_the_failures(site: Site, number: str) -> None:
    code = site.code_for(number)
    for guess in wrong(code, ATTEMPTS - 1):
        site.login(phone=number, otp=guess)
    assert site.login(phone=number, otp=code)["result"] == "OK"
    assert words(site.login(phone=number, otp="000000") for _ in range(FAILURES + 1)) == [
        *["BADOTP"] * FAILURES,
        "RATELIMIT",
    ]


def test_c5_x4_success_of_another_method_clears_nothing(site: Site) -> None:
    """The name of a member of staff, as typed, is also a phone number."""
    guess: dict[str, Any] = {
        "phone": NUMBER_OF_STAFF,
        "otp": "000000",
        "appid": MIXED,
        "provider": PHONE,
    }
    assert words(site.login(**guess) for _ in range(FAILURES)) == ["BADOTP"] * FAILURES
    signed_in = site.login(username=NUMBER_OF_STAFF, password=PASSWORD, appid=MIXED)
    assert signed_in["address"] == f"{STAFF}:{NUMBER_OF_STAFF}"
    assert site.login(**guess)["error"] == "RATELIMIT"


def test_a7_p4_right_code_again_after_success(site: Site, number: str) -> None:
    code = site.code_for(number)
    assert site.login(phone=number, otp=code)["result"] == "OK"
    assert words(site.login(phone=number, otp=code) for _ in range(3)) == ["BADOTP"] * 3
    assert len(site.useradds(number)) == 1


def test_a9_p6_code_of_another_phone_counts_for_the_number_it_is_typed_for(
    site: Site, number: str, other_number: str
) -> None:
    code, code_of_other = site.code_for(number), site.code_for(other_number)
    tries = [site.login(phone=other_number, otp=code) for _ in range(ATTEMPTS)]
    assert words(tries) == ["BADOTP"] * ATTEMPTS
    assert site.login(phone=other_number, otp=code_of_other)["error"] == "BADOTP"
    assert site.login(phone=number, otp=code)["result"] == "OK"
    assert site.useradds(other_number) == []


def test_p6_code_of_another_app(site: Site, number: str) -> None:
    code = site.code_for(number, appid=ALIKE[0])
    assert site.login(phone=number, otp=code, appid=ALIKE[1])["error"] == "BADOTP"
    assert site.login(phone=number, otp=code, appid=ALIKE[0])["result"] == "OK"


@pytest.mark.parametrize(("sent", "typed"), [(PHONE, "second"), ("second", PHONE)])
def test_a11_code_of_another_provider_of_the_app(
    site: Site, number: str, sent: str, typed: str
) -> None:
    code = site.code_for(number, appid=PAIR, provider=sent)
    site.code_for(number, appid=PAIR, provider=typed)
    assert site.login(phone=number, otp=code, appid=PAIR, provider=typed)["error"] == "BADOTP"
    assert site.useradds(number) == []
    assert site.login(phone=number, otp=code, appid=PAIR, provider=sent)["result"] == "OK"


def test_p5_code_at_the_end_of_its_life(site: Site, number: str, other_number: str) -> None:
    code = site.code_for(number, appid="brief")
    site.code_for(other_number, appid="brief")  # ends after the code above
    while site.sms.count(other_number) == 1:
        assert site.login(phone=other_number, appid="brief")["result"] == "OK"
    assert site.login(phone=number, otp=code, appid="brief")["error"] == "BADOTP"
    assert site.useradds(number) == []
