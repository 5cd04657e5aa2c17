"""Requests that are refused, each in words that every app can read."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.cases.configuration import ANDROID, configuration
from tests.cases.messenger import Messenger
from tests.conftest import StartGateway
from tests.servers.mesibo import MesiboCloud
from tests.servers.sms import SmsVendor

TAG = "<img src=x onerror=1>"
UNKNOWN = "com.example.unknown"


@pytest.mark.parametrize("phone", ["12345678", "", "1" * 20, "+999123456789", "1888*555#1234"])
def test_case_15_no_phone_number(app: Messenger, phone: str) -> None:
    calls = len(app.sms.calls)
    answer = app.login(phone=phone)
    assert (answer["result"], answer["error"]) == ("FAIL", "BADPHONE")
    assert answer["errmsg"]
    assert answer["errtitle"]
    assert len(app.sms.calls) == calls


@pytest.mark.parametrize("fields", [{"otp": "123456"}, {"otp": "123456", "phone": None}])
def test_case_16_code_without_a_phone(app: Messenger, fields: dict[str, Any]) -> None:
    answer = app.login(**fields)
    assert (answer["result"], answer["error"]) == ("FAIL", "BADREQUEST")


@pytest.mark.parametrize("appid", [None, "", "  "])
def test_case_19_no_app_id(app: Messenger, number: str, appid: str | None) -> None:
    answer = app.login(phone=number, appid=appid)
    assert (answer["op"], answer["result"]) == ("login", "FAIL")
    assert answer["error"] == "MISSINGAPPID"
    assert app.sms.count(number) == 0


def test_case_19_app_id_is_asked_for_before_the_phone(app: Messenger) -> None:
    assert app.send({"op": "login", "dt": "1"}).json["error"] == "MISSINGAPPID"


def test_case_20_app_that_is_not_admitted(app: Messenger, number: str) -> None:
    answer = app.login(phone=number, appid=UNKNOWN)
    assert (answer["result"], answer["error"]) == ("FAIL", "BADAPP")
    assert answer["errmsg"]
    assert app.sms.count(number) == 0
    code = app.code_for(number)
    assert app.login(phone=number, appid=UNKNOWN, otp=code)["error"] == "BADAPP"
    assert app.useradds(number) == []


@pytest.mark.parametrize("op", ["foo", TAG, "useradd", "login2"])
def test_case_21_unknown_op(app: Messenger, number: str, op: str) -> None:
    request = {"op": op, "appid": ANDROID, "phone": number, "dt": "1"}
    answer = app.send(request, op_login=False).json
    assert (answer["op"], answer["result"], answer["error"]) == (op, "FAIL", "BADOP")
    assert app.sms.count(number) == 0


@pytest.mark.parametrize("body", [b"", b" \r\n"])
def test_case_23_empty_body(app: Messenger, body: bytes) -> None:
    answer = app.send(body).json
    assert (answer["op"], answer["result"]) == ("login", "FAIL")
    assert answer["error"] == "BADREQUEST"


@pytest.mark.parametrize(
    "body",
    [
        b"[1]",
        b'"abc"',
        b"null",
        b"true",
        b"1",
        b"{",
        b"{}",
        b'{"op":null}',
        b'{"op":""}',
        b'{"op":["login"]}',
        b'{"op":{"a":1}}',
        b'{"op":true}',
        b'{"op":"login","phone":["1"],"appid":"x"}',
        b'{"op":"login","phone":{"a":1},"appid":"x"}',
        b'{"op":"login","phone":true,"appid":"x"}',
        b'{"op":"login","phone":1.5,"appid":"x"}',
        b'{"op":"login","phone":-18885551234,"appid":"x"}',
        b'{"op":"login","phone":NaN,"appid":"x"}',
        b'{"op":"login","phone":1e999,"appid":"x"}',
        b'{"op":"login","phone":' + b"9" * 5000 + b"}",
        b'{"op":"login","op":"logout"}',
        b'{"op":"login","appid":"x","phone":"\\ud800"}',
        b'{"op":"login"} trailing',
        b'{"op":"login"',
        b"\xff\xfe{}",
        b'{"op":"login","phone":"\xff\xfe"}',
        b"[" * 10_000,
        b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
        b"<?xml version='1.0'?><op>login</op>",
        b"\x00" * 100,
        b"op",
        b"a=b&c",
    ],
    ids=lambda body: repr(body[:24])[2:-1],
)
def test_case_24_bodies_that_make_no_request(app: Messenger, body: bytes) -> None:
    answer = app.send(body).json
    assert (answer["op"], answer["result"]) == ("login", "FAIL")
    assert answer["error"] == "BADREQUEST"


# The case wants HTTP 200; 413 and 415 are the two exceptions that the op API documents.
@pytest.mark.parametrize("chunked", [False, True])
def test_case_24_a_megabyte(app: Messenger, chunked: bool) -> None:
    body = b'{"op":"login","phone":"' + b"1" * 1024 * 1024 + b'"}'
    headers = {}
    if chunked:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        headers = {"Transfer-Encoding": "chunked"}
    answer = app.send(body, headers, status=413).json
    assert (answer["op"], answer["result"], answer["error"]) == ("login", "FAIL", "BADREQUEST")


def test_case_24_compressed_body(app: Messenger) -> None:
    answer = app.send(b"\x1f\x8b\x08", {"Content-Encoding": "gzip"}, status=415).json
    assert (answer["op"], answer["result"], answer["error"]) == ("login", "FAIL", "BADREQUEST")


def test_case_32_message_budget(app: Messenger, number: str) -> None:
    app.code_for(number, appid="budgeted")
    deadline = time.monotonic() + 5
    while (answer := app.login(phone=number, appid="budgeted"))["result"] == "OK":
        assert time.monotonic() < deadline
    assert answer["error"] == "RATELIMIT"
    assert answer["errmsg"]
    assert 0 < answer["retry_after"] <= 3600
    assert app.sms.count(number) == 2
    code = app.sms.code_for(number)
    assert app.login(phone=number, appid="budgeted", otp=code)["result"] == "OK"


def test_case_32_requests_of_one_address(
    start_gateway: StartGateway, mesibo: MesiboCloud, sms: SmsVendor, number: str
) -> None:
    limits = {"per_ip": ["3/hour"]}
    app = Messenger(start_gateway(configuration(mesibo, sms, limits=limits)), mesibo, sms)
    for _ in range(3):
        assert app.login(phone=number)["result"] == "OK"
    answer = app.login(phone=number)
    assert (answer["result"], answer["error"]) == ("FAIL", "RATELIMIT")
    assert answer["errmsg"]
    assert 0 < answer["retry_after"] <= 3600
    answer = app.login(phone=number, otp=sms.code_for(number))
    assert (answer["result"], answer["error"]) == ("FAIL", "RATELIMIT")
    assert "errmsg" not in answer


@pytest.mark.parametrize("field", ["phone", "appid", "provider"])
def test_case_38_markup_is_not_echoed(app: Messenger, number: str, field: str) -> None:
    request = {"op": "login", "appid": ANDROID, "phone": number, "dt": "1", field: TAG}
    reply = app.send(request)  # which holds Content-Type to JSON
    assert (reply.json["result"], b"<" in reply.body) == ("FAIL", False)
    assert reply.header("X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize("op", ["getcontacts", "profile", "upload", "setgroup"])
@pytest.mark.parametrize("token", ["garbage", "", None])
def test_case_44_ops_of_old_apps(app: Messenger, op: str, token: str | None) -> None:
    answer = app.send({"op": op, "token": token, "dt": "1"}, op_login=False).json
    assert (answer["op"], answer["result"], answer["error"]) == (op, "FAIL", "BADOP")
