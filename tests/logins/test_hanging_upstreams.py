"""Upstreams that let people wait: all of them at once, since each takes its full time.

On both sites mesibo hangs for one person and answers another a byte at a time, and the SMS vendor
hangs for a third. On another site neither mesibo nor the first of two vendors can be connected to.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.logins.configuration import PHONE, configuration
from tests.logins.site import Answer, Site, fresh_client, running
from tests.logins.unreachable import unreachable
from tests.servers.configs import Config, http_sender
from tests.servers.mesibo import MesiboCloud
from tests.servers.numbers import fresh_number
from tests.servers.sms import SmsVendor

FAULTS = ("hang", "drip")
ISSUER_BUDGET = 10.0
SENDER_BUDGET = 8.0
GRACE = 1.5  # for a busy machine


@dataclass(frozen=True)
class Wait:
    """One request that had to wait."""

    number: str
    answer: Answer
    took: float
    calls: int  # at the upstream


@dataclass(frozen=True)
class Waits:
    """What happened on a site."""

    site: Site
    codes: dict[str, str]
    issuer: dict[str, Wait]  # by fault
    sender: Wait
    meanwhile: tuple[Answer, float]  # a login of somebody else, and its seconds


def timed(request: Callable[[], Answer]) -> tuple[Answer, float]:
    started = time.monotonic()
    answer = request()
    return answer, time.monotonic() - started


def wait_on(pool: ThreadPoolExecutor, site: Site) -> Callable[[], Waits]:
    """Begin everything that takes its time; the result waits for it."""
    numbers = {fault: fresh_number() for fault in FAULTS}
    codes = {number: site.code_for(number) for number in numbers.values()}
    starter = fresh_number()

    def begin(upstream: MesiboCloud | SmsVendor, fault: str, **fields: Any) -> Callable[[], Wait]:
        calls = len(upstream.calls)
        upstream.fail(fault, times=1)
        answer = pool.submit(timed, lambda: site.login(**fields))
        upstream.wait_calls(calls + 1)

        def wait() -> Wait:
            number: str = fields["phone"]
            calls = sum(number.encode() in call.body for call in upstream.calls)
            return Wait(number, *answer.result(), calls)

        return wait

    issuer = {
        fault: begin(site.mesibo, fault, phone=number, otp=codes[number])
        for fault, number in numbers.items()
    }
    sender = begin(site.sms, "hang", phone=starter)
    meanwhile = timed(lambda: site.sign_in(fresh_number()))
    return lambda: Waits(
        site, codes, {fault: wait() for fault, wait in issuer.items()}, sender(), meanwhile
    )


@dataclass(frozen=True)
class Unconnected:
    """What happened on the site whose upstreams cannot be connected to."""

    site: Site
    number: str
    started: tuple[Answer, float]
    finished: tuple[Answer, float]


def beyond_reach(mesibo: MesiboCloud, sms: SmsVendor, address: str) -> Config:
    config = configuration(mesibo, sms, "memory://")
    nobody = http_sender(sms, name="nobody", url=f"http://{address}/messages")
    config["providers"][PHONE]["config"]["senders"] = [nobody, http_sender(sms)]
    config["issuer"]["url"] = f"http://{address}/backend/"
    return config


def connect_in_vain(site: Site) -> Unconnected:
    number = fresh_number()
    started = timed(lambda: site.login(phone=number))
    code = site.sms.code_for(number)
    finished = timed(lambda: site.login(phone=number, otp=code, client=CLIENT))
    return Unconnected(site, number, started, finished)


CLIENT = fresh_client()


@pytest.fixture(scope="module")
def everything(
    shared_memory_site: Site, shared_redis_site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict[str, Waits], Unconnected]]:
    folder = tmp_path_factory.mktemp("unconnected")
    with (
        unreachable() as address,
        running(folder, 1, lambda mesibo, sms: beyond_reach(mesibo, sms, address)) as site,
        ThreadPoolExecutor(20) as pool,
    ):
        unconnected = pool.submit(connect_in_vain, site)
        memory = wait_on(pool, shared_memory_site)
        redis = wait_on(pool, shared_redis_site)
        yield {"memory": memory(), "redis": redis()}, unconnected.result()


@pytest.fixture(params=["memory", "redis"])
def waits(
    everything: tuple[dict[str, Waits], Unconnected], request: pytest.FixtureRequest
) -> Waits:
    return everything[0][request.param]


@pytest.fixture
def unconnected(everything: tuple[dict[str, Waits], Unconnected]) -> Unconnected:
    return everything[1]


@pytest.mark.parametrize("fault", FAULTS)
def test_case_27_a147_c16_mesibo_lets_people_wait(waits: Waits, fault: str) -> None:
    wait = waits.issuer[fault]
    assert (wait.answer["result"], wait.answer["error"]) == ("FAIL", "UNAVAILABLE")
    assert {"token", "errmsg"}.isdisjoint(wait.answer)
    assert ISSUER_BUDGET - 0.5 < wait.took < ISSUER_BUDGET + GRACE
    assert wait.calls == 1  # a second call would have had no time


@pytest.mark.parametrize("fault", FAULTS)
def test_case_27_c22_the_code_is_good_after_the_wait(waits: Waits, fault: str) -> None:
    site, number = waits.site, waits.issuer[fault].number
    answer = site.login(phone=number, otp=waits.codes[number])
    assert answer["token"] == site.tokens(number)[-1]
    assert site.sms.count(number) == 1


def test_a27_vendor_lets_people_wait(waits: Waits) -> None:
    """The message may have gone out, and it has: nobody sends a second one."""
    wait = waits.sender
    assert wait.answer["challenge"]["kind"] == "code"
    assert SENDER_BUDGET - 0.5 < wait.took < SENDER_BUDGET + GRACE
    assert wait.calls == 1
    assert waits.site.sms.count(wait.number) == 1
    code = waits.site.sms.code_for(wait.number)
    assert waits.site.login(phone=wait.number, otp=code)["result"] == "OK"


def test_people_with_well_upstreams_do_not_wait(waits: Waits) -> None:
    answer, took = waits.meanwhile
    assert answer["result"] == "OK"
    assert took < 1.0


def test_a27_a_vendor_that_cannot_be_connected_to_leaves_time_for_the_next(
    unconnected: Unconnected,
) -> None:
    answer, took = unconnected.started
    assert answer["challenge"]["kind"] == "code"
    assert 2.5 < took < SENDER_BUDGET
    assert unconnected.site.sms.count(unconnected.number) == 1


def test_c16_case_27_mesibo_cannot_be_connected_to(unconnected: Unconnected) -> None:
    answer, took = unconnected.finished
    assert (answer["result"], answer["error"]) == ("FAIL", "UNAVAILABLE")
    assert 5.5 < took < ISSUER_BUDGET  # two tries of three seconds
    (line,) = unconnected.site.audit(CLIENT)
    assert line["outcome"] == "unavailable"
