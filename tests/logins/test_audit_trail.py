"""The audit line of each login: which words, about whom, and what it never holds."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.logins.configuration import (
    LONG,
    OTHER_BUDGET,
    PASSWORD,
    PER_IP,
    PHONE,
    REQUESTS,
    STAFF,
)
from tests.logins.site import Site, fresh_client, wrong

KEYS = {
    *("event", "level", "time", "action", "request_id"),
    *("app", "provider", "identity", "client", "outcome", "ms"),
}


def masked(number: str) -> str:
    return f"{number[:2]}{'*' * 7}{number[-2:]}"


def test_c15_a_login_from_its_start_to_its_token(site: Site, number: str) -> None:
    client = fresh_client()
    code = site.code_for(number, client=client)
    site.login(phone=number, otp=wrong(code)[0], client=client)
    site.mesibo.fail("false")
    site.login(phone=number, otp=code, client=client)
    site.mesibo.ok()
    site.login(phone=number, otp=code, client=client)
    lines = sorted(site.audit(client, 4), key=lambda line: line["time"])
    assert [(line["action"], line["outcome"]) for line in lines] == [
        ("authn_login_challenge", "challenge"),
        ("authn_login_fail", "rejected"),
        ("sys_upstream_unavailable", "unavailable"),
        ("authn_login_success", "success"),
    ]
    for line in lines:
        assert line.keys() >= KEYS
        assert (line["app"], line["provider"], line["client"]) == (PHONE, PHONE, client)
        assert line["identity"] == masked(number)
        at = datetime.datetime.fromisoformat(line["time"])
        assert at.utcoffset() == datetime.timedelta(0)
    assert len({line["request_id"] for line in lines}) == 4
    assert lines[0]["sender"] == "vendor"
    assert re.fullmatch(r"m[0-9]+", lines[0]["message"])  # as the vendor says
    assert [line for line in lines[1:] if line.keys() & {"sender", "message"}] == []


@pytest.mark.parametrize(
    ("fields", "action", "outcome"),
    [
        ({"phone": "123"}, "input_validation_fail", "rejected"),
        ({"phone": "+870123456789"}, "input_validation_fail", "rejected"),
        ({"appid": STAFF, "username": "u1"}, "input_validation_fail", "bad_request"),
        ({"appid": "unknown", "phone": "18005551234"}, "input_validation_fail", "bad_request"),
        ({"provider": "unknown", "phone": "18005551234"}, "input_validation_fail", "bad_request"),
        ({"phone": ["18005551234"]}, "input_validation_fail", "bad_request"),
        (
            {"appid": STAFF, "username": "nobody", "password": "x"},
            "authn_login_fail",
            "rejected",
        ),
        (
            {"appid": STAFF, "username": "u1", "password": PASSWORD},
            "authn_login_success",
            "success",
        ),
    ],
)
def test_c15_words_of_the_logging_vocabulary(
    site: Site, fields: dict[str, Any], action: str, outcome: str
) -> None:
    client = fresh_client()
    site.login(**fields, client=client)
    (line,) = site.audit(client)
    assert (line["action"], line["outcome"]) == (action, outcome)


def test_c15_limits(site: Site, number: str) -> None:
    client = fresh_client()
    for _ in range(REQUESTS + 1):
        site.login(phone=number, appid=PER_IP, client=client)
    lines = site.audit(client, REQUESTS + 1)
    (limited,) = [line for line in lines if line["action"] == "excess_rate_limit_exceeded"]
    assert limited["detail"] == f"limit requests {REQUESTS}/5m"


def test_c15_a_limit_on_messages(site: Site, numbers: Callable[[int], list[str]]) -> None:
    client = fresh_client()
    for number in numbers(OTHER_BUDGET + 1):
        site.login(phone=number, appid=PER_IP, client=client)
    lines = site.audit(client, OTHER_BUDGET + 1)
    (limited,) = [line for line in lines if line["outcome"] == "limited"]
    assert limited["detail"] == f"limit ip {OTHER_BUDGET}/hour"


HOSTILE = 'x\r\n{"event": "login", "action": "authn_login_success"}\x1b[2J\u2028\u202e\x00\x85'


@pytest.mark.parametrize("field", ["appid", "phone", "username", "name", "lang", "provider", "otp"])
def test_c14_hostile_values_stay_in_one_line(site: Site, number: str, field: str) -> None:
    client = fresh_client()
    fields: dict[str, Any] = {"phone": number, "appid": PHONE, field: HOSTILE + "x" * 1000}
    if field == "username":
        fields |= {"appid": STAFF, "password": "x"}
    site.login(**fields, client=client)
    (line,) = site.audit(client)  # which reads every line as JSON
    assert line["outcome"] != "success"
    written = json.dumps(line, ensure_ascii=False)
    assert re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u202e]", written) is None
    assert all(len(value) <= 200 for value in line.values() if isinstance(value, str))


def test_p11_c13_no_secret_is_logged(site: Site, number: str) -> None:
    """Not when the vendor's error repeats the message, nor in a metric."""
    site.sms.fail("http500", times=1)
    assert site.login(phone=number, appid=LONG)["error"] == "UNAVAILABLE"
    lost = json.loads(site.sms.calls[-1].body)["text"].split()[0]
    client = fresh_client()
    code = site.code_for(number, appid=LONG)
    guess = wrong(code)[0]
    site.login(phone=number, otp=guess, appid=LONG)
    token = site.login(phone=number, otp=code, appid=LONG, client=client)["token"]
    site.audit(client)
    said = "".join(gateway.stdout + gateway.stderr for gateway in site.gateways)
    said += "".join(site.metrics())
    secrets = (lost, code, guess, token, number, PASSWORD, site.mesibo.app_token)
    assert [secret for secret in secrets if secret in said] == []
