"""What answers tell about others: nothing, by their words and by their time."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.logins.configuration import FAILURES, PHONE, STAFF
from tests.logins.site import Answer, Site, fresh_client, wrong

Ask = Callable[[dict[str, Any]], float]
ROUNDS = 3
TRIES = 200


def same(*answers: Answer) -> bool:
    """Whether the answers differ in nothing but the time."""
    stripped = [{k: v for k, v in answer.items() if k != "ts"} for answer in answers]
    return all(list(other.items()) == list(stripped[0].items()) for other in stripped)


def test_p15_no_code_pending_is_answered_as_a_wrong_code(
    site: Site, number: str, other_number: str
) -> None:
    code = site.code_for(number)
    wrong_code = site.login(phone=number, otp=wrong(code)[0])
    assert wrong_code["error"] == "BADOTP"
    assert site.login(phone=number, otp=code)["result"] == "OK"
    none_pending = site.login(phone=other_number, otp=code)
    used = site.login(phone=number, otp=code)
    assert same(wrong_code, none_pending, used)


def test_a19_p10_a_start_is_answered_the_same_for_every_number(
    site: Site, number: str, other_number: str
) -> None:
    site.sign_in(number)
    assert same(site.login(phone=number), site.login(phone=other_number))


def test_c4_unknown_and_wrong_are_answered_the_same(site: Site) -> None:
    wrong_password = site.login(appid=STAFF, username="u2", password="x")
    unknown = site.login(appid=STAFF, username="nobody", password="x")
    assert wrong_password["error"] == "BADLOGIN"
    assert same(wrong_password, unknown)


@contextlib.contextmanager
def stopwatch(site: Site) -> Iterator[Ask]:
    """Time requests on one connection, each as a client of its own."""
    target = urlsplit(site.gateways[0].url)
    connection = http.client.HTTPConnection(target.netloc, timeout=10)

    def ask(fields: dict[str, Any]) -> float:
        body = json.dumps({"op": "login", "dt": "1", **fields})
        headers = {"X-Forwarded-For": fresh_client()}
        started = time.perf_counter()
        connection.request("POST", "/", body, headers)
        answer = json.loads(connection.getresponse().read())
        assert answer["error"] in ("BADLOGIN", "BADOTP")
        return time.perf_counter() - started

    with contextlib.closing(connection):
        yield ask


def medians(ask: Ask, *kinds: Iterator[dict[str, Any]]) -> list[float]:
    """Time requests of each kind in turn; return the median of each kind, in seconds."""
    times: list[list[float]] = [[] for _ in kinds]
    for _ in range(TRIES):
        for kind, taken in zip(kinds, times, strict=True):
            taken.append(ask(next(kind)))
    return [statistics.median(taken) for taken in times]


def each(values: Iterator[str] | list[str], **fields: str) -> Iterator[dict[str, Any]]:
    """Make requests with ``{}`` in a field filled, the same value as often as limits allow."""
    for value in values:
        yield from [{name: text.format(value) for name, text in fields.items()}] * (FAILURES - 1)


def alike(measure: Callable[[], list[float]]) -> bool:
    """Whether two medians agree within 10 % and 10 ms; noise may spoil a round, but not all."""
    for _ in range(ROUNDS):
        one, other = measure()
        if abs(one - other) < min(0.01, 0.1 * max(one, other)):
            return True
    return False


def test_c4_unknown_and_wrong_take_the_same_time(site: Site) -> None:
    known = each([f"u{i}" for i in range(3, 98)], appid=STAFF, username="{}", password="x")
    names = (str(i) for i in itertools.count())
    unknown = each(names, appid=STAFF, username="z{}", password="x")
    with stopwatch(site) as ask:
        assert alike(lambda: medians(ask, known, unknown))


@pytest.mark.parametrize("app", [PHONE])
def test_p15_pending_and_not_pending_take_the_same_time(
    site: Site, numbers: Callable[[int], list[str]], app: str
) -> None:
    people, strangers = numbers(90), numbers(90)
    codes = {number: site.code_for(number, appid=app) for number in people}
    guess = next(f"{i:06}" for i in itertools.count() if f"{i:06}" not in codes.values())
    pending = each(people, appid=app, phone="{}", otp=guess)
    not_pending = each(strangers, appid=app, phone="{}", otp=guess)
    with stopwatch(site) as ask:
        assert alike(lambda: medians(ask, pending, not_pending))
