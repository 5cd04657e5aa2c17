"""The same moment, at all processes: wrong codes, right codes, starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.logins.configuration import (
    FAILURES,
    PASSWORD,
    PER_PHONE,
    PHONE_BUDGET,
    STAFF,
    WITHIN_3_TRIES,
)
from tests.logins.site import Site, until, words, wrong

Numbers = Callable[[int], list[str]]
CROWD = 50


def test_c6_p3_parallel_wrong_codes_never_exceed_the_failures_of_an_identity(
    site: Site, number: str
) -> None:
    code = site.code_for(number)
    guesses = [{"phone": number, "otp": guess} for guess in wrong(code, CROWD)]
    answers = Counter(words(site.at_once(guesses)))
    assert answers == {"BADOTP": FAILURES, "RATELIMIT": CROWD - FAILURES}
    assert site.login(phone=number, otp=code)["error"] == "RATELIMIT"
    assert site.useradds(number) == []


def test_c6_parallel_wrong_passwords_never_exceed_the_failures_of_an_identity(site: Site) -> None:
    guess: dict[str, Any] = {"appid": STAFF, "username": "u99"}
    guesses = [guess | {"password": f"guess {i}"} for i in range(CROWD)]
    answers = Counter(words(site.at_once(guesses)))
    assert answers == {"BADLOGIN": FAILURES, "RATELIMIT": CROWD - FAILURES}
    assert site.login(**guess, password=PASSWORD)["error"] == "RATELIMIT"


@pytest.mark.parametrize(
    ("tries", "outcome"), [(2, "OK"), (3, "BADOTP")], ids=["one_left", "none_left"]
)
def test_c6_p3_parallel_wrong_codes_take_one_try_each(
    site: Site, numbers: Numbers, tries: int, outcome: str
) -> None:
    app: dict[str, Any] = {"appid": WITHIN_3_TRIES}
    codes = {number: site.code_for(number, **app) for number in numbers(15)}
    guesses = [
        {"phone": number, "otp": guess, **app}
        for number, code in codes.items()
        for guess in wrong(code, tries)
    ]
    assert set(words(site.at_once(guesses))) == {"BADOTP"}
    answers = [site.login(phone=number, otp=code, **app) for number, code in codes.items()]
    assert set(words(answers)) == {outcome}


@pytest.mark.parametrize("mesibo", ["ok", "slow:0.3"])
def test_p4_parallel_right_codes_give_one_token(site: Site, number: str, mesibo: str) -> None:
    code = site.code_for(number)
    if mesibo != "ok":
        site.mesibo.fail(mesibo)  # so that all are under way together
    answers = site.at_once([{"phone": number, "otp": code}] * CROWD)
    tokens = [answer["token"] for answer in answers if answer["result"] == "OK"]
    assert tokens == site.tokens(number)
    assert len(tokens) == 1
    assert len(site.useradds(number)) == 1
    assert set(words(answers)) <= {"OK", "UNAVAILABLE", "BADOTP", "RATELIMIT"}
    assert site.login(phone=number, otp=code)["result"] == "FAIL"


def test_p4_those_who_come_too_late_are_not_counted_as_failures(site: Site, number: str) -> None:
    code = site.code_for(number)
    site.mesibo.fail("slow:0.5")
    answers = Counter(words(site.at_once([{"phone": number, "otp": code}] * CROWD)))
    assert answers == {"OK": 1, "UNAVAILABLE": CROWD - 1}
    assert site.sign_in(number)["result"] == "OK"


def test_a17_p9_parallel_starts_send_one_message(site: Site, number: str) -> None:
    answers = site.at_once([{"phone": number}] * CROWD)
    assert set(words(answers)) == {"OK"}
    assert all(answer["challenge"]["kind"] == "code" for answer in answers)
    assert site.login(phone=number)["result"] == "OK"  # after all of them
    assert site.sms.count(number) == 1
    assert site.login(phone=number, otp=site.sms.code_for(number))["result"] == "OK"


def test_a15_p9_parallel_starts_from_many_addresses_stay_within_the_budget(
    site: Site, number: str
) -> None:
    start: dict[str, Any] = {"phone": number, "appid": PER_PHONE}
    for _ in range(2):
        assert set(words(site.at_once([start] * 100))) <= {"OK", "RATELIMIT"}
    until(lambda: words([site.login(**start)]) == ["RATELIMIT"])
    assert site.sms.count(number) == PHONE_BUDGET
    code = site.sms.code_for(number)
    assert {message.text for message in site.sms.messages if message.to == number} == {
        f"{code} is your verification code."
    }
    assert site.login(**start, otp=code)["result"] == "OK"


def test_p8_parallel_starts_in_many_spellings_send_one_message(site: Site, number: str) -> None:
    parts = (number[0], number[1:4], number[4:7], number[7:])
    spellings = ["{}{}{}{}", "+{} {} {} {}", "00{}-{}-{}-{}", "+{} ({}) {}.{}", "tel:+{}-{}-{}-{}"]
    starts = [{"phone": spelling.format(*parts)} for spelling in spellings] * 10
    assert set(words(site.at_once(starts))) == {"OK"}
    assert site.sms.count(number) == 1


def test_p4_a_right_code_and_starts_at_once_give_one_token(site: Site, number: str) -> None:
    code = site.code_for(number)
    answers = site.at_once([{"phone": number, "otp": code}, {"phone": number}] * 20)
    tokens = [answer["token"] for answer in answers if "token" in answer]
    assert tokens == site.tokens(number)
    assert len(tokens) == 1
