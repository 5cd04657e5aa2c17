"""With ``logging.level: debug``, passwords are in no log either (L13)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.logins.directories import ANN, DRIVERS, by_directory, signing_in
from tests.logins.site import Site, running, words
from tests.servers.configs import GENEROUS, Config
from tests.servers.process import HOST
from tests.servers.slapd import PEOPLE, SERVICE_PASSWORD, SPECIAL_NAMES, Person, Slapd
from tests.servers.tls import Authority

WRONG: Final = "a wrong password"
WRONG_SERVICE: Final = "the wrong password of the service account"
BY_NAME: Final[dict[str, Any]] = {"user_search": None, "user_dn": f"uid={{username}},{PEOPLE}"}
CASES: Final[dict[str, dict[str, Any]]] = {
    "search": {},
    "template": BY_NAME,
    "refused": {"bind_password": WRONG_SERVICE},
    "down": {},
}


def url(case: str, slapd: Slapd) -> str:
    return f"ldaps://{HOST}:1" if case == "down" else slapd.tls_url


@pytest.fixture(scope="module", params=["console", "json"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    people = [ANN, *map(Person, SPECIAL_NAMES)]
    with Slapd(tmp_path_factory.mktemp("slapd"), authority, people=people) as slapd:
        providers = {
            f"{driver}-{case}": by_directory([url(case, slapd)], authority.ca_file, driver, **keys)
            for driver in DRIVERS
            for case, keys in CASES.items()
        }
        configure = signing_in(providers, GENEROUS)

        def in_detail(*servers: Any) -> Config:
            logging = {"format": request.param, "level": "debug"}
            return {**configure(*servers), "logging": logging}

        with running(tmp_path_factory.mktemp("site"), 1, in_detail) as found:
            yield found


@pytest.mark.parametrize("driver", DRIVERS)
def test_l13_c13_no_password_is_logged_at_any_level(site: Site, driver: str) -> None:
    found = []
    for case in CASES:
        for name in ("ann", "nobody", *SPECIAL_NAMES):
            for password in (Person(name).password, WRONG):
                login: dict[str, Any] = {"username": name, "password": password}
                found += words([site.login(appid=f"{driver}-{case}", **login)])
    assert {"OK", "BADLOGIN", "UNAVAILABLE"} == set(found)
    (gateway,) = site.gateways
    logged = gateway.stdout + gateway.stderr
    assert "authn_login_fail" in logged
    for secret in (SERVICE_PASSWORD, WRONG, WRONG_SERVICE, "Passw0rd-"):
        assert secret not in logged
