"""Nobody learns from the time of an answer who is in the directory (L12, A67)."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

import pytest

from tests.logins.directories import by_directory, signing_in, timed
from tests.logins.site import Site, running, words
from tests.servers.configs import GENEROUS
from tests.servers.slapd import PEOPLE, Person, Slapd, ssha
from tests.servers.tls import Authority

pytestmark = pytest.mark.alone

NAMES: Final = 300
FIRST: Final = 40  # names, after which there is something to go by
PREFIXES: Final = 1000
COMPARISONS: Final = 3
BY_NAME: Final[dict[str, Any]] = {"user_search": None, "user_dn": f"uid={{username}},{PEOPLE}"}
PASSWORD: Final = "the password of everybody"


@cache
def argon2(password: str) -> str:
    """Hash so that checking a password takes the server five or ten milliseconds."""
    command = ["slappasswd", "-o", "module-load=argon2 m=8192 t=2", "-h", "{ARGON2}"]
    done = subprocess.run([*command, "-s", password], check=True, capture_output=True)
    return done.stdout.decode().strip()


@pytest.fixture(scope="module", params=[ssha, argon2], ids=["fast", "slow"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    people = [Person(f"user{number}", PASSWORD) for number in range(FIRST + NAMES)]
    hashed: Callable[[str], str] = request.param
    folder = tmp_path_factory.mktemp("slapd")
    with Slapd(folder, authority, people=people, hashed=hashed) as slapd:
        providers = {
            mode: by_directory([slapd.tls_url], authority.ca_file, "ldap3", **keys)
            for mode, keys in {"search": {}, "template": BY_NAME}.items()
        }
        configure = signing_in(providers, GENEROUS)
        with running(tmp_path_factory.mktemp("site"), 1, configure) as found:
            yield found


def seconds(site: Site, app: str, name: str) -> float:
    answer, took = timed(lambda: site.login(appid=app, username=name, password="wrong"))
    assert words([answer]) == ["BADLOGIN"]
    return took


def assert_alike(site: Site, app: str, name: str, numbers: range) -> None:
    """Known and unknown names take the same time, within a tenth.

    Another program on the machine may move one comparison by more; a difference that tells who is
    there is in all of them.
    """
    seen = []
    for _ in range(COMPARISONS):
        known, unknown = [], []
        for number in numbers:  # in turn: nothing else may tell them apart
            known.append(seconds(site, app, name.format(f"user{number}")))
            unknown.append(seconds(site, app, name.format(f"none{number}")))
        one, other = statistics.median(known), statistics.median(unknown)
        if abs(one - other) <= min(0.1 * one, 0.01):
            return
        seen.append(f"{one * 1000:.2f} ms, {other * 1000:.2f} ms")
    pytest.fail("; ".join(seen))


@pytest.mark.parametrize("app", ["search", "template"])
def test_l12_unknown_name_takes_as_long_as_a_wrong_password(site: Site, app: str) -> None:
    for number in range(FIRST):
        login: dict[str, Any] = {"username": f"user{number}", "password": PASSWORD}
        assert site.login(appid=app, **login)["result"] == "OK"
        seconds(site, app, f"user{number}")
    assert_alike(site, app, "{}", range(FIRST, FIRST + NAMES))


@pytest.mark.parametrize("site", [pytest.param(ssha, id="fast")], indirect=True)
def test_a67_beginnings_of_names_cannot_be_guessed(site: Site) -> None:
    seconds(site, "search", "user0")
    assert_alike(site, "search", "{}*", range(PREFIXES // 2))
