"""What may be in a request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cases.configuration import ANDROID, PASSWORD
from tests.cases.messenger import Messenger


@pytest.mark.parametrize(
    "spelling",
    [
        "+{0} {1} {2} {3}",
        "{0} {1} {2} {3}",  # the web app takes the plus away and leaves the spaces
        "{0}-{1}-{2}-{3}",
        "+{0} ({1}) {2}-{3}",
        "00{0} {1} {2} {3}",
        "00{0}{1}{2}{3}",
        " {0}{1}{2}{3}\t",
        "\u00b1{0}{1}{2}{3}",
        "number",
    ],
)
def test_case_14_spellings_of_one_number(app: Messenger, number: str, spelling: str) -> None:
    parts = number[0], number[1:4], number[4:7], number[7:]
    typed = int(number) if spelling == "number" else spelling.format(*parts)
    assert app.login(phone=typed)["result"] == "OK"
    assert app.login(phone=number)["result"] == "OK"
    assert app.sms.count(number) == 1
    answer = app.login(phone=number, otp=app.sms.code_for(number))
    assert (answer["result"], answer["phone"]) == ("OK", number)
    assert len(app.useradds(number)) == 1


def test_case_14_code_with_another_spelling(app: Messenger, number: str) -> None:
    code = app.code_for(number)
    typed = f"+{number[0]} {number[1:4]} {number[4:7]} {number[7:]}"
    answer = app.login(phone=typed, otp=code)
    assert (answer["result"], answer["phone"]) == ("OK", number)
    assert len(app.useradds(number)) == 1


@pytest.mark.parametrize("op", [" LOGIN ", "Login", "login\n"])
def test_case_22_spellings_of_an_op(app: Messenger, number: str, op: str) -> None:
    answer = app.login(op=op, phone=number)
    assert (answer["op"], answer["result"]) == ("login", "OK")
    assert app.sms.count(number) == 1


def escaped_as_android_does(request: dict[str, Any]) -> str:
    return json.dumps(request).replace("/", "\\/")


def unescaped(request: dict[str, Any]) -> str:
    return json.dumps(request, ensure_ascii=False)


@pytest.mark.parametrize("dump", [json.dumps, escaped_as_android_does, unescaped])
def test_case_25_password_reaches_the_provider_unchanged(app: Messenger, dump: Any) -> None:
    request = {"op": "login", "appid": "staff", "username": "ann", "dt": "1"}
    answer = app.send(dump(request | {"password": PASSWORD})).json
    assert (answer["result"], answer["address"]) == ("OK", "staff:ann")
    for password in (PASSWORD + " ", PASSWORD.replace("\\", ""), PASSWORD.replace('"', "")):
        assert app.send(dump(request | {"password": password})).json["error"] == "BADLOGIN"


@pytest.mark.parametrize("dump", [json.dumps, escaped_as_android_does, unescaped])
@pytest.mark.parametrize(
    "name",
    [
        '"Ann" \\ é/è 😀',
        "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",  # Alireza, in Persian
        "👩\u200d🚒 Ann",
    ],
    ids=["latin", "persian", "joined_emoji"],
)
def test_case_25_name_reaches_mesibo_unchanged(
    app: Messenger, number: str, dump: Any, name: str
) -> None:
    request = {"op": "login", "appid": ANDROID, "phone": number, "name": name, "dt": "1"}
    assert app.send(dump(request)).json["result"] == "OK"
    request["otp"] = app.sms.code_for(number)
    answer = app.send(dump(request), second_step=True).json
    assert (answer["result"], answer["name"]) == ("OK", name)
    (user,) = app.useradds(number)
    assert user["name"] == name


def test_case_26_logout_is_always_ok(app: Messenger, number: str) -> None:
    token = app.login(phone=number, otp=app.code_for(number))["token"]
    for fields in ({"token": token}, {"token": "garbage"}, {"token": ""}, {"token": None}, {}):
        request = {"op": "logout", "dt": "1", **fields}
        answer = app.send(request, op_login=False).json
        assert (answer["op"], answer["result"]) == ("logout", "OK")
        assert "error" not in answer
