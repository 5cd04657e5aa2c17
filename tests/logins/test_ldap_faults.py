"""Networks and directories that fail: all at once, each before a provider of its own.

A single wrong password would be too many here: what is counted as one shows at the next login.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from tests.logins.directories import ANN, DRIVERS, by_directory, signing_in, timed
from tests.logins.site import Answer, Site, fresh_client, running
from tests.servers.configs import Config
from tests.servers.fault_proxy import FaultProxy, Faults
from tests.servers.numbers import fresh_number
from tests.servers.process import HOST
from tests.servers.slapd import Slapd
from tests.servers.tls import Authority

TIMEOUT = {"connect": "1s", "operation": "2s", "total": "3s"}
TOTAL, GRACE = 3.0, 0.5
ONE_FAILURE = ["1/hour"]

SILENT = Faults(black_hole=True)
TRICKLING = Faults(rate=1.0)
SLOW = Faults(latency=0.8)  # no step takes too long, all of them do


class Case(NamedTuple):
    """A fault, and what it meets."""

    faults: Faults
    scheme: str
    start_tls: bool = False
    connected: bool = False  # somebody has signed in before


CASES = {
    "refused": Case(Faults(refuse=True), "ldaps"),
    "reset": Case(Faults(reset=True), "ldap"),
    "silent": Case(SILENT, "ldap"),
    "silent-tls": Case(SILENT, "ldaps"),
    "silent-starttls": Case(SILENT, "ldap", start_tls=True),
    "silent-later": Case(SILENT, "ldap", connected=True),
    "silent-later-tls": Case(SILENT, "ldaps", connected=True),
    "trickling": Case(TRICKLING, "ldap"),
    "trickling-tls": Case(TRICKLING, "ldaps"),
    "trickling-later": Case(TRICKLING, "ldaps", connected=True),
    "slow": Case(SLOW, "ldap"),
    "cut-in-an-answer": Case(Faults(cut_after=20), "ldap"),
    "cut-in-handshake": Case(Faults(cut_after=500), "ldaps"),
    "cut-later": Case(Faults(cut_after=0), "ldaps", connected=True),
}
EVERYWHERE = [pytest.param(d, c, id=f"{d}-{c}") for d in DRIVERS for c in CASES]


@dataclass(frozen=True)
class Fate:
    """What became of the people of one provider."""

    client: str
    answer: Answer  # to the right password, while the fault was there
    took: float
    afterwards: Answer  # to the same, when it was gone


@dataclass(frozen=True)
class Fates:
    """What became of all."""

    site: Site
    staff: dict[tuple[str, str], Fate]  # by driver and case
    others: list[tuple[Answer, float]]  # by phone, meanwhile


@pytest.fixture(scope="module")
def fates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fates]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    folder = tmp_path_factory.mktemp("slapd")
    with ExitStack() as stack:
        slapd = stack.enter_context(Slapd(folder, authority, people=[ANN], needs_tls=False))
        proxies = {
            (driver, name): stack.enter_context(FaultProxy(_port(slapd, case)))
            for driver in DRIVERS
            for name, case in CASES.items()
        }
        providers = {
            _app(*key): _provider(CASES[key[1]], proxy, authority, key[0])
            for key, proxy in proxies.items()
        }
        configure = signing_in(providers, ONE_FAILURE)
        site = stack.enter_context(running(tmp_path_factory.mktemp("site"), 1, configure))
        yield _go_through(site, proxies)


def _port(slapd: Slapd, case: Case) -> int:
    return slapd.tls_port if case.scheme == "ldaps" else slapd.port


def _app(driver: str, case: str) -> str:
    return f"{driver}-{case}"


def _provider(case: Case, proxy: FaultProxy, authority: Authority, driver: str) -> Config:
    plain = case.scheme == "ldap" and not case.start_tls
    return by_directory(
        [f"{case.scheme}://{HOST}:{proxy.port}"],
        authority.ca_file,
        driver,
        tls={"ca_file": str(authority.ca_file), "start_tls": case.start_tls},
        allow_cleartext=plain,
        timeout=TIMEOUT,
    )


def _go_through(site: Site, proxies: dict[tuple[str, str], FaultProxy]) -> Fates:
    def sign_in(key: tuple[str, str], client: str | None = None) -> Answer:
        return site.login(appid=_app(*key), username="ann", password=ANN.password, client=client)

    for key in proxies:
        if CASES[key[1]].connected:
            assert sign_in(key)["result"] == "OK", key
    for key, proxy in proxies.items():
        proxy.set(CASES[key[1]].faults)
    clients = {key: fresh_client() for key in proxies}
    with ThreadPoolExecutor(len(proxies)) as threads:
        waits = {
            key: threads.submit(timed, lambda key=key: sign_in(key, clients[key]))
            for key in proxies
        }
        others = [timed(lambda: site.sign_in(fresh_number())) for _ in range(5)]
    for proxy in proxies.values():
        proxy.heal()
    staff = {key: Fate(clients[key], *wait.result(), sign_in(key)) for key, wait in waits.items()}
    return Fates(site, staff, others)


@pytest.mark.parametrize(("driver", "case"), EVERYWHERE)
def test_a75_fault_ends_in_time_and_as_no_fault_of_the_person(
    fates: Fates, driver: str, case: str
) -> None:
    fate = fates.staff[driver, case]
    assert (fate.answer["result"], fate.answer["error"]) == ("FAIL", "UNAVAILABLE")
    assert "token" not in fate.answer
    assert fate.took <= TOTAL + GRACE
    (line,) = fates.site.audit(fate.client)
    assert (line["outcome"], line["provider"]) == ("unavailable", _app(driver, case))


@pytest.mark.parametrize(("driver", "case"), EVERYWHERE)
def test_right_password_works_at_once_when_the_fault_is_gone(
    fates: Fates, driver: str, case: str
) -> None:
    assert fates.staff[driver, case].afterwards["result"] == "OK"


def test_c21_a75_logins_by_phone_do_not_notice(fates: Fates) -> None:
    assert [answer["result"] for answer, _ in fates.others] == ["OK"] * len(fates.others)
    assert max(took for _, took in fates.others) < 1.0


def test_c13_no_password_is_told_to_anybody(fates: Fates) -> None:
    (gateway,) = fates.site.gateways
    assert ANN.password not in gateway.stdout + gateway.stderr


def test_wrong_password_is_counted_where_a_fault_was_not(fates: Fates) -> None:
    app = _app(DRIVERS[0], "refused")
    words = [
        fates.site.login(appid=app, username="ann", password=password)["error"]
        for password in ("wrong", ANN.password)
    ]
    assert words == ["BADLOGIN", "RATELIMIT"]
