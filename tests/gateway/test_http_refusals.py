"""Ops that are none, apps that are not admitted, and signing out."""

from __future__ import annotations

import statistics
import time
from typing import Any

import pytest

from tests.gateway.conftest import PASSWORD, Site, password_login, phone_login

USER_TOKEN = "0123456789abcdef" * 3


@pytest.mark.parametrize(
    "op",
    [
        pytest.param("foo", id="case-21"),
        pytest.param("getcontacts", id="case-44"),
        pytest.param("login_callbackapi", id="a53-callback"),
        pytest.param("__class__", id="a53-class"),
        pytest.param("__proto__", id="a53-proto"),
        pytest.param("constructor", id="a53-constructor"),
        pytest.param("LOGIN2", id="a53-almost"),
        pytest.param("login\n", id="a53-line-feed"),
        pytest.param("log in", id="a53-space"),
        pytest.param("\uff4c\uff4f\uff47\uff49\uff4e", id="a53-full-width"),
        pytest.param("<script>alert(1)</script>", id="a53-html"),
        pytest.param("x" * 8000, id="a53-long"),
    ],
)
def test_a53_unknown_op_is_refused_with_a_short_echo(site: Site, op: str) -> None:
    calls = len(site.mesibo.calls)
    fields = {"phone": phone_login()["phone"], "password": PASSWORD, "token": USER_TOKEN}
    is_login = op.strip() == "login"
    answer = site.post({**phone_login(), **fields, "op": op}, op_login=is_login).json
    if is_login:
        assert answer["op"] == "login"
        return
    assert (answer["result"], answer["error"]) == ("FAIL", "BADOP")
    assert answer["op"] == op.lower()[:32]
    assert site.sms.count(fields["phone"]) == 0
    assert len(site.mesibo.calls) == calls


def test_a53_op_of_10_kb_is_a_bad_request(site: Site) -> None:
    reply = site.post({**phone_login(), "op": "x" * 10_240})
    assert reply.json["error"] == "BADREQUEST"
    assert len(reply.body) < 200


@pytest.mark.parametrize("op", [" LOGIN ", "Login", "login"])
def test_case_22_case_and_spaces_of_an_op_do_not_matter(site: Site, op: str) -> None:
    assert "token" in site.post(password_login(op=op)).json


@pytest.mark.parametrize(
    ("appid", "error"),
    [
        (None, "MISSINGAPPID"),
        ("", "MISSINGAPPID"),
        (" ", "MISSINGAPPID"),
        ("com.example.other", "BADAPP"),
        ("COM.EXAMPLE.APP", "BADAPP"),
        ("*", "BADAPP"),
        ("__class__", "BADAPP"),
        ("com.example.app\0", "BADAPP"),
    ],
)
def test_case_19_case_20_a61_app_that_is_not_admitted_reaches_no_provider(
    site: Site, appid: str | None, error: str
) -> None:
    calls = len(site.mesibo.calls)
    login = phone_login(appid=appid)
    assert site.post(login).json["error"] == error
    second = site.post({**login, "otp": "123456"}, second_step=True).json
    assert second["error"] == error
    assert site.post(password_login(appid=appid)).json["error"] == error
    assert site.sms.count(login["phone"]) == 0
    assert len(site.mesibo.calls) == calls


def test_a61_unknown_app_takes_as_long_as_a_known_one(site: Site) -> None:
    def refused(appid: str) -> float:
        started = time.perf_counter()
        site.post(password_login(password="wrong", appid=appid))
        return time.perf_counter() - started

    times = [(refused("com.example.app"), refused("com.example.other")) for _ in range(60)]
    known, unknown = (statistics.median(column) for column in zip(*times, strict=True))
    assert abs(known - unknown) < 0.010


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"token": USER_TOKEN, "dt": "1"}, id="token"),
        pytest.param({"token": "garbage", "dt": "1"}, id="garbage"),
        pytest.param({"dt": "1"}, id="no-token"),
        pytest.param({"dt": "1", "appid": "com.example.unknown"}, id="unknown-app"),
        pytest.param({"dt": "1", "token": ["x"]}, id="token-of-wrong-type"),
        pytest.param({"dt": "1", "op": " LogOut "}, id="case"),
    ],
)
def test_case_26_c18_logout_is_always_ok(site: Site, fields: dict[str, Any]) -> None:
    answer = site.post({"op": "logout", **fields}, op_login=False).json
    assert answer.keys() == {"op", "ts", "result"}
    assert (answer["op"], answer["result"]) == ("logout", "OK")


def test_case_26_c18_logout_is_ok_when_everything_is_down(site: Site) -> None:
    site.mesibo.fail("hang")
    token = site.post({"op": "logout", "token": USER_TOKEN, "dt": "1"}, op_login=False)
    assert token.json["result"] == "OK"


def test_a61b_token_of_a_password_login_is_one_that_all_apps_take(site: Site) -> None:
    for _ in range(2):
        answer = site.post(password_login()).json
        assert answer["token"] in {minted.token for minted in site.mesibo.minted}
        assert answer["phone"] == answer["address"] == "staff:ann"
