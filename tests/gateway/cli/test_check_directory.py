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
    MUST_CHANGE,
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
JUST_NOW: Final = f"{datetime.datetime.now(datetime.UTC):%Y%m%d%H%M%SZ}"
SHUT: Final = Person("shut", attributes={"pwdAccountLockedTime": JUST_NOW})
USE_TLS: Final = "use ldaps:// or tls.start_tls: true"
NOBODY: Final = f"ldaps://{HOST}:1"
YESTERDAY: Final = f"{datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1):%Y-%m-%d}"
WRONG: Final = "wrong-secret"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Slapd]:
    people = [ANN, BOB, LOCKED, SHUT, MUST_CHANGE, *map(Person, SPECIAL_NAMES)]
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
    (line,) = (line for line in ended.stdout.splitlines() if not told_besides(line))
    assert (ended.returncode, ended.stderr) == (1, "")
    assert line.startswith("provider staff: ")
    return line


def told_besides(line: str) -> bool:
    return line.startswith("warning: ") or line.endswith(" servers answer")


# Every upstream


def test_directory_that_is_fine(tmp_path: Path, staff: dict[str, Any], directory: Slapd) -> None:
    directory.forget()
    groups = {"required": [STAFF.dn], "denied": [GUESTS.dn]}
    ended = check(tmp_path, {**staff, "groups": groups}, "--connect")
    assert (ended.returncode, ended.stderr) == (0, "")
    seen, fine = (line for line in ended.stdout.splitlines() if not line.startswith("warning: "))
    assert fine == f"{tmp_path}/gateway.yaml: fine"
    where = f"people below {PEOPLE} (sub) by (uid={{username}}); groups by memberOf"
    assert seen == f"provider staff: {where}; 1 of 1 servers answer"
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
    keys = {"user_search": {"base_dn": base}, "groups": {"required": [STAFF.dn]}}
    found = problem(tmp_path, {**staff, **keys})
    assert f"{base}, where people should be, cannot be read; correct the name" in found


def test_servers_that_answer_are_counted_beside_the_problem(
    tmp_path: Path, staff: dict[str, Any], directory: Slapd
) -> None:
    ended = check(tmp_path, {**staff, "urls": [directory.tls_url, NOBODY]}, "--connect")
    lines = [line for line in ended.stdout.splitlines() if not line.startswith("warning: ")]
    where = f"people below {PEOPLE} (sub) by (uid={{username}}); no groups"
    assert lines[0] == f"provider staff: {where}; 1 of 2 servers answer"
    assert lines[1].startswith(f"provider staff: {NOBODY}: ")
    assert (len(lines), ended.returncode, ended.stderr) == (2, 1, "")


def test_port_without_tls_is_called_one(
    tmp_path: Path, staff: dict[str, Any], directory: Slapd
) -> None:
    url = f"ldaps://{HOST}:{directory.port}"
    found = problem(tmp_path, {**staff, "urls": [url]})
    assert found.startswith(f"provider staff: {url}: no TLS: the server closed the connection; ")


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
    told = "the server wants TLS before passwords (result code 13)"
    assert problem(tmp_path, clear) == f"provider staff: {directory.url}: {told}; {USE_TLS}"


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    with Samba(tmp_path_factory.mktemp("samba")) as controller:
        yield controller


@pytest.fixture
def domain(controller: Samba, driver: str) -> dict[str, Any]:
    """The keys of a provider that is fine."""
    return {
        "preset": "active_directory",
        "driver": driver,
        "urls": [controller.tls_url],
        "tls": {"ca_file": str(controller.ca_file)},
        "bind_dn": samba.SERVICE.principal,
        "bind_password": samba.SERVICE.password,
        "user_search": {"base_dn": samba.BASE},
    }


def test_l15_active_directory_that_wants_signing_says_so(
    tmp_path: Path, domain: dict[str, Any], controller: Samba
) -> None:
    clear = {**domain, "urls": [controller.url], "tls": {}, "allow_cleartext": True}
    told = "the server wants TLS or signing before passwords (result code 8)"
    assert problem(tmp_path, clear) == f"provider staff: {controller.url}: {told}; {USE_TLS}"
    assert check(tmp_path, domain, "--connect").returncode == 0


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


@pytest.mark.parametrize(
    ("person", "why"),
    [
        (SHUT, f"account locked at {JUST_NOW}, until pwdLockoutDuration has passed"),
        (MUST_CHANGE, "must change the password"),
    ],
    ids=["locked for a while", "must change"],
)
def test_l11_who_could_not_sign_in_with_the_right_password_is_refused(
    tmp_path: Path, staff: dict[str, Any], person: Person, why: str
) -> None:
    status, steps = walk(tmp_path, staff, person.uid)
    assert (status, steps[-1]) == (1, f"refused here, told as BADLOGIN: {why}")
    assert f"password: {why}" in steps


@pytest.mark.parametrize(
    ("person", "why"),
    [
        (samba.BOB, None),
        (samba.LOCKED, "account locked"),
        (samba.MUST_CHANGE, "must change the password"),
    ],
    ids=["fine", "locked", "must change"],
)
def test_l11_who_could_not_sign_in_to_active_directory_is_refused(
    tmp_path: Path, domain: dict[str, Any], person: samba.Person, why: str | None
) -> None:
    status, steps = walk(tmp_path, domain, person.name)
    assert f"password: {why or 'nothing against it that shows'}" in steps
    last = f"refused here, told as BADLOGIN: {why}" if why else "signs in, if the proof is right,"
    assert (status, steps[-1][: len(last)]) == (int(why is not None), last)


@pytest.mark.parametrize("name", SPECIAL_NAMES)
def test_l2_a65_filter_is_shown_as_it_is_sent(
    tmp_path: Path, staff: dict[str, Any], directory: Slapd, name: str
) -> None:
    directory.forget()
    status, steps = walk(tmp_path, staff, name)
    assert status == 0
    (shown,) = (step for step in steps if step.startswith("search: "))
    assert shown.startswith(f"search: below {PEOPLE} (sub) for (uid=")
    sent, person = (search for search in directory.searches() if search.base)
    assert sent.base == PEOPLE
    assert person.filter == "(objectClass=*)"  # what is shown of the password
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
    assert ended.stderr == ""


def test_groups_that_cannot_be_searched_end_the_walk(tmp_path: Path, staff: dict[str, Any]) -> None:
    groups = {"base_dn": f"ou=grops,{SUFFIX}", "required": [f"cn=staff,{GROUPS}"]}
    status, steps = walk(tmp_path, {**staff, "groups": groups}, "ann")
    assert status == 1
    assert steps[-1].startswith("ends here, told as UNAVAILABLE: ")
    assert "there is no entry of that name to search below (result code 32)" in steps[-1]
