"""After everything: no secret where it must not be. By its name this module comes last."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from tests.cases.configuration import ANDROID, PASSWORD, PLAIN_PASSWORD, configuration
from tests.cases.messenger import Messenger, another
from tests.conftest import StartGateway
from tests.servers.configs import Config, http_sender, phone_provider
from tests.servers.gateway import GatewayProcess, post
from tests.servers.http_fake import Call
from tests.servers.mesibo import MesiboCloud
from tests.servers.sms import SmsVendor

BEARER = "credential-of-the-sms-vendor"
WRONG_PASSWORD = "wrong-horse-battery"
STRAY = "5550001117"  # a code in requests that cannot be read
TOKENS = ("stray-id-token", "stray-access-token", "stray-user-token", "stray-verifier")


def config(mesibo: MesiboCloud, sms: SmsVendor, style: str) -> Config:
    """Return a talkative configuration; codes are so long that none is in a log by chance."""
    everything = configuration(
        mesibo,
        sms,
        logging={"level": "debug", "format": style},
        issuer={"type": "mesibo", "url": mesibo.url, "app_token": {"env": "MESIBO_APP_TOKEN"}},
        allow_get=True,
    )
    senders = [http_sender(sms, bearer=BEARER)]
    phone = phone_provider(sms, senders=senders, code={"length": 10}) | {"shared_address": True}
    everything["providers"]["phone"] = phone
    return everything


@pytest.mark.parametrize("style", ["console", "json"])
def test_case_41_secrets_are_not_logged(
    start_gateway: StartGateway, mesibo: MesiboCloud, sms: SmsVendor, number: str, style: str
) -> None:
    env = {"MESIBO_APP_TOKEN": mesibo.app_token}
    gateway = start_gateway(config(mesibo, sms, style), env=env)
    app = Messenger(gateway, mesibo, sms)
    calls = len(sms.calls)

    code = phone_login(app, number)
    staff_login(app)
    unreadable_requests(app, number)
    metrics = post(gateway.admin_url, method="GET", path="/metrics").body.decode()
    gateway.stop()

    said = gateway.stdout + gateway.stderr + metrics
    assert said.count("login") > 10
    assert secrets_in(said, [code, another(code), STRAY, *TOKENS, BEARER, number]) == []
    assert secrets_in(said, [PLAIN_PASSWORD, WRONG_PASSWORD, mesibo.app_token]) == []
    assert secrets_in(said, app.tokens(number) + app.tokens("staff:bob")) == []
    assert {call.header("Authorization") for call in sms.calls[calls:]} == {f"Bearer {BEARER}"}


def phone_login(app: Messenger, number: str) -> str:
    app.sms.fail("http500", times=1)  # an answer that repeats the code
    assert app.login(phone=number)["error"] == "UNAVAILABLE"
    code = app.code_for(number)
    assert app.login(phone=number, otp=another(code))["error"] == "BADOTP"
    assert app.login(phone=number, otp=code, appid="unknown")["error"] == "BADAPP"
    for failure in ("false_token", "json500", "no_user", "redirect", "truncated_json"):
        app.mesibo.fail(failure)
        assert app.login(phone=number, otp=code)["error"] == "UNAVAILABLE"
    app.mesibo.ok()
    token = app.login(phone=number, otp=code)["token"]
    app.send({"op": "logout", "token": token, "dt": "1"}, op_login=False)
    return code


def staff_login(app: Messenger) -> None:
    bob: dict[str, Any] = {"appid": "staff", "username": "bob"}
    assert app.login(**bob, password=WRONG_PASSWORD)["error"] == "BADLOGIN"
    assert app.login(**bob, password=PLAIN_PASSWORD)["result"] == "OK"
    for step in ("identify", "begin", "deliver"):
        raising = {"appid": "raising", "username": step, "password": PLAIN_PASSWORD}
        assert app.login(**raising)["error"] == "UNAVAILABLE"


def unreadable_requests(app: Messenger, number: str) -> None:
    stray = {"otp": STRAY, "password": PLAIN_PASSWORD, "token": TOKENS[2]}
    oauth = {"id_token": TOKENS[0], "access_token": TOKENS[1], "code_verifier": TOKENS[3]}
    request = {"op": "login", "appid": ANDROID, "dt": "1", "phone": number, **stray, **oauth}
    body = json.dumps(request)
    app.send(body, second_step=True)
    app.send(body[:-1])
    app.send(body[:-1] + f', "otp": {STRAY}}}')
    app.send(body[:-1] + f', otp: "{STRAY}"')
    app.send(body.encode() + b"\xff")
    app.send(f"op=login&otp={STRAY}&otp={STRAY}")
    app.send(body + " " * 20_000, status=413)
    app.send(b"", path=f"/?op=login&otp={STRAY}&phone={number}&appid=x", method="GET")
    app.send(b"", path=f"/{STRAY}?password={PLAIN_PASSWORD}", method="PUT")
    app.send(b"", {"Authorization": f"Bearer {TOKENS[2]}", "Cookie": f"otp={STRAY}"})
    post(app.gateway.url, b"", {"Content-Length": STRAY + "x"})  # a head that HTTP forbids


def test_case_41_logs_of_all_cases(
    gateway: GatewayProcess, mesibo: MesiboCloud, app: Messenger, number: str
) -> None:
    assert app.login(phone=number, otp=app.code_for(number))["result"] == "OK"
    said = gateway.stdout + gateway.stderr
    in_repr, in_json = repr(PASSWORD)[1:-1], json.dumps(PASSWORD)[1:-1]
    assert secrets_in(said, [PASSWORD, in_repr, in_json, mesibo.app_token]) == []
    assert secrets_in(said, [minted.token for minted in mesibo.minted]) == []


def test_case_41_app_token_is_in_bodies_only(
    mesibo: MesiboCloud, sms: SmsVendor, app: Messenger, number: str
) -> None:
    assert app.login(phone=number, otp=app.code_for(number))["result"] == "OK"
    token = mesibo.app_token
    assert all(call.method == "POST" and call.json["token"] == token for call in mesibo.calls)
    assert [call for call in mesibo.calls if token in head(call)] == []
    assert [call for call in sms.calls if token in head(call) + call.body.decode()] == []


def head(call: Call) -> str:
    return f"{call.path}?{call.query} {call.headers}"


def secrets_in(text: str, secrets: Iterable[str]) -> list[str]:
    return [secret for secret in secrets if secret in text]
