"""Directories that go away and come back, and a second server for the time between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.logins.directories import ANN, DRIVERS, by_directory, signing_in, timed
from tests.logins.site import Site, running, until, words
from tests.logins.unreachable import unreachable
from tests.servers.fault_proxy import FaultProxy, Faults
from tests.servers.numbers import fresh_number
from tests.servers.process import HOST
from tests.servers.slapd import Slapd
from tests.servers.tls import Authority

STAFF = "staff"
QUICK = {"connect": "1s", "operation": "1s", "total": "2s"}
TOTAL, GRACE = 2.0, 0.5
FIRST = 4.0  # seconds that a server which is dead may cost, once
AT_ONCE = 0.5
NOTICED = 5.0  # seconds until a server that is back is asked again
ONE_FAILURE = ["1/hour"]
SILENT = Faults(black_hole=True)

Start = Callable[[], Slapd]
Serve = Callable[..., Site]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Start]:
    """Start directories that know the same people."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(
            Slapd(tmp_path_factory.mktemp("slapd"), authority, people=[ANN])
        )


@pytest.fixture(params=DRIVERS)
def serve(request: pytest.FixtureRequest, tmp_path: Path, authority: Authority) -> Iterator[Serve]:
    """Start a service whose providers have these URLs."""
    with ExitStack() as stack:

        def start(providers: dict[str, Sequence[str]], **keys: Any) -> Site:
            configs = {
                name: by_directory(urls, authority.ca_file, request.param, **keys)
                for name, urls in providers.items()
            }
            return stack.enter_context(running(tmp_path, 1, signing_in(configs, ONE_FAILURE)))

        yield start


def sign_in(site: Site, app: str = STAFF) -> str:
    """Use the right password; return OK or the error word."""
    return words([site.login(appid=app, username="ann", password=ANN.password)])[0]


def signs_in(site: Site) -> bool:
    word = sign_in(site)
    assert word in ("OK", "UNAVAILABLE")
    return word == "OK"


def url(port: int) -> str:
    return f"ldaps://{HOST}:{port}"


# -- one server


def test_restart_is_noticed_by_nobody_who_signs_in_afterwards(start: Start, serve: Serve) -> None:
    slapd = start()
    site = serve({STAFF: [slapd.tls_url]})
    assert sign_in(site) == "OK"
    slapd.kill()
    slapd.start()
    assert sign_in(site) == "OK"
    slapd.stop()
    assert sign_in(site) == "UNAVAILABLE"
    slapd.start()
    assert sign_in(site) == "OK"


def test_end_of_a_long_outage_is_found_out(start: Start, serve: Serve) -> None:
    slapd = start()
    site = serve({STAFF: [slapd.tls_url]})
    slapd.stop()
    answers = [timed(lambda: sign_in(site)) for _ in range(6)]
    assert {word for word, _ in answers} == {"UNAVAILABLE"}
    assert max(took for _, took in answers) < AT_ONCE
    slapd.start()
    until(lambda: signs_in(site), NOTICED)


def test_a75_frozen_directory(start: Start, serve: Serve) -> None:
    slapd = start()
    site = serve({STAFF: [slapd.tls_url]}, timeout=QUICK)
    assert sign_in(site) == "OK"
    slapd.freeze()
    word, took = timed(lambda: sign_in(site))
    assert word == "UNAVAILABLE"
    assert took <= TOTAL + GRACE
    slapd.thaw()
    assert sign_in(site) == "OK"


def test_directory_that_thaws_in_time_lets_nobody_down(start: Start, serve: Serve) -> None:
    slapd = start()
    site = serve({STAFF: [slapd.tls_url]})
    slapd.freeze()
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(sign_in, site)
        assert site.sign_in(fresh_number())["result"] == "OK"
        assert not waiting.done()
        slapd.thaw()
        assert waiting.result() == "OK"


# -- two servers


def test_dead_server_of_two_costs_one_login_little_and_later_ones_nothing(
    start: Start, serve: Serve
) -> None:
    slapd = start()
    with FaultProxy(slapd.tls_port) as silent, FaultProxy(0) as refusing, unreachable() as nowhere:
        silent.set(SILENT)
        refusing.set(Faults(refuse=True))
        dead = {
            "silent": url(silent.port),
            "refusing": url(refusing.port),
            "unreachable": f"ldaps://{nowhere}",
        }
        site = serve({name: [first, slapd.tls_url] for name, first in dead.items()})
        with ThreadPoolExecutor() as threads:
            for word, took in threads.map(timed, (partial(sign_in, site, app) for app in dead)):
                assert word == "OK"
                assert took <= FIRST
        for app in [*dead] * 3:
            word, took = timed(partial(sign_in, site, app))
            assert word == "OK"
            assert took <= AT_ONCE


def test_server_that_is_back_is_found_out_by_nobody_who_waits(start: Start, serve: Serve) -> None:
    first, second = start(), start()
    with FaultProxy(first.tls_port) as proxy:
        site = serve({STAFF: [url(proxy.port), second.tls_url]}, timeout=QUICK)
        assert sign_in(site) == "OK"
        assert (ANN.dn in first.binds(), ANN.dn in second.binds()) == (True, False)
        first.forget()
        proxy.set(SILENT)
        assert sign_in(site) == "OK"
        assert (first.binds(), ANN.dn in second.binds()) == ([], True)
        asked = proxy.accepted

        def asks_again() -> bool:  # in vain
            word, took = timed(lambda: sign_in(site))
            assert (word, took < AT_ONCE) == ("OK", True)
            return proxy.accepted > asked

        until(asks_again, NOTICED)
        proxy.heal()
        until(lambda: signs_in(site) and ANN.dn in first.binds(), NOTICED)
        second.forget()
        assert sign_in(site) == "OK"
        assert second.binds() == []


def test_two_silent_servers_take_no_longer_than_one(start: Start, serve: Serve) -> None:
    slapd = start()
    with FaultProxy(slapd.tls_port) as one, FaultProxy(slapd.tls_port) as other:
        one.set(SILENT)
        other.set(SILENT)
        site = serve({STAFF: [url(one.port), url(other.port)]}, timeout=QUICK)
        word, took = timed(lambda: sign_in(site))
        assert word == "UNAVAILABLE"
        assert took <= TOTAL + GRACE
