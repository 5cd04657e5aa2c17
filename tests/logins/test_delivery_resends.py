"""Asking again: another sender's turn, the same code, whichever gateway is asked.

Two gateways on one Redis. Before the tests every vendor hangs for one person, all at once since
that takes its time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from tests.logins.delivery import AMBIGUOUS, by_phone, delivering, messages
from tests.logins.site import Answer, Site, until
from tests.logins.vendors import KINDS, Vendors, all_vendors, sender
from tests.servers.configs import GENEROUS, http_sender
from tests.servers.gateway import GatewayProcess
from tests.servers.numbers import fresh_number
from tests.servers.redis_server import RedisServer
from tests.servers.sms import SmsVendor
from tests.servers.sms_fake import SmsFake

DEADLINE = 8.0
GRACE = 1.5  # for a busy machine
BREAKER = 5  # failures in a row
WALK = ("one", "two", "three")
# Apps in which the HTTP vendor hangs, beside those of the vendors.
COOLING = "cooling"  # as long a cool-down as by default
COUNTED = "counted"  # one message an hour
CROWDED = "crowded"  # so many people that the vendor is left alone


@dataclass
class Wait:
    """Somebody for whom a vendor hung."""

    vendor: SmsFake
    number: str = field(default_factory=fresh_number)
    started: tuple[Answer, float] | None = None
    again: list[Answer] = field(default_factory=list)  # at the other gateway
    by_first: list[str] = field(default_factory=list)  # messages before it asked again

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.vendor.messages if self.number in message.to]


@dataclass
class Bed:
    site: Site
    walk: dict[str, SmsVendor]
    waits: dict[str, list[Wait]]  # by app


@pytest.fixture(scope="module")
def bed(shared_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    folder = tmp_path_factory.mktemp("resends")
    with (
        all_vendors() as vendors,
        SmsVendor() as one,
        SmsVendor() as two,
        SmsVendor() as three,
    ):
        walk = dict(zip(WALK, (one, two, three), strict=True))
        with delivering(
            folder, two, _providers(vendors, walk), gateways=2, store={"url": shared_redis.url}
        ) as site:
            yield Bed(site, walk, _hang(site, vendors))


def _providers(vendors: Vendors, walk: dict[str, SmsVendor]) -> dict[str, Any]:
    second = http_sender(walk["two"], name="second")

    def hanging(kind: str, app: str, **keys: Any) -> Any:
        return by_phone(sender(kind, vendors[kind], name=app), second, **keys)

    one_an_hour = {"per_phone": ["1/hour"], "per_ip": GENEROUS}
    steps = [http_sender(vendor, name=name) for name, vendor in walk.items()]
    return {
        **{kind: hanging(kind, kind, resend_after="1s") for kind in KINDS},
        COOLING: hanging("http", COOLING),
        COUNTED: hanging("http", COUNTED, resend_after="1ms", limits=one_an_hour),
        CROWDED: hanging("http", CROWDED),
        "walk": by_phone(*steps, resend_after="1ms"),
    }


def _hang(site: Site, vendors: Vendors) -> dict[str, list[Wait]]:
    here, there = site.gateways
    waits = {kind: [Wait(vendor)] for kind, vendor in vendors.items()}
    waits |= {COOLING: [Wait(vendors["http"])], COUNTED: [Wait(vendors["http"])]}
    waits[CROWDED] = [Wait(vendors["http"]) for _ in range(BREAKER)]
    for vendor in vendors.values():
        vendor.fail("hang")

    def start(app: str, wait: Wait) -> None:
        began = time.monotonic()
        answer = site.login(appid=app, phone=wait.number, at=here)
        wait.started = answer, time.monotonic() - began

    with ThreadPoolExecutor(20) as pool:
        pending: list[Future[None]] = [
            pool.submit(start, app, wait) for app, people in waits.items() for wait in people
        ]
        (cooling,) = waits[COOLING]
        until(lambda: cooling.texts)
        # Meanwhile, and at the other gateway: a code is pending, though nobody knows of what.
        cooling.again.append(site.login(appid=COOLING, phone=cooling.number, at=there))
        for done in pending:
            done.result()
    waits[CROWDED].append(Wait(vendors["http"]))
    start(CROWDED, waits[CROWDED][-1])
    for vendor in vendors.values():
        vendor.ok()
    for app, people in waits.items():
        for wait in people:
            wait.by_first = wait.texts
            if app != CROWDED:
                wait.again.append(site.login(appid=app, phone=wait.number, at=there))
    return waits


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def codes(*texts: str) -> set[str]:
    return {text.split()[0] for text in texts}


def test_a27_vendor_that_hangs_is_not_waited_for_and_nobody_else_is_asked(
    bed: Bed, kind: str
) -> None:
    (wait,) = bed.waits[kind]
    assert wait.started is not None
    answer, took = wait.started
    assert answer["challenge"]["kind"] == "code"
    assert DEADLINE - 0.5 < took < DEADLINE + GRACE
    assert len(wait.by_first) == 1
    assert messages(bed.site)[kind, AMBIGUOUS] == 1


def test_a27_asked_again_at_another_gateway_the_next_sender_sends_the_same_code(
    bed: Bed, kind: str
) -> None:
    (wait,) = bed.waits[kind]
    assert [answer["challenge"]["kind"] for answer in wait.again] == ["code"]
    assert wait.texts == wait.by_first  # it had its turn
    assert bed.walk["two"].count(wait.number) == 1
    code = bed.walk["two"].code_for(wait.number)
    assert codes(*wait.texts) == {code}
    answer = bed.site.login(appid=kind, phone=wait.number, otp=code)
    assert answer["token"] == bed.site.tokens(wait.number)[-1]


def test_a17_a27_inside_the_cool_down_nothing_is_sent(bed: Bed) -> None:
    (wait,) = bed.waits[COOLING]
    meanwhile, after = wait.again
    assert (meanwhile["result"], after["result"]) == ("OK", "OK")
    assert 0 < after["challenge"]["resend_after"] < 60 - DEADLINE + 1
    assert len(wait.texts) == 1
    assert bed.walk["two"].count(wait.number) == 0
    (code,) = codes(*wait.texts)
    assert bed.site.login(appid=COOLING, phone=wait.number, otp=code)["result"] == "OK"


def test_a27_message_that_may_have_gone_out_counts_as_sent(bed: Bed) -> None:
    (wait,) = bed.waits[COUNTED]
    assert [answer["error"] for answer in wait.again] == ["RATELIMIT"]
    assert bed.walk["two"].count(wait.number) == 0


def test_a27_vendor_that_hung_five_times_is_left_alone(bed: Bed) -> None:
    *people, late = bed.waits[CROWDED]
    assert [len(wait.texts) for wait in people] == [1] * BREAKER
    assert late.started is not None
    answer, took = late.started
    assert answer["result"] == "OK"
    assert took < 1.0
    assert (late.texts, bed.walk["two"].count(late.number)) == ([], 1)


@pytest.mark.parametrize("gateways", [1, 2])
def test_three_senders_take_turns_with_the_same_code(bed: Bed, number: str, gateways: int) -> None:
    went: list[str] = []

    def asked(at: GatewayProcess) -> bool:
        """Ask, until the cool-down is over."""
        before = {name: vendor.count(number) for name, vendor in bed.walk.items()}
        assert bed.site.login(appid="walk", phone=number, at=at)["result"] == "OK"
        new = [name for name, vendor in bed.walk.items() if vendor.count(number) > before[name]]
        went.extend(new)
        return new != []

    for turn in range(7):
        until(partial(asked, bed.site.gateways[turn % gateways]))
    assert went == [*WALK, *WALK, "one"]
    texts = [m.text for vendor in bed.walk.values() for m in vendor.messages if m.to == number]
    assert len(texts) == 7
    assert len(codes(*texts)) == 1
