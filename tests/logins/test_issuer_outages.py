"""Nothing is lost when mesibo fails: the code stays good, no try is taken, no message is sent.

Failures that take time are in ``test_hanging_upstreams``.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.logins.configuration import ATTEMPTS
from tests.logins.site import Site, words
from tests.servers import http_faults
from tests.servers.mesibo import MesiboCloud

SLOW = {"hang", "drip"}
STATUSES = ("http400", "http401", "http404", "http429", "http500", "http503", "json401", "json500")
FAULTS = sorted({*MesiboCloud.failures, *http_faults._FAULTS, *STATUSES} - SLOW)
MORE_THAN_ATTEMPTS = ATTEMPTS + 2


@pytest.mark.parametrize("fault", FAULTS)
def test_case_27_a147_c22_mesibo_fails(site: Site, number: str, fault: str) -> None:
    code = site.code_for(number)
    site.mesibo.fail(fault)
    answers = [site.login(phone=number, otp=code) for _ in range(MORE_THAN_ATTEMPTS)]
    assert words(answers) == ["UNAVAILABLE"] * MORE_THAN_ATTEMPTS
    assert all({"token", "errmsg"}.isdisjoint(answer) for answer in answers)
    assert site.mesibo.redirected == 0

    site.mesibo.ok()
    answer = site.login(phone=number, otp=code)
    assert answer["token"] == site.tokens(number)[-1]
    assert site.sms.count(number) == 1


def test_case_27_a147_c22_mesibo_refuses_connections(site: Site, number: str) -> None:
    code = site.code_for(number)
    site.mesibo.stop()
    try:
        answers = [site.login(phone=number, otp=code) for _ in range(MORE_THAN_ATTEMPTS)]
    finally:
        site.mesibo.start()
    assert words(answers) == ["UNAVAILABLE"] * MORE_THAN_ATTEMPTS
    assert site.login(phone=number, otp=code)["result"] == "OK"
    assert site.sms.count(number) == 1


def test_case_27_c22_asking_for_a_code_again_during_an_outage(site: Site, number: str) -> None:
    """What the apps do: they go back to the first step. The code that was sent stays the one."""
    code = site.code_for(number)
    site.mesibo.fail("false")
    for _ in range(3):
        assert site.login(phone=number, otp=code)["error"] == "UNAVAILABLE"
        assert site.login(phone=number)["result"] == "OK"
    site.mesibo.ok()
    assert site.login(phone=number, otp=code)["result"] == "OK"
    assert site.sms.count(number) == 1


def test_c22_parallel_right_codes_in_an_outage(site: Site, number: str) -> None:
    code = site.code_for(number)
    site.mesibo.fail("false")
    answers = site.at_once([{"phone": number, "otp": code}] * 30)
    assert set(words(answers)) == {"UNAVAILABLE"}
    site.mesibo.ok()
    assert site.login(phone=number, otp=code)["result"] == "OK"


def test_c22_a_password_in_an_outage_is_not_counted(site: Site) -> None:
    staff: dict[str, Any] = {
        "appid": "staff",
        "username": "u98",
        "password": "correct horse battery",
    }
    site.mesibo.fail("html")
    assert words(site.login(**staff) for _ in range(20)) == ["UNAVAILABLE"] * 20
    site.mesibo.ok()
    assert site.login(**staff)["result"] == "OK"
