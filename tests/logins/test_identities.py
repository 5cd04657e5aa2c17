"""Who gets a token: for which address, after what, and by what else not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import StartGateway
from tests.logins.configuration import (
    ALIKE,
    MIXED,
    PASSWORD,
    PHONE,
    STAFF,
    TOKEN_DAYS,
    WORDED,
    configuration,
)
from tests.logins.site import Site, fresh_client, wrong
from tests.servers.gateway import post
from tests.servers.mesibo import MesiboCloud
from tests.servers.sms import SmsVendor

UK = "447911123401"  # with the site's name as the last digit, so that no two tests share a number


@pytest.mark.parametrize("op", ["logout", "useradd", "usertoken", "token", "verify", "otp"])
def test_c1_no_other_op_gives_a_token(site: Site, number: str, op: str) -> None:
    code = site.code_for(number)
    request = {"op": op, "appid": PHONE, "phone": number, "otp": code, "dt": "1"}
    answer = post(site.gateways[0].url, request).json
    assert "token" not in answer
    assert site.useradds(number) == []
    assert site.login(phone=number, otp=code)["result"] == "OK"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"challenge": "0" * 32},
        {"token": "0" * 48, "id_token": "x", "access_token": "x"},
        {"password": PASSWORD},
        {"code": "000000"},
        {"otp": "", "code": "000000", "code_verifier": "x"},
        {"verified": True, "result": "OK", "step": 2},
    ],
    ids=str,
)
def test_c1_nothing_but_the_code_gives_a_token(
    site: Site, number: str, fields: dict[str, Any]
) -> None:
    code = site.code_for(number)
    if code == "000000":
        fields = {**fields, "code": "000001"}
    assert "token" not in site.login(phone=number, **fields)
    assert site.useradds(number) == []


def test_c2_c17_address_and_token_are_those_of_the_proven_number(site: Site, number: str) -> None:
    code = site.code_for(number, appid=ALIKE[0])
    parts = (number[0], number[1:4], number[4:7], number[7:])
    answer = site.login(
        phone="+{} ({}) {}-{}".format(*parts),
        otp=code,
        appid=ALIKE[0],
        address="18005550000",
        email="18005550000@example.com",
        username="18005550000",
        token={"appid": PHONE, "expiry": 0},
        expiry=0,
    )
    assert (answer["address"], answer["phone"]) == (number, number)
    assert site.useradds(number) == [
        {"address": number, "token": {"appid": ALIKE[0], "expiry": TOKEN_DAYS * 24 * 60}}
    ]
    assert answer["token"] == site.tokens(number)[-1]
    assert site.useradds("18005550000") == []


def test_c2_address_of_a_member_of_staff_is_in_a_name_space_of_its_own(site: Site) -> None:
    answer = site.login(appid=MIXED, phone="u1", password=PASSWORD, address="18005550000")
    assert answer["address"] == f"{STAFF}:u1"


@pytest.mark.parametrize("app", ["", "Phone", "phone\u0000", "*", "com.example.unknown"])
def test_c17_app_that_is_not_admitted_gets_nothing(site: Site, number: str, app: str) -> None:
    code = site.code_for(number)
    assert site.login(phone=number, otp=code, appid=app)["error"] in ("MISSINGAPPID", "BADAPP")
    assert site.useradds(number) == []
    assert site.login(phone=number, otp=code)["result"] == "OK"


def test_a13_p8_one_number_with_and_without_its_trunk_zero(site: Site) -> None:
    number = UK[:-1] + str(len(site.gateways))
    code = site.code_for(number, appid=WORDED)
    for spelling in ("+44 0 7911 12340{}", "+44 (0)7911 12340{}", "0044 07911-12340{}"):
        typed = spelling.format(number[-1])
        assert site.login(phone=typed, appid=WORDED)["result"] == "OK"
    assert site.sms.count(number) == 1
    spelling = f"+44 0 7911 12340{number[-1]}"
    assert site.login(phone=spelling, otp=wrong(code)[0], appid=WORDED)["error"] == "BADOTP"
    answer = site.login(phone=spelling, otp=code, appid=WORDED)
    assert (answer["address"], answer["phone"]) == (number, number)


def test_c3_a_user_name_is_never_somebodys_phone_number(
    start_gateway: StartGateway, mesibo: MesiboCloud, sms: SmsVendor, number: str
) -> None:
    config = configuration(mesibo, sms, "memory://")
    users = {number: PASSWORD, "ann": PASSWORD}
    config["providers"] = {
        PHONE: config["providers"][PHONE] | {"shared_address": False},
        "names": {
            "type": "insecure_example",
            "address": "{username}",
            "config": {"users": users},
        },
    }
    config["apps"] = {PHONE: {}}
    site = Site([start_gateway(config)], mesibo, sms)
    assert site.login(username="ann", password=PASSWORD)["address"] == "ann"
    client = fresh_client()
    answer = site.login(username=number, password=PASSWORD, client=client)
    assert answer["error"] == "UNAVAILABLE"
    assert PHONE in site.audit(client)[0]["detail"]
    assert site.useradds(number) == []
    assert site.sign_in(number)["address"] == number
