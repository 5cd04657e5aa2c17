"""The ways into a directory that are compared: all lead there, and none with a wrong password."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pytest

from bench import directories
from bench.directories import Directory
from bench.directory_logins import run, somebody
from bench.journey import WrongAnswers
from bench.plans.directory import WAYS
from tests.servers.slapd import numbered

IN_FLIGHT = 3


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    with directories.running(tmp_path_factory.mktemp("bench") / "few", 10) as directory:
        yield directory


# Bare ldap3 checks host names that way.
@pytest.mark.filterwarnings("ignore:ssl.match_hostname:DeprecationWarning")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("way", WAYS)
async def test_everybody_signs_in(directory: Directory, way: str, tls: bool) -> None:
    people = list(islice(somebody(directory), 30))
    assert len({person.uid for person in people}) == directory.users
    async with WAYS[way](directory, tls=tls) as sign_in:
        cost = await run(sign_in, people, IN_FLIGHT)
    assert cost.cpu_us > 0
    assert cost.rate > 0


@pytest.mark.parametrize("way", WAYS)
async def test_wrong_password_fails_the_benchmark(directory: Directory, way: str) -> None:
    stranger = replace(numbered(1), secret="wrong")
    async with WAYS[way](directory, tls=False) as sign_in:
        with pytest.raises(WrongAnswers):
            await run(sign_in, [stranger], 1)
