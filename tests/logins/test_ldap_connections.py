"""Who is bound on which connection of a real OpenLDAP, and what is asked there (L4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.logins.directories import DRIVERS, by_directory, signing_in
from tests.logins.site import Site, running, until, words
from tests.servers.configs import GENEROUS
from tests.servers.slapd import ADMIN, PEOPLE, SERVICE, Slapd, numbered
from tests.servers.tls import Authority

CROWD: Final = 20
ROUNDS: Final = 3
IDLE: Final = 1  # seconds
_BY_NAME: Final[dict[str, Any]] = {"user_search": None, "user_dn": f"uid={{username}},{PEOPLE}"}
MODES: Final[dict[str, dict[str, Any]]] = {
    "search": {},
    "template": _BY_NAME,
    "as-people": {**_BY_NAME, "bind_dn": None, "bind_password": None},
}
_DID: Final = re.compile(r' conn=(\d+) op=\d+ (?:BIND dn="(.+)" method=128|SRCH base="(.*?)" .*)\n')


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def slapd(tmp_path: Path, authority: Authority) -> Iterator[Slapd]:
    folder = tmp_path / "slapd"
    folder.mkdir()
    settings = [f"idletimeout {IDLE}"]
    with Slapd(folder, authority, users=CROWD, settings=settings) as directory:
        yield directory


@pytest.fixture(params=DRIVERS)
def site(
    request: pytest.FixtureRequest, tmp_path: Path, slapd: Slapd, authority: Authority
) -> Iterator[Site]:
    providers = {
        mode: by_directory([slapd.tls_url], authority.ca_file, request.param, **keys)
        for mode, keys in MODES.items()
    }
    with running(tmp_path, 1, signing_in(providers, GENEROUS)) as found:
        yield found


def done(slapd: Slapd) -> dict[str, list[tuple[str, str]]]:
    """Return what clients did on each connection: who was bound, or below which entry was read."""
    told: dict[str, list[tuple[str, str]]] = {}
    for connection, bound, base in _DID.findall(slapd.process.log.read_text()):
        told.setdefault(connection, []).append(("bind", bound) if bound else ("search", base))
    return {each: steps for each, steps in told.items() if ("bind", ADMIN) not in steps}


def crowd(site: Site, mode: str) -> list[str]:
    """Sign everybody in at once; every third password is wrong."""
    logins = [
        {"appid": mode, "username": p.uid, "password": "wrong" if number % 3 == 0 else p.password}
        for number, p in enumerate(map(numbered, range(CROWD)))
    ]
    return words(site.at_once(logins))


@pytest.mark.parametrize("mode", ["search", "template"])
def test_l4_people_are_bound_where_the_service_account_never_is(
    site: Site, slapd: Slapd, mode: str
) -> None:
    expected = ["OK" if number % 3 else "BADLOGIN" for number in range(CROWD)]
    for _ in range(ROUNDS):
        assert crowd(site, mode) == expected
    people = {numbered(number).dn for number in range(CROWD)}
    seen: set[str] = set()
    for steps in done(slapd).values():
        bound = {what for step, what in steps if step == "bind"}
        read = [base for step, base in steps if step == "search" and base]
        seen |= bound
        assert bound == {SERVICE} or (bound <= people and read == [])
    assert seen == {SERVICE, *people}


def test_l4_people_read_their_own_entries_right_after_their_own_binds(
    site: Site, slapd: Slapd
) -> None:
    for _ in range(ROUNDS):
        crowd(site, "as-people")
    read = 0
    for steps in done(slapd).values():
        who = ""
        for step, what in steps:
            if step == "bind":
                who = what
            elif what:  # python-ldap's driver looks at the root entry of each new connection
                assert what == who
                read += 1
    assert read == ROUNDS * sum(number % 3 > 0 for number in range(CROWD))
    assert SERVICE not in slapd.binds()


@pytest.mark.parametrize("mode", MODES)
def test_connection_that_the_server_cut_while_idle_is_replaced_unseen(
    site: Site, slapd: Slapd, mode: str
) -> None:
    user = numbered(1)
    for _ in range(2):
        before = slapd.connections()
        answer = site.login(appid=mode, username=user.uid, password=user.password)
        assert words([answer]) == ["OK"]
        assert slapd.connections() > before
        until(lambda: _cut(slapd) == slapd.connections(), 10.0 * IDLE)
    (gateway,) = site.gateways
    assert "server down" not in gateway.stderr


def _cut(slapd: Slapd) -> int:
    return slapd.process.log.read_text().count("closed (idletimeout)")
