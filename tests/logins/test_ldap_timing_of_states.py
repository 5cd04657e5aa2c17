"""A wrong password takes as long for accounts of every state as for nobody's (L12, C4)."""

from __future__ import annotations

import random
import statistics
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from typing import Any, Final

import pytest

from tests.logins.directories import DRIVERS, by_directory, signing_in, timed
from tests.logins.site import Site, running
from tests.servers.configs import GENEROUS
from tests.servers.slapd import PEOPLE, Group, Person, Slapd
from tests.servers.tls import Authority

pytestmark = pytest.mark.alone

TRIES: Final = 60  # of each kind
FIRST: Final = 30  # that sign in before, so that there is something to go by
PASSWORD: Final = "the password of everybody"
TWICE: Final = {"base_dn": PEOPLE, "filter": "(|(uid={username})(mail={username}@example.test))"}
KINDS: Final = ("approved", "in no group", "locked", "twice", "unknown")


def people() -> dict[str, list[Person]]:
    def some(kind: str, **attributes: str) -> list[Person]:
        name = kind.replace(" ", "-")
        return [Person(f"{name}{n}", PASSWORD, attributes) for n in range(FIRST + TRIES)]

    return {
        "approved": some("approved"),
        "in no group": some("in no group"),
        "locked": some("locked", pwdAccountLockedTime="000001010000Z"),
        "twice": some("twice"),
        "unknown": some("unknown"),
    }


@cache
def argon2(password: str) -> str:
    """Hash so that checking a password takes the server five or ten milliseconds."""
    command = ["slappasswd", "-o", "module-load=argon2 m=8192 t=2", "-h", "{ARGON2}"]
    done = subprocess.run([*command, "-s", password], check=True, capture_output=True)
    return done.stdout.decode().strip()


@pytest.fixture(scope="module", params=DRIVERS)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    kinds = people()
    doubles = [
        replace(p, uid=f"other-{p.uid}", attributes={"mail": f"{p.uid}@example.test"})
        for p in kinds["twice"]
    ]
    known = [p for kind in KINDS if kind != "unknown" for p in kinds[kind]]
    group = Group("staff", [p.dn for kind in ("approved", "locked") for p in kinds[kind]])
    folder = tmp_path_factory.mktemp("slapd")
    with Slapd(
        folder, authority, people=[*known, *doubles], groups=[group], hashed=argon2
    ) as slapd:
        keys: dict[str, Any] = {"user_search": TWICE, "groups": {"required": [group.dn]}}
        entry = by_directory([slapd.tls_url], authority.ca_file, request.param, **keys)
        configure = signing_in({"staff": {**entry, "address": "{username}"}}, GENEROUS)
        with running(tmp_path_factory.mktemp("site"), 1, configure) as found:
            yield found


def test_l12_c4_refusals_of_all_kinds_take_as_long(site: Site) -> None:
    kinds = people()
    for person in kinds["approved"][:FIRST]:
        fields: dict[str, Any] = {"username": person.uid, "password": PASSWORD}
        assert site.login(appid="staff", **fields)["result"] == "OK"
        site.login(appid="staff", username=person.uid, password="wrong")
    tries = [(kind, person) for kind in KINDS for person in kinds[kind][FIRST:]]
    random.Random(12).shuffle(tries)
    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    bodies = set()
    for kind, person in tries:
        wrong: dict[str, Any] = {"username": person.uid, "password": "wrong"}
        answer, seconds = timed(partial(site.login, appid="staff", **wrong))
        took[kind].append(seconds)
        del answer["ts"]
        bodies.add(str(sorted(answer.items())))
    assert len(bodies) == 1
    medians = {kind: statistics.median(seconds) for kind, seconds in took.items()}
    fastest, slowest = min(medians.values()), max(medians.values())
    assert slowest - fastest <= max(0.004, 0.1 * slowest), medians
