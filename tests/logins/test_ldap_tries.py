"""Guessing passwords of a directory: bounded for each person, however they are called."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from tests.logins.directories import DRIVERS, by_directory, signing_in
from tests.logins.site import Site, running, until, words
from tests.servers.configs import Config
from tests.servers.slapd import LOCKOUT, PEOPLE, Person, Slapd, numbered
from tests.servers.tls import Authority

TRIES: Final = LOCKOUT - 1  # that the gateway lets through: fewer than the directory does
WINDOW: Final = 3  # seconds
MAIL_TOO: Final = "(|(uid={username})(mail={username}))"
BY_NAME: Final[dict[str, Any]] = {"user_search": None, "user_dn": f"uid={{username}},{PEOPLE}"}
MODES: Final = ("search", "template")
_VICTIMS: Final = itertools.count()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Slapd]:
    with Slapd(tmp_path_factory.mktemp("slapd"), authority, users=100) as directory:
        yield directory


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, slapd: Slapd, authority: Authority
) -> Iterator[Site]:
    providers: dict[str, Config] = {}
    for driver in DRIVERS:
        search = {"user_search": {"base_dn": PEOPLE, "filter": MAIL_TOO}}
        for mode, keys in zip(MODES, (search, BY_NAME), strict=True):
            entry = by_directory([slapd.tls_url], authority.ca_file, driver, **keys)
            providers[f"{driver}-{mode}"] = entry

    configure = signing_in(providers, [f"{TRIES}/{WINDOW}s"])

    def with_more_apps(*servers: Any) -> Config:
        config = configure(*servers)
        more = {f"{name}-too": {"providers": [name]} for name in providers}
        return {**config, "apps": {**config["apps"], **more}}

    with running(tmp_path_factory.mktemp("site"), 1, with_more_apps) as found:
        yield found


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(params=MODES)
def app(request: pytest.FixtureRequest, driver: str) -> str:
    return f"{driver}-{request.param}"


@pytest.fixture
def victim() -> Person:
    return numbered(next(_VICTIMS))


def sign_in(site: Site, app: str, name: str, password: str) -> str:
    """Sign in from an address of one's own."""
    return words([site.login(appid=app, username=name, password=password)])[0]


def test_l10_a71_directory_sees_fewer_tries_than_it_takes_to_lock(
    site: Site, app: str, slapd: Slapd, victim: Person
) -> None:
    slapd.forget()
    fields = [
        {"appid": f"{app}{more}", "username": victim.uid, "password": f"wrong-{number}"}
        for number, more in zip(range(100), itertools.cycle(["", "-too"]), strict=False)
    ]
    found = words(site.at_once(fields))
    seen = slapd.binds().count(victim.dn)
    # All of it may take longer than a window.
    assert TRIES <= seen < 2 * LOCKOUT
    assert (found.count("BADLOGIN"), found.count("RATELIMIT")) == (seen, 100 - seen)


def test_a71_victim_can_sign_in_after_the_window(site: Site, app: str, victim: Person) -> None:
    for number in range(TRIES + 1):
        word = sign_in(site, app, victim.uid, f"wrong-{number}")
    assert word == "RATELIMIT"
    answer = site.login(appid=app, username=victim.uid, password=victim.password)
    assert answer["error"] == "RATELIMIT"
    assert 0 < answer["retry_after"] <= WINDOW
    until(lambda: sign_in(site, app, victim.uid, victim.password) == "OK", 2.0 * WINDOW)


def upper(name: str) -> str:
    return name.upper()


def full_width(name: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) for c in name)


def spaced(name: str) -> str:
    return f" {name}\u3000"


@pytest.mark.parametrize("twin", [upper, full_width, spaced])
def test_l14_a69_twins_have_their_tries_together(
    site: Site, app: str, slapd: Slapd, victim: Person, twin: Callable[[str], str]
) -> None:
    slapd.forget()
    names = itertools.cycle([victim.uid, twin(victim.uid)])
    found = [sign_in(site, app, name, "wrong") for name in itertools.islice(names, TRIES + 1)]
    assert found == ["BADLOGIN"] * TRIES + ["RATELIMIT"]
    assert sign_in(site, app, twin(victim.uid), victim.password) == "RATELIMIT"
    assert len([dn for dn in slapd.binds() if dn.lower() == victim.dn]) == TRIES


@pytest.mark.parametrize("twin", [upper, full_width, spaced])
def test_l14_a69_twins_are_one_in_the_messenger(
    site: Site, app: str, victim: Person, twin: Callable[[str], str]
) -> None:
    one, other = (
        site.login(appid=app, username=name, password=victim.password)
        for name in (victim.uid, twin(victim.uid))
    )
    assert one["address"] == other["address"]


@pytest.mark.parametrize("hidden", ["\u200b", "\u00ad", "\u202e", "\ufeff"])
def test_a69_name_with_something_invisible_is_nobodys(
    site: Site, app: str, slapd: Slapd, victim: Person, hidden: str
) -> None:
    slapd.forget()
    assert sign_in(site, app, f"{victim.uid}{hidden}", victim.password) == "BADLOGIN"
    assert slapd.binds() == []


def test_l10_names_of_one_account_have_its_tries_together(
    site: Site, driver: str, slapd: Slapd, victim: Person
) -> None:
    slapd.forget()
    names = itertools.cycle([victim.uid, f"{victim.uid}@example.test"])
    app = f"{driver}-search"
    found = [sign_in(site, app, name, "wrong") for name in itertools.islice(names, TRIES + 1)]
    assert found == ["BADLOGIN"] * TRIES + ["RATELIMIT"]
    assert slapd.binds().count(victim.dn) == TRIES


def test_right_password_ends_the_count(site: Site, app: str, victim: Person) -> None:
    for _ in range(3):
        for _ in range(TRIES - 1):
            assert sign_in(site, app, victim.uid, "wrong") == "BADLOGIN"
        assert sign_in(site, app, victim.uid, victim.password) == "OK"
