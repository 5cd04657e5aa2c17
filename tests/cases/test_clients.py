"""Whatever app sends it, and however: one login."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from tests.cases.configuration import ANDROID, DOCUMENTED, WEB, configuration
from tests.cases.messenger import Messenger, check
from tests.conftest import StartGateway
from tests.servers.gateway import ROOT, post
from tests.servers.mesibo import MesiboCloud
from tests.servers.sms import SmsVendor

JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ORIGIN = {"Origin": "https://web.example"}
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"}


def request(number: str, **fields: Any) -> dict[str, Any]:
    """Return a login without the marks of any app."""
    return {"op": "login", "appid": ANDROID, "phone": number, **fields}


def test_case_4_json_that_is_called_a_form(app: Messenger, number: str) -> None:
    reply = app.send(request(number, dt="2"), FORM)
    assert reply.json["result"] == "OK"
    assert app.sms.count(number) == 1


def test_case_5_web_app(app: Messenger, number: str) -> None:
    reply = app.send(request(number, appid=WEB), TEXT | ORIGIN)
    assert reply.json["result"] == "OK"
    assert reply.header("Access-Control-Allow-Origin") == "*"
    assert app.sms.count(number) == 1


def test_case_6_no_content_type(app: Messenger, number: str) -> None:
    body = f'{{"op":"login","appid":"{ANDROID}","phone":"{number}","dt":"1"}}'
    assert app.send(body).json["result"] == "OK"
    assert app.sms.count(number) == 1


def test_cases_8_and_9_documented_curl_on_the_default_configuration(
    start_gateway: StartGateway,
) -> None:
    default = yaml.safe_load((ROOT / "gateway.yaml").read_text())
    gateway = start_gateway({k: v for k, v in default.items() if k not in ("listen", "admin")})
    curl = JSON | {"User-Agent": "curl/8.10.1", "Accept": "*/*"}
    body = '{op: "login", phone: "18005551234", appid: "com.messenger.appid"}'
    reply = post(gateway.url, body, curl)
    check(reply, boolean=True)
    assert (reply.json["op"], reply.json["result"]) == ("login", True)

    code = gateway.code_for("18005551234")
    reply = post(gateway.url, f'{body[:-1]}, otp: "{code}"}}', curl)
    check(reply, boolean=True, second_step=True)
    assert reply.json["result"] is True
    assert len(reply.json["token"]) > 16


def test_cases_8_and_9_relaxed_json_is_answered_with_booleans(app: Messenger, number: str) -> None:
    # An app's marks make no difference: an app would not send relaxed JSON.
    body = f'{{op: "login", phone: "{number}", appid: "{DOCUMENTED}", dt: "1"}}'
    assert app.send(body, JSON | ORIGIN, boolean=True).json["result"] is True
    wrong = app.send(f'{body[:-1]}, otp: "1"}}', JSON, boolean=True, second_step=True).json
    assert (wrong["result"], wrong["error"]) == (False, "BADOTP")
    right = f'{body[:-1]}, otp: "{app.sms.code_for(number)}"}}'
    reply = app.send(right, JSON, boolean=True, second_step=True)
    assert reply.json["result"] is True
    assert [reply.json["token"]] == app.tokens(number)


@pytest.mark.parametrize(
    ("appid", "boolean"), [(ANDROID, True), ("string", False), ("boolean", True)]
)
def test_case_10_result_of_an_unmarked_request(
    app: Messenger, number: str, appid: str, boolean: bool
) -> None:
    login = request(number, appid=appid)
    assert app.send(login, boolean=boolean).json["result"] in ("OK", True)
    refused = app.send(login | {"phone": "1"}, boolean=boolean).json
    assert refused["result"] in ("FAIL", False)
    wrong = app.send(login | {"otp": "1"}, boolean=boolean, second_step=True).json
    assert wrong["result"] in ("FAIL", False)


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"dt": "1"}, {}),
        ({"dt": 5}, {}),
        ({"device": "0B0AD6D0-3C19-4B4E-9D4F-7F1A9C1D2E3F"}, {}),
        ({}, ORIGIN),
        ({}, {"Origin": "null"}),
        ({}, BROWSER),
    ],
    ids=["dt", "dt_number", "device", "origin", "origin_null", "browser"],
)
def test_case_11_each_mark_of_an_app_makes_result_a_string(
    app: Messenger, number: str, fields: dict[str, Any], headers: dict[str, str]
) -> None:
    assert app.send(request(number, **fields), headers).json["result"] == "OK"
    assert app.sms.count(number) == 1


def test_case_12_forms_of_the_first_apps(app: Messenger, number: str) -> None:
    form = urlencode({"op": "login", "phone": number, "appid": ANDROID, "dt": 1})
    assert app.send(form, FORM, "/api.php").json["result"] == "OK"
    form += f"&code={app.sms.code_for(number)}"
    answer = app.send(form, FORM, "/api.php", second_step=True).json
    assert (answer["result"], [answer["token"]]) == ("OK", app.tokens(number))


def test_case_13_query_string(
    start_gateway: StartGateway, mesibo: MesiboCloud, sms: SmsVendor, number: str
) -> None:
    app = Messenger(start_gateway(configuration(mesibo, sms, allow_get=True)), mesibo, sms)
    path = f"/conf/api.php?op=login&phone={number}&name=n&appid={ANDROID}"
    reply = app.send(b"", path=path, method="GET")
    assert reply.json["result"] == "OK"
    assert "no-store" in (reply.header("Cache-Control") or "")
    path += f"&code={sms.code_for(number)}"
    answer = app.send(b"", path=path, method="GET", second_step=True).json
    assert (answer["result"], [answer["token"]]) == ("OK", app.tokens(number))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_case_13_query_string_is_refused_by_default(
    app: Messenger, number: str, method: str
) -> None:
    path = f"/conf/api.php?op=login&phone={number}&name=n&appid={ANDROID}"
    answer = app.send(b"", path=path, method=method).json
    assert (answer["result"], answer["error"]) == ("FAIL", "BADREQUEST")
    assert app.sms.count(number) == 0


@pytest.mark.parametrize(
    ("first", "second", "headers"),
    [
        ({"otp": "", "dt": "2"}, {"dt": "2"}, {}),
        ({"dt": 5}, {"dt": 5}, ORIGIN),
    ],
    ids=["ios", "web"],
)
def test_case_37_conferencing_apps(
    app: Messenger,
    number: str,
    first: dict[str, Any],
    second: dict[str, Any],
    headers: dict[str, str],
) -> None:
    login = request(f"+{number}", name="Ann Example")
    assert app.send(login | first, headers).json["result"] == "OK"
    login |= second | {"otp": app.sms.code_for(number)}
    answer = app.send(login, headers, second_step=True).json
    assert (answer["result"], answer["phone"]) == ("OK", number)
    (user,) = app.useradds(number)
    assert user["name"] == "Ann Example"


@pytest.mark.parametrize(
    "path",
    ["/index.php", "/api.php", "/messenger/api.php", "/conf/api.php", "//", "/a/b?c=d", "/%ff"],
)
def test_case_40_any_path(app: Messenger, number: str, path: str) -> None:
    assert app.send(request(number, dt="1"), path=path).json["result"] == "OK"
    login = request(number, dt="1", otp=app.sms.code_for(number))
    answer = app.send(login, path=path, second_step=True).json
    assert [answer["token"]] == app.tokens(number)


def test_case_40_two_paths_are_one_conversation(app: Messenger, number: str) -> None:
    code = app.code_for(number)
    login = request(number, dt="1", otp=code)
    assert app.send(login, path="/index.php", second_step=True).json["result"] == "OK"
