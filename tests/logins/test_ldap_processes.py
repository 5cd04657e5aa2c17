"""Two processes on one Redis before one OpenLDAP: what they let through is counted together."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.logins.configuration import SECRET
from tests.logins.directories import DRIVERS, by_directory, signing_in
from tests.logins.site import Site, running, words
from tests.servers.configs import Config
from tests.servers.redis_server import RedisServer
from tests.servers.slapd import LOCKOUT, PEOPLE, Person, Slapd, numbered
from tests.servers.tls import Authority

TRIES: Final = LOCKOUT - 1  # of one account in an hour
CROWD: Final = 60
BY_NAME: Final[dict[str, Any]] = {"user_search": None, "user_dn": f"uid={{username}},{PEOPLE}"}
MAIL_TOO: Final = {"base_dn": PEOPLE, "filter": "(|(uid={username})(mail={username}))"}
MODES: Final[dict[str, dict[str, Any]]] = {"search": {"user_search": MAIL_TOO}, "template": BY_NAME}
EVERYWHERE: Final = [f"{driver}-{mode}" for driver in DRIVERS for mode in MODES]
_VICTIMS: Final = itertools.count()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Slapd]:
    with Slapd(tmp_path_factory.mktemp("slapd"), authority, users=50) as directory:
        yield directory


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    shared_redis: RedisServer,
    slapd: Slapd,
    authority: Authority,
) -> Iterator[Site]:
    providers = {
        f"{driver}-{mode}": by_directory([slapd.tls_url], authority.ca_file, driver, **keys)
        for driver in DRIVERS
        for mode, keys in MODES.items()
    }
    configure = signing_in(providers, [f"{TRIES}/hour"])

    def on_redis(*servers: Any) -> Config:
        return {**configure(*servers), "secret": SECRET, "store": {"url": shared_redis.url}}

    with running(tmp_path_factory.mktemp("site"), 2, on_redis) as found:
        yield found


@pytest.fixture
def victim() -> Person:
    return numbered(next(_VICTIMS))


@pytest.mark.parametrize("app", EVERYWHERE)
def test_l10_c6_a71_parallel_tries_at_two_processes_stay_below_the_lockout(
    site: Site, slapd: Slapd, victim: Person, app: str
) -> None:
    slapd.forget()
    guess = {"appid": app, "username": victim.uid}
    found = words(site.at_once([{**guess, "password": f"wrong-{n}"} for n in range(CROWD)]))
    assert (found.count("BADLOGIN"), found.count("RATELIMIT")) == (TRIES, CROWD - TRIES)
    assert slapd.binds().count(victim.dn) == TRIES


@pytest.mark.parametrize("driver", DRIVERS)
def test_l10_c6_names_of_one_account_are_counted_together_by_both(
    site: Site, slapd: Slapd, victim: Person, driver: str
) -> None:
    slapd.forget()
    names = itertools.cycle([victim.uid, f"{victim.uid}@example.test", victim.uid.upper()])
    guesses = [
        {"appid": f"{driver}-search", "username": name, "password": "wrong"}
        for name in itertools.islice(names, CROWD)
    ]
    assert words(site.at_once(guesses)).count("BADLOGIN") == TRIES
    assert slapd.binds().count(victim.dn) == TRIES


@pytest.mark.parametrize("app", EVERYWHERE)
def test_c5_right_password_at_one_process_clears_the_count_of_the_other(
    site: Site, victim: Person, app: str
) -> None:
    for _ in range(3):
        wrong: dict[str, Any] = {"username": victim.uid, "password": "wrong"}
        for _ in range(TRIES - 1):
            assert words([site.login(appid=app, **wrong)]) == ["BADLOGIN"]
        right = site.login(appid=app, username=victim.uid, password=victim.password)
        assert right["result"] == "OK"
