"""A code by text message, from the first step to the token."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cases.configuration import ANDROID, OTHER, TEST_CODE, TEST_NUMBER
from tests.cases.messenger import Messenger, another

DEVICE = "0b0ad6d0-3c19-4b4e-9d4f-7f1a9c1d2e3f"
YEAR = 365 * 24 * 60  # minutes


def test_case_1_first_step_sends_one_code(app: Messenger, number: str) -> None:
    answer = app.login(phone=number)
    assert answer["result"] == "OK"
    assert {"token", "errmsg"}.isdisjoint(answer)
    assert answer["challenge"] == {
        "kind": "code",
        "provider": "phone",
        "resend_after": 60,
        "expires_in": 600,
    }
    assert app.sms.count(number) == 1
    assert app.useradds(number) == []


def test_case_2_right_code_signs_in(app: Messenger, number: str) -> None:
    code = app.code_for(number)
    answer = app.login(phone=number, otp=code, device=DEVICE)
    assert answer["result"] == "OK"
    assert [answer["token"]] == app.tokens(number)
    assert len(answer["token"]) > 16
    assert (answer["phone"], answer["address"]) == (number, number)
    assert answer["urls"].keys() == {"upload", "download"}
    assert answer["share"].keys() == {"text", "subject", "title"}
    assert isinstance(answer["invite"], str)
    assert app.useradds(number) == [
        {"address": number, "token": {"appid": ANDROID, "expiry": YEAR}}
    ]


def test_case_3_wrong_code_is_refused(app: Messenger, number: str) -> None:
    code = app.code_for(number)
    answer = app.login(phone=number, otp=another(code))
    assert (answer["result"], answer["error"]) == ("FAIL", "BADOTP")
    assert {"errmsg", "errtitle", "token"}.isdisjoint(answer)
    assert app.useradds(number) == []


@pytest.mark.parametrize("otp", ["", "  ", None])
def test_case_17_blank_code_is_a_first_step(app: Messenger, number: str, otp: str | None) -> None:
    answer = app.login(phone=number, otp=otp)
    assert answer["challenge"]["kind"] == "code"
    assert app.sms.count(number) == 1


@pytest.mark.parametrize("otp", [int(TEST_CODE), f" {TEST_CODE} ", TEST_CODE])
def test_case_18_code_as_number_or_with_spaces(app: Messenger, otp: int | str) -> None:
    assert app.login(phone=TEST_NUMBER)["result"] == "OK"
    assert app.login(phone=TEST_NUMBER, otp=another(TEST_CODE))["error"] == "BADOTP"
    answer = app.login(phone=TEST_NUMBER, otp=otp)
    assert (answer["result"], answer["phone"]) == ("OK", TEST_NUMBER)
    assert app.sms.count(TEST_NUMBER) == 0


def test_case_28_wrong_codes_lock_the_code(app: Messenger, number: str) -> None:
    code = app.code_for(number)
    for _ in range(5):
        assert app.login(phone=number, otp=another(code))["error"] == "BADOTP"
    assert app.login(phone=number, otp=another(code))["result"] == "FAIL"
    assert app.login(phone=number, otp=code)["error"] == "BADOTP"
    assert app.useradds(number) == []
    assert app.login(phone=number, otp=app.code_for(number))["result"] == "OK"


def test_case_28_a_try_too_few_does_not_lock(app: Messenger, number: str) -> None:
    code = app.code_for(number)
    for _ in range(4):
        assert app.login(phone=number, otp=another(code))["error"] == "BADOTP"
    assert app.login(phone=number, otp=code)["result"] == "OK"


def test_case_29_right_code_after_expiry(app: Messenger, number: str, other_number: str) -> None:
    code = app.code_for(number, appid="brief")
    app.code_for(other_number, appid="brief")  # expires after the code above
    deadline = time.monotonic() + 10
    while app.sms.count(other_number) == 1:
        assert time.monotonic() < deadline
        app.login(phone=other_number, appid="brief")
    assert app.login(phone=number, appid="brief", otp=code)["error"] == "BADOTP"
    assert app.useradds(number) == []


def test_case_29_right_code_before_expiry(app: Messenger, number: str) -> None:
    code = app.code_for(number, appid="brief")
    assert app.login(phone=number, appid="brief", otp=code)["result"] == "OK"


def test_case_29_right_code_twice(app: Messenger, number: str) -> None:
    code = app.code_for(number)
    assert app.login(phone=number, otp=code)["result"] == "OK"
    assert app.login(phone=number, otp=code)["error"] == "BADOTP"
    assert len(app.useradds(number)) == 1


@pytest.mark.parametrize("pending", [False, True])
def test_case_30_code_of_another_phone(
    app: Messenger, number: str, other_number: str, pending: bool
) -> None:
    code = app.code_for(number)
    if pending:
        assert app.code_for(other_number) != code
    assert app.login(phone=other_number, otp=code)["error"] == "BADOTP"
    assert app.useradds(other_number) == []
    assert app.login(phone=number, otp=code)["result"] == "OK"


@pytest.mark.parametrize("pending", [False, True])
def test_case_30_code_of_another_app(app: Messenger, number: str, pending: bool) -> None:
    code = app.code_for(number)
    if pending:
        assert app.code_for(number, appid=OTHER) != code
    assert app.login(phone=number, otp=code, appid=OTHER)["error"] == "BADOTP"
    assert app.useradds(number) == []
    assert app.login(phone=number, otp=code)["result"] == "OK"


def test_case_31_repeated_first_step_sends_one_code(app: Messenger, number: str) -> None:
    for _ in range(5):
        assert app.login(phone=number)["result"] == "OK"
    assert app.sms.count(number) == 1
    assert app.login(phone=number, otp=app.sms.code_for(number))["result"] == "OK"


def test_case_31_first_step_after_the_cool_down_sends_the_same_code(
    app: Messenger, number: str
) -> None:
    code = app.code_for(number, appid="repeating")
    deadline = time.monotonic() + 5
    while app.sms.count(number) < 3:
        assert time.monotonic() < deadline
        app.login(phone=number, appid="repeating")
        assert app.sms.code_for(number) == code
    assert app.login(phone=number, appid="repeating", otp=code)["result"] == "OK"


def test_case_33_short_code_in_the_web_app_leaves_the_pending_code_alone(
    app: Messenger, number: str
) -> None:
    code = app.code_for(number)
    web = {"op": "login", "appid": ANDROID, "phone": number}  # what 1 to 4 characters make it send
    headers = {"Content-Type": "text/plain", "Origin": "https://web.example"}
    assert app.send(web, headers).json["result"] == "OK"
    assert app.sms.count(number) == 1
    assert app.login(phone=number, otp=code)["result"] == "OK"


def test_case_39_parallel_answers_give_one_token(app: Messenger, number: str) -> None:
    code = app.code_for(number)
    app.mesibo.fail("slow:0.2")  # all of them are under way at once
    with ThreadPoolExecutor(8) as people:
        answers = list(people.map(lambda _: app.login(phone=number, otp=code), range(8)))
    tokens = [answer["token"] for answer in answers if answer["result"] == "OK"]
    assert tokens == app.tokens(number)
    assert len(tokens) == 1
    assert {a["error"] for a in answers if a["result"] == "FAIL"} <= {"UNAVAILABLE", "BADOTP"}
