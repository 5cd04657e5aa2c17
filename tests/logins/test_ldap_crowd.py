"""Crowds in front of a slow directory: whoever waits, waits alone."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from bench.figures import percentile
from bench.proc import resident_mib
from tests.logins.directories import DRIVERS, by_directory, signing_in
from tests.logins.site import Answer, Site, fresh_client, running, words
from tests.servers.configs import GENEROUS
from tests.servers.fault_proxy import FaultProxy, Faults
from tests.servers.gateway import post
from tests.servers.numbers import fresh_number
from tests.servers.process import HOST
from tests.servers.slapd import Slapd, numbered
from tests.servers.tls import Authority

pytestmark = pytest.mark.alone

STAFF, NARROW, LAG = "staff", "narrow", "lag"
CROWD = 200
POOL = 8  # connections
ADMITTED = POOL * 9  # those connections, and eight who wait for each
ADMITTED_BY_TWO = 2 * 9
LATENCY = 0.25  # seconds each way: half a second for an answer
TOTAL, GRACE = 10.0, 0.5
SHED_WITHIN = 50.0  # milliseconds
LATE = 20.0  # milliseconds
BUSY = 2.0  # times what it is without a crowd, if that is more: others use the machine, too
PAUSE = 0.01  # seconds between logins of others
CROWDS = 5
GROWTH = 2.0  # MiB


@dataclass
class Meanwhile:
    """What a process did for others, in milliseconds."""

    logins: list[float] = field(default_factory=list)  # by phone, both steps
    health: list[float] = field(default_factory=list)
    lag: float = 0.0  # p99 of its event loop's


@dataclass(frozen=True)
class Service:
    """A gateway, and the network between it and its directory."""

    site: Site
    network: FaultProxy


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Slapd]:
    with Slapd(tmp_path_factory.mktemp("slapd"), authority, users=CROWD) as slapd:
        yield slapd


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=DRIVERS)
def service(
    request: pytest.FixtureRequest, tmp_path: Path, slapd: Slapd, authority: Authority
) -> Iterator[Service]:
    with FaultProxy(slapd.tls_port) as network:
        urls = [f"ldaps://{HOST}:{network.port}"]
        narrow = {"pool_size": 2, "timeout": {"total": "2500ms"}}
        providers = {
            STAFF: by_directory(urls, authority.ca_file, request.param),
            NARROW: by_directory(urls, authority.ca_file, request.param, **narrow),
            LAG: {"type": "tests.logins.lag_provider", "config": {}},
        }
        with running(tmp_path, 1, signing_in(providers, GENEROUS)) as site:
            yield Service(site, network)


def crowd(site: Site, size: int, app: str = STAFF, client: str | None = None) -> list[Answer]:
    people = map(numbered, range(size))
    logins = [{"appid": app, "username": p.uid, "password": p.password} for p in people]
    return site.at_once(logins, client)


def milliseconds(request: Callable[[], object]) -> float:
    started = time.perf_counter()
    request()
    return (time.perf_counter() - started) * 1000


def observe(site: Site, go_on: Callable[[], bool]) -> Meanwhile:
    """Sign others in, one after the other."""
    seen = Meanwhile()
    (gateway,) = site.gateways
    site.login(appid=LAG, username="start")
    while go_on():
        seen.logins.append(milliseconds(partial(site.sign_in, fresh_number())))
        seen.health.append(
            milliseconds(partial(post, gateway.admin_url, path="/healthz", method="GET"))
        )
        time.sleep(PAUSE)
    seen.lag = float(site.login(appid=LAG, username="stop")["name"])
    return seen


def test_c21_a75_200_logins_at_a_directory_that_takes_half_a_second(service: Service) -> None:
    site = service.site
    service.network.set(Faults(latency=0.02))
    assert words(crowd(site, POOL)) == ["OK"] * POOL  # connected
    service.network.set(Faults(latency=LATENCY))
    ends = time.monotonic() + 1
    quiet = observe(site, lambda: time.monotonic() < ends)
    client, answers = fresh_client(), list[Answer]()
    everybody = threading.Thread(target=lambda: answers.extend(crowd(site, CROWD, client=client)))
    started = time.monotonic()
    everybody.start()
    meanwhile = observe(site, everybody.is_alive)
    assert time.monotonic() - started < TOTAL + GRACE
    assert Counter(words(answers)) == {"OK": ADMITTED, "UNAVAILABLE": CROWD - ADMITTED}
    # Whoever has to come again is told at once.
    lines = site.audit(client, CROWD)
    shed = [line["ms"] for line in lines if line["outcome"] == "unavailable"]
    assert max(shed) < SHED_WITHIN
    assert {a["retry_after"] for a in answers if "error" in a} == {1}
    # Nobody else notices.
    assert meanwhile.lag < max(LATE, BUSY * quiet.lag)
    for mine, usual in ((meanwhile.logins, quiet.logins), (meanwhile.health, quiet.health)):
        assert percentile(mine, 99) < max(2 * LATE, BUSY * percentile(usual, 99))


def test_memory_of_five_crowds_is_flat(service: Service) -> None:
    service.network.set(Faults(latency=0.01))
    (gateway,) = service.site.gateways
    sizes = []
    for _ in range(2 + CROWDS):  # the first two fill what is kept anyway
        assert Counter(words(crowd(service.site, CROWD)))["OK"] >= ADMITTED
        sizes.append(resident_mib(gateway.pid))
    assert sizes[-1] - sizes[1] < GROWTH, sizes


def test_slow_directory_is_not_taken_for_a_dead_one(service: Service) -> None:
    """Those who waited for their turn in vain say nothing about the server."""
    site = service.site
    assert words(crowd(site, 1, NARROW)) == ["OK"]
    service.network.set(Faults(latency=0.2))
    answers = Counter(words(crowd(site, ADMITTED_BY_TWO, NARROW)))
    assert answers["OK"]
    assert answers["UNAVAILABLE"] > 3  # as many failures in a row would make it a dead one
    service.network.heal()
    assert words(crowd(site, 1, NARROW)) == ["OK"]
