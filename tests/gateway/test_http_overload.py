"""Upstreams that are slow or down: what cannot be served is refused at once (C21)."""

from __future__ import annotations

import contextlib
import json
import select
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.gateway.conftest import Site, StartSite, password_login, phone_login
from tests.gateway.raw_http import Wire, check, request
from tests.gateway.waiting import until

IN_FLIGHT = 5
SLOW = 0.5  # seconds
BREAKER_THRESHOLD, BREAKER_PAUSE = 10, 0.3


@pytest.fixture(scope="module")
def small_site(start_site: StartSite) -> Site:
    return start_site(
        {
            "providers._http.Upstream.__init__.max_in_flight": IN_FLIGHT,
            "providers._breaker.Breaker.__init__.pause": BREAKER_PAUSE,
        }
    )


@pytest.fixture
def small(small_site: Site, site: Site) -> Iterator[Site]:
    yield small_site
    site.mesibo.ok()
    until(small_site.logs_in)  # the breaker is closed again


@pytest.fixture
def wires(small: Site) -> Iterator[list[Wire]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(small.connect()) for _ in range(3 * IN_FLIGHT)]


@pytest.mark.parametrize(("upstream", "login"), [("sms", phone_login), ("mesibo", password_login)])
def test_c21_what_is_too_much_for_an_upstream_is_shed_at_once(
    small: Site, wires: list[Wire], upstream: str, login: Callable[[], dict[str, Any]]
) -> None:
    server = getattr(small, upstream)
    server.fail(f"slow:{SLOW}")
    calls = len(server.calls)
    for wire in wires:
        wire.send(request(json.dumps(login())))
    started = time.monotonic()
    shed: list[Wire] = []
    while len(shed) < 2 * IN_FLIGHT:
        waiting = {wire.socket: wire for wire in wires if wire not in shed}
        ready = select.select(list(waiting), [], [], SLOW)[0]
        shed += [waiting[socket] for socket in ready]
        assert time.monotonic() - started < SLOW / 2
    for wire in shed:
        assert check(wire.reply()).json["error"] == "UNAVAILABLE"
    for wire in wires:
        if wire not in shed:
            check(wire.reply())
    assert len(server.calls) == calls + IN_FLIGHT


def test_c21_another_upstream_is_not_affected(small: Site) -> None:
    small.sms.fail("hang")
    with contextlib.ExitStack() as stack:
        for _ in range(2 * IN_FLIGHT):
            wire = stack.enter_context(small.connect())
            wire.send(request(json.dumps(phone_login())))
        started = time.monotonic()
        assert small.logs_in()
        assert time.monotonic() - started < 0.5


def test_c21_issuer_that_fails_again_and_again_is_left_alone(small: Site) -> None:
    small.mesibo.fail("http500")
    for _ in range(BREAKER_THRESHOLD):
        assert small.post(password_login()).json["error"] == "UNAVAILABLE"
    calls = len(small.mesibo.calls)
    quickest = 1.0
    for _ in range(5):
        started = time.monotonic()
        answer = small.post(password_login()).json
        quickest = min(quickest, time.monotonic() - started)
        assert (answer["error"], answer["retry_after"]) == ("UNAVAILABLE", 1)
    assert quickest < 0.05
    assert len(small.mesibo.calls) == calls
    small.mesibo.ok()
    until(small.logs_in)


@pytest.fixture(scope="module")
def narrow(start_site: StartSite) -> Site:
    return start_site(limits={"logins_per_provider": IN_FLIGHT, "per_ip": []})


def test_c21_a_full_provider_refuses_within_50_ms_and_the_others_go_on(narrow: Site) -> None:
    narrow.sms.fail("slow:1.5", times=IN_FLIGHT)
    calls = len(narrow.sms.calls)
    with contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(narrow.connect()) for _ in range(IN_FLIGHT)]
        for wire in waiting:
            wire.send(request(json.dumps(phone_login())))
        until(lambda: len(narrow.sms.calls) == calls + IN_FLIGHT)
        took = []
        for _ in range(20):
            started = time.monotonic()
            answer = narrow.post(phone_login()).json
            took.append(time.monotonic() - started)
            assert (answer["error"], answer["retry_after"]) == ("UNAVAILABLE", 1)
            assert narrow.logs_in()
        assert sorted(took)[len(took) // 2] < 0.05
        for wire in waiting:
            check(wire.reply())
    assert narrow.post(phone_login()).json["result"] == "OK"
