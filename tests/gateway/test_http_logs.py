"""What is written down of requests: one line each, whatever they hold (A55, C14)."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.gateway.conftest import Site, StartSite, login_request, password_login, phone_login
from tests.gateway.waiting import audit_lines, until

FORGED = '{"event":"login","action":"authn_login_success","request_id":"forged"}'
POISONS = {
    "line-feed": f"x\n{FORGED}",
    "carriage-return": f"x\r{FORGED}",
    "escape": '"}' + f",{FORGED}",
    "ansi": "x\x1b[2K\x1b[1A\x1b[32mforged",
    "separators": f"x\u2028{FORGED}\u2029\u0085{FORGED}",
    "direction": "x\u202egol\u2066",
    "zero-width": "x\u200b\ufeff\U000e0041",
    "quotes": "x' action='authn_login_success' y='",
    "long": "x" * 8000,
}
# Characters that make a second line, or do something to a terminal or to its reader.
UNFIT = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b\ufeff]"
)
FIELDS = [
    *("op", "appid", "phone", "email", "username", "user", "otp", "code", "password", "provider"),
    *("id_token", "nonce", "access_token", "code_verifier", "redirect_uri", "challenge"),
    *("return_url", "code_challenge", "name", "lang", "device", "dt"),
]


@pytest.fixture(scope="module", params=["console", "json"])
def logging_site(start_site: StartSite, request: pytest.FixtureRequest) -> Site:
    return start_site(logging={"format": request.param, "level": "debug"}, apps={"*": {}})


def lines_after(site: Site, before: int, count: int) -> list[str]:
    """Wait for ``count`` lines more; return all that are new."""
    until(lambda: site.gateway.stderr.count("\n") >= before + count)
    return site.gateway.stderr.split("\n")[before:-1]


@pytest.mark.parametrize("poison", [pytest.param(p, id=name) for name, p in POISONS.items()])
def test_a55_each_login_leaves_one_fit_line(logging_site: Site, poison: str) -> None:
    before = logging_site.gateway.stderr.count("\n")
    for field in FIELDS:
        body = phone_login(**{field: poison})
        login = field != "op"
        second = field in ("otp", "code")
        logging_site.post(body, second_step=second, op_login=login)
    lines = lines_after(logging_site, before, len(FIELDS) - 1)
    assert len(lines) == len(FIELDS) - 1  # an unknown op is no login
    for line in lines:
        assert not UNFIT.search(line), line
        assert len(line) < 1000
        assert line.startswith("{") or re.match(r"\S+Z \[(info|warning) *\] login  ", line)
        if line.startswith("{"):
            event = json.loads(line)
            assert (event["event"], event["client"]) == ("login", "127.0.0.1")
            assert event["request_id"] != "forged"


@pytest.mark.parametrize("where", ["path", "query", "header", "method", "user-agent"])
def test_a55_no_part_of_the_head_gets_into_the_log(logging_site: Site, where: str) -> None:
    poison = "Zpoison%0d%0a%1b[2K"
    data = {
        "path": login_request(line=f"POST /{poison} HTTP/1.1"),
        "query": login_request(line=f"POST /?{poison} HTTP/1.1"),
        "header": login_request(f"X-Request-Id: {poison}", f"X-Forwarded-For: {poison}"),
        "method": login_request(line="ZPOISON / HTTP/1.1"),
        "user-agent": login_request(f"User-Agent: {poison}", f"Origin: {poison}"),
    }[where]
    before = logging_site.gateway.stderr.count("\n")
    logging_site.raw(data, status=400 if where == "method" else 200)
    logging_site.post(password_login())
    lines = lines_after(logging_site, before, 1)
    assert not any("poison" in line.lower() for line in lines)


@pytest.fixture(scope="module")
def json_site(start_site: StartSite) -> Site:
    return start_site(logging={"format": "json"})


def audited(site: Site, bodies: list[Any]) -> list[dict[str, Any]]:
    """Post one after the other and return what was written down of each."""
    before = len(audit_lines(site.gateway, 0))
    for body in bodies:
        site.post(body)
    return audit_lines(site.gateway, before + len(bodies))[before:]


def test_every_login_has_a_request_id_of_its_own(json_site: Site) -> None:
    bodies: list[Any] = [phone_login(), phone_login(phone="1"), password_login(), b"nonsense"]
    lines = audited(json_site, bodies * 2)
    assert len(lines) == len(bodies) * 2
    ids = [line["request_id"] for line in lines]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[0-9a-f]{16}", text) for text in ids)
    wanted = {"time", "request_id", "client", "outcome", "action", "level"}
    assert all(wanted <= line.keys() for line in lines)
    times = [datetime.fromisoformat(line["time"]) for line in lines]
    assert times == sorted(times)
    assert all(time.utcoffset() == timedelta(0) for time in times)
    outcomes = ["challenge", "rejected", "success", "bad_request"]
    assert [line["outcome"] for line in lines] == outcomes * 2


def test_refusal_is_put_down_to_the_provider_that_refused(json_site: Site) -> None:
    bodies = [phone_login(phone="ann"), {**phone_login(), "phone": None}, password_login("bob")]
    lines = audited(json_site, bodies)
    assert [line.get("provider") for line in lines] == ["phone", "", "staff"]
