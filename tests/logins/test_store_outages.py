"""Redis goes away: nothing is sent, checked or issued without it, and all is well when it is back.

C7: limits that cannot be counted are full.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from tests.logins.configuration import PASSWORD, STAFF, configuration
from tests.logins.site import Answer, Site, running, until, words
from tests.servers.fault_proxy import FaultProxy, Faults
from tests.servers.gateway import post
from tests.servers.numbers import fresh_number
from tests.servers.redis_server import RedisServer

PATIENCE = 5.0  # seconds that an answer may take while the store is away
REFUSES, RESETS, BLACK_HOLE = Faults(refuse=True), Faults(reset=True), Faults(black_hole=True)
NO_REPLIES = Faults(cut_after=0)  # what is asked is done, but nobody is told


@dataclass
class Line:
    """A site, its Redis and what lies between."""

    site: Site
    server: RedisServer
    proxy: FaultProxy

    def cut(self, faults: Faults) -> None:
        """Fail from now on."""
        self.proxy.set(faults)
        if faults in (REFUSES, RESETS):
            self.proxy.reset_all()

    def mend(self) -> None:
        """Be well again; what was under way is lost."""
        self.proxy.reset_all()
        self.proxy.heal()
        until(self.ready)

    def ready(self) -> bool:
        return post(self.site.gateways[0].admin_url, path="/readyz", method="GET").status == 200

    def logins(self, number: str, code: str) -> list[Answer]:
        """Log in at once in all ways: a start, a right code, a password. None takes long."""
        started = time.monotonic()
        requests = [
            {"phone": fresh_number()},
            {"phone": number, "otp": code},
            {"appid": STAFF, "username": "u1", "password": PASSWORD},
        ]
        answers = self.site.at_once(requests)
        assert time.monotonic() - started < PATIENCE
        return answers

    def client(self) -> Any:
        return redis.Redis(host="127.0.0.1", port=self.server.port, decode_responses=True)


@pytest.fixture(scope="module")
def shared_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    folder = tmp_path_factory.mktemp("line")
    server = RedisServer(folder)
    server.start()
    try:
        with FaultProxy(server.port) as proxy:
            url = f"redis://127.0.0.1:{proxy.port}/0"
            with running(folder, 1, lambda mesibo, sms: configuration(mesibo, sms, url)) as site:
                yield Line(site, server, proxy)
    finally:
        server.stop()


@pytest.fixture
def line(shared_line: Line) -> Iterator[Line]:
    yield shared_line
    shared_line.site.mesibo.ok()
    if not shared_line.server.process.running:
        shared_line.server.start()
    shared_line.mend()


@pytest.mark.parametrize(
    "faults", [REFUSES, RESETS, BLACK_HOLE], ids=["refuses", "resets", "black_hole"]
)
def test_c7_between_the_steps(line: Line, number: str, faults: Faults) -> None:
    site = line.site
    code = site.code_for(number)
    sent, asked = len(site.sms.calls), len(site.mesibo.calls)
    line.cut(faults)
    assert words(line.logins(number, code)) == ["UNAVAILABLE"] * 3
    assert not line.ready()
    assert (len(site.sms.calls), len(site.mesibo.calls)) == (sent, asked)

    line.mend()
    assert site.login(phone=number, otp=code)["result"] == "OK"
    assert site.sign_in(fresh_number())["result"] == "OK"
    assert site.login(appid=STAFF, username="u1", password=PASSWORD)["result"] == "OK"


def test_c7_reply_to_a_right_code_is_lost(line: Line, number: str) -> None:
    code = line.site.code_for(number)
    asked = len(line.site.mesibo.calls)
    line.cut(NO_REPLIES)
    assert line.site.login(phone=number, otp=code)["error"] == "UNAVAILABLE"
    assert len(line.site.mesibo.calls) == asked
    line.mend()
    lapse(line)
    assert line.site.login(phone=number, otp=code)["result"] == "OK"


def test_c7_reply_to_a_start_is_lost(line: Line, number: str) -> None:
    """Redis believes that the message is on its way; the next one is due after the cool-down."""
    line.cut(NO_REPLIES)
    assert line.site.login(phone=number)["error"] == "UNAVAILABLE"
    line.mend()
    cool_down = line.site.login(phone=number)["challenge"]["resend_after"]
    assert 0 < cool_down <= 60
    assert line.site.sms.count(number) == 0
    with line.client() as client:
        for pending in client.keys("gw:{*}"):
            client.pexpire(pending, client.pttl(pending) - cool_down * 1000)
    assert line.site.sign_in(number)["result"] == "OK"


def test_c7_redis_is_killed_between_the_steps(line: Line, number: str) -> None:
    site = line.site
    code = site.code_for(number)
    sent, asked = len(site.sms.calls), len(site.mesibo.calls)
    line.server.kill()
    assert words(line.logins(number, code)) == ["UNAVAILABLE"] * 3
    assert not line.ready()
    assert (len(site.sms.calls), len(site.mesibo.calls)) == (sent, asked)

    line.server.start()  # with nothing in it
    until(line.ready)
    assert site.login(phone=number, otp=code)["error"] == "BADOTP"
    assert site.sign_in(number)["result"] == "OK"
    assert len(site.useradds(number)) == 1


@pytest.mark.parametrize("faults", [RESETS, BLACK_HOLE], ids=["resets", "black_hole"])
def test_c7_p4_in_the_middle_of_a_finish(line: Line, number: str, faults: Faults) -> None:
    """The token is made, but whether the code was used up is unknown: nobody gets the token."""
    site = line.site
    code = site.code_for(number)
    with at_mesibo(site, number, code) as answer:
        line.cut(faults)
        assert words([answer.result()]) == ["UNAVAILABLE"]
    assert "token" not in answer.result()

    line.mend()
    assert site.login(phone=number, otp=code)["error"] == "UNAVAILABLE"  # until the lease lapses
    lapse(line)
    answer_after = site.login(phone=number, otp=code)
    assert answer_after["token"] == site.tokens(number)[-1]
    assert site.login(phone=number, otp=code)["error"] == "BADOTP"
    assert site.sms.count(number) == 1


def test_c7_c22_mesibo_fails_and_redis_is_gone(line: Line, number: str) -> None:
    """The lease cannot be given back, so it lapses."""
    site = line.site
    code = site.code_for(number)
    with at_mesibo(site, number, code) as answer:
        site.mesibo.fail("false")
        line.cut(RESETS)
        assert words([answer.result()]) == ["UNAVAILABLE"]
    site.mesibo.ok()
    line.mend()
    lapse(line)
    assert site.login(phone=number, otp=code)["result"] == "OK"


def test_c7_redis_is_killed_in_the_middle_of_a_finish(line: Line, number: str) -> None:
    site = line.site
    code = site.code_for(number)
    with at_mesibo(site, number, code) as answer:
        line.server.kill()
        assert words([answer.result()]) == ["UNAVAILABLE"]
    line.server.start()
    until(line.ready)
    site.mesibo.ok()
    assert site.login(phone=number, otp=code)["error"] == "BADOTP"
    assert site.sign_in(number)["result"] == "OK"


@contextlib.contextmanager
def at_mesibo(site: Site, number: str, code: str) -> Iterator[Future[Answer]]:
    """The answer to a right code whose token is just being made."""
    asked = len(site.mesibo.calls)
    site.mesibo.fail("slow:0.3")
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(lambda: site.login(phone=number, otp=code))
        site.mesibo.wait_calls(asked + 1)
        yield answer


def lapse(line: Line) -> None:
    """Let the leases end that were not given back."""
    with line.client() as client:
        leases = client.keys("gw:*:l")
        assert leases
        for lease in leases:
            assert 0 < client.pttl(lease) <= 30_000
            client.pexpire(lease, 1)
        until(lambda: not client.keys("gw:*:l"))
