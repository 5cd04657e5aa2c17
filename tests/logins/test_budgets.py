"""Messages cost money, and requests effort: limits over addresses, prefixes, apps, processes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.logins.configuration import (
    GUARDED,
    OTHER_BUDGET,
    PER_APP,
    PER_APP_TOO,
    PER_IP,
    PER_PREFIX,
    PHONE_BUDGET,
    REQUESTS,
    SCARCE,
)
from tests.logins.site import Site, fresh_client, until, words

Numbers = Callable[[int], list[str]]
CROWD = 35  # more than any budget here, fewer than the requests of one address
WITHIN = {"OK": OTHER_BUDGET, "RATELIMIT": CROWD - OTHER_BUDGET}


def start(site: Site, numbers: Sequence[str], app: str, client: str | None = None) -> Counter[str]:
    """Start a login for each at once; return what became of them. The messages must agree."""
    starts = [{"phone": number, "appid": app} for number in numbers]
    answers = Counter(words(site.at_once(starts, client)))
    assert sum(site.sms.count(number) for number in numbers) == answers["OK"]
    return answers


def test_p9_budget_of_an_address(site: Site, numbers: Numbers) -> None:
    client = fresh_client()
    assert start(site, numbers(CROWD), PER_IP, client) == WITHIN
    assert start(site, numbers(1), PER_IP, client) == {"RATELIMIT": 1}
    assert start(site, numbers(1), PER_IP) == {"OK": 1}


def test_c8_p9_addresses_of_one_ipv6_network_are_one_client(site: Site, numbers: Numbers) -> None:
    starts: list[dict[str, Any]] = [
        {"phone": number, "appid": PER_IP} for number in numbers(OTHER_BUDGET + 2)
    ]
    answers = [
        site.login(**fields, client=f"2001:db8:1:2::{index:x}")
        for index, fields in enumerate(starts)
    ]
    assert words(answers) == [*["OK"] * OTHER_BUDGET, "RATELIMIT", "RATELIMIT"]
    assert site.login(**starts[-1], client="2001:db8:1:3::1")["result"] == "OK"


def test_p9_budget_of_a_prefix(site: Site, numbers: Numbers) -> None:
    assert start(site, numbers(CROWD), PER_PREFIX) == WITHIN
    assert start(site, numbers(1), PER_PREFIX) == {"RATELIMIT": 1}
    assert start(site, ["447911123456"], PER_PREFIX) == {"OK": 1}


def test_a5_p9_budget_of_an_app(site: Site, numbers: Numbers) -> None:
    assert start(site, numbers(CROWD), PER_APP) == WITHIN
    assert start(site, numbers(1), PER_APP) == {"RATELIMIT": 1}
    assert start(site, numbers(1), PER_APP_TOO) == {"OK": 1}


def withheld(site: Site) -> float:
    """Return how many messages the guard of GUARDED withheld, by the metrics of all gateways."""
    line = re.compile(rf'^gateway_conversion_guard_total{{provider="{GUARDED}"}} (.+)$', re.M)
    return sum(float(value) for text in site.metrics() for value in line.findall(text))


def test_p9_a_number_range_where_no_codes_are_used_is_paused(site: Site, numbers: Numbers) -> None:
    people, before = numbers(CROWD), withheld(site)
    assert start(site, people, GUARDED) == WITHIN
    assert withheld(site) - before == WITHIN["RATELIMIT"]
    sent = [number for number in people if site.sms.count(number)]
    refused = site.login(phone=(set(people) - set(sent)).pop(), appid=GUARDED)
    assert refused["error"] == "RATELIMIT"
    assert 0 < refused["retry_after"] <= 3600
    assert start(site, ["447911123457"], GUARDED) == {"OK": 1}

    code = site.sms.code_for(sent[0])
    assert site.login(phone=sent[0], otp=code, appid=GUARDED)["result"] == "OK"
    assert start(site, numbers(CROWD), GUARDED) == {"OK": 2, "RATELIMIT": CROWD - 2}


def test_messages_that_no_sender_accepted_cost_nothing(site: Site, number: str) -> None:
    client = fresh_client()
    start: dict[str, Any] = {"phone": number, "appid": SCARCE}
    site.sms.fail("http500")
    failed = [site.login(**start, client=client) for _ in range(2 * PHONE_BUDGET)]
    assert words(failed) == ["UNAVAILABLE"] * len(failed)
    at_once = site.at_once([start] * 20, client)
    assert set(words(at_once)) <= {"UNAVAILABLE", "OK", "RATELIMIT"}
    assert site.sms.count(number) == 0

    site.sms.ok()
    # A vendor that failed so often is left alone for some seconds, by each gateway for itself.
    until(lambda: words([site.login(**start)]) == ["RATELIMIT"], within=30)
    assert site.sms.count(number) == PHONE_BUDGET
    code = site.sms.code_for(number)
    assert site.login(**start, otp=code)["result"] == "OK"


def test_c6_requests_of_an_address(site: Site, numbers: Numbers) -> None:
    client = fresh_client()
    guesses = [{"phone": number, "otp": "000000"} for number in numbers(60)]
    answers = Counter(words(site.at_once(guesses, client)))
    assert answers == {"BADOTP": REQUESTS, "RATELIMIT": 60 - REQUESTS}
    refused = site.login(phone=guesses[0]["phone"], client=client)
    assert refused["error"] == "RATELIMIT"
    assert 0 < refused["retry_after"] <= 300
    assert site.sms.count(guesses[0]["phone"]) == 0


@pytest.mark.parametrize("written", ["{}, {}", "junk {}, {}", "10.9.9.9, {}, {}"])
def test_c8_what_a_client_writes_before_its_address_does_not_count(
    site: Site, number: str, written: str
) -> None:
    client = fresh_client()
    answers = [
        site.login(phone=number, client=written.format(f"203.0.113.{i}", client))
        for i in range(REQUESTS + 3)
    ]
    assert words(answers) == [*["OK"] * REQUESTS, *["RATELIMIT"] * 3]
