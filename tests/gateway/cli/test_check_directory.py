"""``check`` with a directory: what administrators are told, and what it asks the directory."""

from __future__ import annotations

import datetime
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.gateway.cli.command import run
from tests.servers import samba
from tests.servers.fault_proxy import FaultProxy, Faults
from tests.servers.process import HOST
from tests.servers.samba import Samba
from tests.servers.slapd import (
    GROUPS,
    LOCKED,
    PEOPLE,
    SERVICE,
    SERVICE_PASSWORD,
    SPECIAL_NAMES,
    SUFFIX,
    Group,
    Person,
    Slapd,
)
from tests.servers.tls import Authority

DRIVERS: Final = ("ldap3", "python-ldap")
ANN: Final = Person("ann", attributes={"mail": "ann@example.test"})
BOB: Final = Person("bob")
STAFF, GUESTS = Group("staff", [ANN.dn, LOCKED.dn]), Group("guests", [BOB.dn])
YESTERDAY: Final = f"{datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1):%Y-%m-%d}"
WRONG: Final = "wrong-secret"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Slapd]:
    people = [ANN, BOB, LOCKED, *map(Person, SPECIAL_NAMES)]
    folder = tmp_path_factory.mktemp("slapd")
    with Slapd(folder, authority, people=people, groups=[STAFF, GUESTS]) as directory:
        yield directory


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def staff(directory: Slapd, authority: Authority, driver: str) -> dict[str, Any]:
    """The keys of a provider that is fine."""
    return {
        "preset": "openldap",
        "driver": driver,
        "urls": [directory.tls_url],
        "tls": {"ca_file": str(authority.ca_file)},
        "bind_dn": SERVICE,
        "bind_password": SERVICE_PASSWORD,
        "user_search": {"base_dn": PEOPLE},
    }


def check(folder: Path, keys: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
    file = folder / "gateway.yaml"
    provider = {"type": "ldap", "config": keys}
    config = {"issuer": {"type": "sandbox"}, "apps": {"*": {}}, "providers": {"staff": provider}}
    file.write_text(yaml.safe_dump({**config, "limits": {"failures_per_identity": []}}))
    ended = run("check", "--config", str(file), *arguments)
    for secret in (SERVICE_PASSWORD, WRONG):
        assert secret not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    return ended


def problem(folder: Path, keys: dict[str, Any]) -> str:
    """Return the one problem that ``check --connect`` finds."""
    ended = check(folder, keys, "--connect")
    (line,) = (line for line in ended.stdout.splitlines() if not line.startswith("warning: "))
    assert ended.returncode == 1
    assert line.startswith("provider staff: ")
    return line


# Every upstream


def test_directory_that_is_fine(tmp_path: Path, staff: dict[str, Any], directory: Slapd) -> None:
    directory.forget()
    groups = {"required": [STAFF.dn], "denied": [GUESTS.dn]}
    ended = check(tmp_path, {**staff, "groups": groups}, "--connect")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[-1] == f"{tmp_path}/gateway.yaml: fine"
    # It bound as the service account and nobody else, and asked what a login asks.
    assert set(directory.binds()) == {SERVICE}
    assert (PEOPLE, "(uid=*)") in [tuple(search) for search in directory.searches()]


def test_password_of_the_service_account(
    tmp_path: Path, staff: dict[str, Any], directory: Slapd
) -> None:
    directory.forget()
    found = problem(tmp_path, {**staff, "bind_password": WRONG})
    assert f"{directory.tls_url} refuses bind_dn and bind_password: wrong password" in found
    assert directory.binds() == [SERVICE]  # once: the directory counts


def test_base_that_is_not_there(tmp_path: Path, staff: dict[str, Any]) -> None:
    base = f"ou=peopel,{SUFFIX}"
    found = problem(tmp_path, {**staff, "user_search": {"base_dn": base}})
    assert f"{base}, where people should be, cannot be read; correct the name" in found


def test_filter_and_base_that_find_nobody_are_shown_as_they_are_sent(
    tmp_path: Path, staff: dict[str, Any], directory: Slapd
) -> None:
    directory.forget()
    search = {"base_dn": PEOPLE, "filter": "(&(employeeType=x)(uid={username}))"}
    sent = "(&(employeeType=x)(uid=*))"
    found = problem(tmp_path, {**staff, "user_search": search})
    assert f"a search below {PEOPLE} for {sent} finds nobody" in found
    assert (PEOPLE, sent) in [tuple(search) for search in directory.searches()]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("expired", ["certificate has expired", "the certificate of ", f"until {YESTERDAY}"]),
        ("other_name", ["certificate is not valid for '127.0.0.1'", "the certificate of "]),
    ],
)
def test_certificate_that_is_refused_is_named(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    staff: dict[str, Any],
    kind: Any,
    told: list[str],
) -> None:
    folder = tmp_path_factory.mktemp("slapd")
    with Slapd(folder, authority, people=[ANN], certificate=kind) as other:
        found = problem(tmp_path, {**staff, "urls": [other.tls_url]})
        assert other.binds() == []
    for words in told:
        assert words in found


def test_server_that_wants_tls_says_so(
    tmp_path: Path, staff: dict[str, Any], directory: Slapd
) -> None:
    clear = {**staff, "urls": [directory.url], "tls": {}, "allow_cleartext": True}
    assert "the server wants TLS before passwords (result code 13)" in problem(tmp_path, clear)


@pytest.mark.parametrize("driver", DRIVERS)
def test_l15_active_directory_that_wants_signing_says_so(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, driver: str
) -> None:
    with Samba(tmp_path_factory.mktemp("samba")) as controller:
        keys = {
            "preset": "active_directory",
            "driver": driver,
            "urls": [controller.url],
            "allow_cleartext": True,
            "bind_dn": samba.SERVICE.principal,
            "bind_password": samba.SERVICE.password,
            "user_search": {"base_dn": samba.BASE},
        }
        assert "wants TLS or signing before passwords (result code 8)" in problem(tmp_path, keys)
        secure = {**keys, "urls": [controller.tls_url], "tls": {"ca_file": str(controller.ca_file)}}
        ended = check(tmp_path, {**secure, "allow_cleartext": False}, "--connect")
        assert ended.returncode == 0


def test_clear_text_is_refused_by_the_file_alone(
    tmp_path: Path, staff: dict[str, Any], directory: Slapd
) -> None:
    directory.forget()
    ended = check(tmp_path, {**staff, "urls": [directory.url]}, "--connect")
    assert ended.returncode == 1
    (line,) = ended.stdout.splitlines()
    place, _, told = line.partition(": ")
    file, row, column = place.rsplit(":", 2)
    assert (file, row.isdigit(), column.isdigit()) == (f"{tmp_path}/gateway.yaml", True, True)
    assert told.startswith("providers.staff.config: passwords would cross the network in the clear")
    assert directory.connections() == 0


def test_silent_server_of_two_is_named_in_time(
    tmp_path: Path, staff: dict[str, Any], directory: Slapd
) -> None:
    timeout = {"connect": "500ms", "operation": "500ms", "total": "1s"}
    with FaultProxy(directory.tls_port) as silent:
        silent.set(Faults(black_hole=True))
        url = f"ldaps://{HOST}:{silent.port}"
        found = problem(tmp_path, {**staff, "urls": [url, directory.tls_url], "timeout": timeout})
    assert found.startswith(f"provider staff: {url}: no ")


# Somebody


def walk(folder: Path, keys: dict[str, Any], name: str) -> tuple[int, list[str]]:
    ended = check(folder, keys, "--user", name)
    assert ended.stderr == ""
    lines = ended.stdout.splitlines()
    assert all(line.startswith("provider staff: ") for line in lines)
    return ended.returncode, [line.removeprefix("provider staff: ") for line in lines]


@pytest.mark.parametrize(
    ("name", "groups", "status", "last"),
    [
        ("ann", {"required": [STAFF.dn]}, 0, "signs in, if the proof is right, with the mesibo"),
        ("bob", {"required": [STAFF.dn]}, 1, "refused here, told as BADLOGIN: in no required grou"),
        ("bob", {"denied": [GUESTS.dn]}, 1, "refused here, told as BADLOGIN: in a denied group"),
        (LOCKED.uid, {"required": [STAFF.dn]}, 1, "refused here, told as BADLOGIN: account locked"),
        ("nobody", {"required": [STAFF.dn]}, 1, "entry: none: the next provider is asked, or BADL"),
        ("ann\u200b", {"required": [STAFF.dn]}, 1, "refused at once, told as BADLOGIN: no login"),
    ],
)
def test_step_that_refuses_somebody_is_the_last(
    tmp_path: Path,
    staff: dict[str, Any],
    directory: Slapd,
    name: str,
    groups: dict[str, Any],
    status: int,
    last: str,
) -> None:
    directory.forget()
    ended, steps = walk(tmp_path, {**staff, "groups": groups}, name)
    assert (ended, steps[-1][: len(last)]) == (status, last)
    assert set(directory.binds()) <= {SERVICE}  # nobody's password is needed, or tried


@pytest.mark.parametrize("name", SPECIAL_NAMES)
def test_l2_a65_filter_is_shown_as_it_is_sent(
    tmp_path: Path, staff: dict[str, Any], directory: Slapd, name: str
) -> None:
    directory.forget()
    status, steps = walk(tmp_path, staff, name)
    assert status == 0
    (shown,) = (step for step in steps if step.startswith("search: "))
    assert shown.startswith(f"search: below {PEOPLE} (sub) for (uid=")
    (sent,) = (search for search in directory.searches() if search.base)
    assert sent.base == PEOPLE
    assert f"username {name}, " in f"{steps[-2]}, "


@pytest.mark.parametrize("name", ["*", "*)(uid=*", "ann)(|(uid=*", "ann*"])
def test_l2_injection_finds_nobody(tmp_path: Path, staff: dict[str, Any], name: str) -> None:
    status, steps = walk(tmp_path, staff, name)
    assert (status, steps[-1]) == (1, "entry: none: the next provider is asked, or BADLOGIN")


def test_service_account_that_is_refused_ends_the_walk(
    tmp_path: Path, staff: dict[str, Any], directory: Slapd
) -> None:
    ended = check(tmp_path, {**staff, "bind_password": WRONG}, "--user", "ann")
    last = ended.stdout.splitlines()[-1]
    assert ended.returncode == 1
    assert f"UNAVAILABLE: {directory.tls_url} refuses bind_dn and bind_password: wrong" in last


def test_groups_that_cannot_be_searched_end_the_walk(tmp_path: Path, staff: dict[str, Any]) -> None:
    groups = {"base_dn": f"ou=grops,{SUFFIX}", "required": [f"cn=staff,{GROUPS}"]}
    status, steps = walk(tmp_path, {**staff, "groups": groups}, "ann")
    assert status == 1
    assert steps[-1].startswith("ends here, told as UNAVAILABLE: ")
    assert "there is no entry of that name to search below (result code 32)" in steps[-1]
