"""The first of two senders is dead: silently, behind a wrong certificate, or both are.

What a vendor's answers lead to is in test_delivery_vendors.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.logins.delivery import (
    ACCEPTED,
    PER_PHONE,
    UNAVAILABLE,
    by_phone,
    delivering,
    messages,
)
from tests.logins.site import Site, fresh_client, until, words
from tests.servers.configs import http_sender
from tests.servers.fault_proxy import FaultProxy, Faults
from tests.servers.sms import SmsVendor
from tests.servers.tls import Authority, Kind

BREAKER = 5  # failures in a row
DEADLINE = 8.0
AT_ONCE = 1.0
SILENT = Faults(black_hole=True)
ONCE = {limit: ["1/hour"] for limit in PER_PHONE}


class Beds(NamedTuple):
    """A site with an app for each test, since what happened to a sender is remembered."""

    site: Site
    first: SmsVendor  # by https
    proxy: FaultProxy  # in front of it


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def shared_beds(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beds]:
    def secure(port: int) -> dict[str, Any]:
        return http_sender(second, name="first", url=f"https://127.0.0.1:{port}/messages")

    with (
        SmsVendor(tls=authority.server()) as first,
        SmsVendor(tls=authority.server("expired")) as expired,
        SmsVendor(tls=authority.server("other_name")) as misnamed,
        SmsVendor() as second,
        FaultProxy(first.port) as proxy,
    ):
        spare = http_sender(second, name="second")
        providers = {
            **{name: by_phone(secure(proxy.port), spare) for name in ("sound", "silent", "open")},
            "expired": by_phone(secure(expired.port), spare),
            "other_name": by_phone(secure(misnamed.port), spare),
        }
        folder = tmp_path_factory.mktemp("failover")
        trusted = {"SSL_CERT_FILE": str(authority.ca_file)}
        with delivering(folder, second, providers, env=trusted) as site:
            yield Beds(site, first, proxy)


@pytest.fixture
def beds(shared_beds: Beds) -> Iterator[Beds]:
    yield shared_beds
    shared_beds.proxy.heal()


def test_sound_vendor_behind_a_certificate_gets_the_message(beds: Beds, number: str) -> None:
    assert beds.site.login(appid="sound", phone=number)["result"] == "OK"
    assert (beds.first.count(number), beds.site.sms.count(number)) == (1, 0)


def test_a27_vendor_that_is_silently_gone_leaves_time_for_the_next(beds: Beds, number: str) -> None:
    beds.proxy.set(SILENT)
    before, started = messages(beds.site), time.monotonic()
    assert beds.site.login(appid="silent", phone=number)["result"] == "OK"
    assert 2.5 < time.monotonic() - started < DEADLINE
    assert messages(beds.site) - before == {("first", UNAVAILABLE): 1, ("second", ACCEPTED): 1}
    beds.proxy.heal()  # what was held back arrives now: it was no message
    code = beds.site.sms.code_for(number)
    assert beds.site.login(appid="silent", phone=number, otp=code)["result"] == "OK"
    assert (beds.first.count(number), beds.site.sms.count(number)) == (0, 1)


@pytest.mark.parametrize("certificate", ["expired", "other_name"])
def test_c16_vendor_with_a_wrong_certificate_gets_nothing(
    beds: Beds, number: str, certificate: Kind
) -> None:
    started = time.monotonic()
    assert beds.site.login(appid=certificate, phone=number)["result"] == "OK"
    assert time.monotonic() - started < AT_ONCE
    assert (beds.first.count(number), beds.site.sms.count(number)) == (0, 1)


def test_vendor_that_is_left_alone_costs_no_time(
    beds: Beds, numbers: Callable[[int], list[str]]
) -> None:
    beds.proxy.set(SILENT)
    people = numbers(BREAKER)
    answers = beds.site.at_once([{"appid": "open", "phone": number} for number in people])
    assert words(answers) == ["OK"] * BREAKER
    asked, started = beds.proxy.accepted, time.monotonic()
    (late,) = numbers(1)
    assert beds.site.login(appid="open", phone=late)["result"] == "OK"
    assert time.monotonic() - started < AT_ONCE
    assert beds.proxy.accepted == asked
    assert [beds.site.sms.count(number) for number in [*people, late]] == [1] * (BREAKER + 1)

    beds.proxy.heal()

    def first_again() -> bool:
        (number,) = numbers(1)
        beds.site.login(appid="open", phone=number)
        return beds.first.count(number) == 1

    until(first_again, within=10)


# Nobody is there


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Site, SmsVendor, SmsVendor]]:
    """A site whose two senders may send one message an hour, and nothing more."""
    with SmsVendor() as first, SmsVendor() as second:
        senders = (http_sender(first, name="first"), http_sender(second, name="second"))
        with delivering(tmp_path, second, {"phone": by_phone(*senders, limits=ONCE)}) as site:
            yield site, first, second


Pair = tuple[Site, SmsVendor, SmsVendor]


@pytest.mark.parametrize("back", ["first", "second"])
def test_both_dead_is_unavailable_and_costs_nothing(pair: Pair, number: str, back: str) -> None:
    site, first, second = pair
    client = fresh_client()
    first.stop()
    second.fail("http401")
    for _ in range(BREAKER - 1):  # one more, and the first would be left alone for a moment
        started = time.monotonic()
        answer = site.login(phone=number, client=client)
        assert time.monotonic() - started < AT_ONCE
        assert (answer["error"], answer["errtitle"]) == ("UNAVAILABLE", "Not available")
    assert site.login(phone=number, otp="123456")["error"] == "BADOTP"
    assert (first.count(number), second.count(number)) == (0, 0)

    if back == "first":
        first.start()
    else:
        second.ok()
    assert site.login(phone=number, client=client)["result"] == "OK"
    by = {"first": first, "second": second}[back]
    assert site.login(phone=number, otp=by.code_for(number))["result"] == "OK"
    assert first.count(number) + second.count(number) == 1


def test_both_too_busy_is_told_with_the_shorter_time(pair: Pair, number: str) -> None:
    site, first, second = pair
    first.fail("http429")
    second.fail("http503")
    answer = site.login(phone=number)
    assert (answer["error"], answer["retry_after"]) == ("UNAVAILABLE", 30)


def test_both_left_alone_is_told_at_once_and_one_is_tried_in_time(pair: Pair, number: str) -> None:
    site, first, second = pair
    first.stop()
    second.stop()
    refused = [site.login(phone=number) for _ in range(BREAKER + 1)]
    assert words(refused) == ["UNAVAILABLE"] * (BREAKER + 1)
    assert 1 <= refused[-1]["retry_after"] <= 2
    second.start()
    until(
        lambda: site.login(phone=number)["result"] == "OK",
        within=refused[-1]["retry_after"] + 1,
    )
    assert second.count(number) == 1
