"""What fails behind the gateway, and what people see of it."""

from __future__ import annotations

import time

import pytest

from tests.cases.configuration import ANDROID
from tests.cases.messenger import Messenger
from tests.cases.raising_provider import CODE

PATIENCE = 12.0  # seconds that an app waits at most


@pytest.mark.parametrize(
    "failure",
    [
        *("false", "false_token", "string_true", "no_result"),
        *("no_token", "null_token", "number_token", "empty_token", "short_token"),
        *("no_user", "string_user", "null", "array", "deep", "empty", "html", "not_utf8", "huge"),
        *("http404", "http500", "http503", "json401", "json500", "redirect"),
        *("cut", "truncated_json", "hang"),
    ],
)
def test_case_27_mesibo_fails(app: Messenger, number: str, failure: str) -> None:
    code = app.code_for(number)
    app.mesibo.fail(failure)
    started = time.monotonic()
    answer = app.login(phone=number, otp=code)
    assert time.monotonic() - started < PATIENCE
    assert (answer["result"], answer["error"]) == ("FAIL", "UNAVAILABLE")
    assert {"token", "errmsg"}.isdisjoint(answer)
    assert app.mesibo.redirected == 0

    app.mesibo.ok()
    answer = app.login(phone=number, otp=code)
    assert answer["result"] == "OK"
    assert answer["token"] == app.tokens(number)[-1]
    assert app.sms.count(number) == 1


def test_case_27_mesibo_is_not_there(app: Messenger, number: str) -> None:
    code = app.code_for(number)
    app.mesibo.stop()
    try:
        assert app.login(phone=number, otp=code)["error"] == "UNAVAILABLE"
    finally:
        app.mesibo.start()
    assert app.login(phone=number, otp=code)["result"] == "OK"


def test_case_27_outage_uses_up_no_tries(app: Messenger, number: str) -> None:
    code = app.code_for(number)
    app.mesibo.fail("false")
    for _ in range(6):
        assert app.login(phone=number, otp=code)["error"] == "UNAVAILABLE"
    app.mesibo.ok()
    assert app.login(phone=number, otp=code)["result"] == "OK"


@pytest.mark.parametrize("failure", ["http500", "http401", "http429", "rejected", "html", "empty"])
def test_case_27_sms_vendor_fails(app: Messenger, number: str, failure: str) -> None:
    app.sms.fail(failure)
    answer = app.login(phone=number)
    assert (answer["result"], answer["error"]) == ("FAIL", "UNAVAILABLE")
    assert answer["errmsg"]
    app.sms.ok()
    assert app.login(phone=number, otp=app.code_for(number))["result"] == "OK"
    assert app.sms.count(number) == 1


@pytest.mark.parametrize(
    "step", ["identify", "counted_as", "conversion", "begin", "deliver", "resume"]
)
@pytest.mark.parametrize("otp", [None, CODE], ids=["first_step", "second_step"])
def test_case_42_provider_raises(app: Messenger, step: str, otp: str | None) -> None:
    fields = {"appid": "raising", "username": step}
    if step == "resume":
        assert app.login(**fields)["result"] == "OK"
        otp = CODE
    elif step in ("begin", "deliver"):
        otp = None
    answer = app.login(**fields, otp=otp)
    assert (answer["op"], answer["result"]) == ("login", "FAIL")
    assert answer["error"] == "UNAVAILABLE"
    assert ("errmsg" in answer) == (otp is None)


def test_case_42_others_go_on(app: Messenger, number: str) -> None:
    app.login(appid="raising", username="begin")
    assert app.login(appid="raising", username="ann")["result"] == "OK"
    assert app.login(appid="raising", username="ann", otp=CODE)["address"] == "raising:ann"
    assert app.login(phone=number, appid=ANDROID)["result"] == "OK"
