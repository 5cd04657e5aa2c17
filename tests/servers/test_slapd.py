from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.servers.process import HOST
from tests.servers.slapd import (
    EXPIRED,
    GRACE,
    GROUPS,
    LOCKED,
    LOCKOUT,
    MUST_CHANGE,
    PEOPLE,
    POLICIES,
    SERVICE,
    SERVICE_PASSWORD,
    SPECIAL_NAMES,
    Group,
    Person,
    Searched,
    Slapd,
    argon2,
    numbered,
)
from tests.servers.tls import Authority

ANN = Person("ann")
SPECIAL = [Person(name) for name in SPECIAL_NAMES]
IN_ENG = numbered(1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Slapd]:
    people = [ANN, LOCKED, MUST_CHANGE, EXPIRED, GRACE, *SPECIAL]
    eng = Group("eng", [IN_ENG.dn])
    groups = [eng, Group("staff", [eng.dn]), Group("unix", uids=[IN_ENG.uid])]
    folder = tmp_path_factory.mktemp("slapd")
    with Slapd(folder, authority, users=3, people=people, groups=groups) as directory:
        yield directory


@pytest.fixture
def client(authority: Authority) -> Client:
    return Client(authority)


class Client:
    """The stock clients, which verify certificates."""

    def __init__(self, authority: Authority) -> None:
        self._env = os.environ | {"LDAPTLS_CACERT": str(authority.ca_file)}

    def bind(self, url: str, person: Person, *args: str, within: float = 30.0) -> tuple[int, str]:
        """Return the result code, and what the client says."""
        who = ["-D", person.dn, "-w", person.password]
        done = self._run("ldapwhoami", "-x", "-H", url, *who, "-e", "ppolicy", *args, within=within)
        return done.returncode, done.stdout + done.stderr

    def search(self, url: str, text: str, *attributes: str) -> str:
        service = ["-D", SERVICE, "-w", SERVICE_PASSWORD, "-b", PEOPLE]
        return self._run("ldapsearch", "-xLLL", "-H", url, *service, text, *attributes).stdout

    def _run(self, *command: str, within: float = 30.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self._env, capture_output=True, text=True, timeout=within
        )


@pytest.mark.parametrize("person", SPECIAL, ids=lambda person: person.uid)
def test_people_of_all_names_can_bind(directory: Slapd, client: Client, person: Person) -> None:
    assert client.bind(directory.tls_url, person)[0] == 0
    assert client.bind(directory.tls_url, replace(person, secret="wrong"))[0] == 49


def test_passwords_need_tls_unless_told_otherwise(
    directory: Slapd, client: Client, authority: Authority, tmp_path: Path
) -> None:
    assert client.bind(directory.url, ANN)[0] == 13
    assert client.bind(directory.url, ANN, "-ZZ")[0] == 0
    with Slapd(tmp_path, authority, people=[ANN], needs_tls=False) as open_to_all:
        assert client.bind(open_to_all.url, ANN)[0] == 0


def test_a_certificate_that_is_bad_is_refused_by_clients(
    client: Client, authority: Authority, tmp_path: Path
) -> None:
    with Slapd(tmp_path, authority, people=[ANN], certificate="expired") as directory:
        assert client.bind(directory.tls_url, ANN)[0] == 255


@pytest.mark.parametrize(
    ("person", "code", "says"),
    [
        (LOCKED, 49, "Account locked"),
        (MUST_CHANGE, 0, "Password must be changed"),
        (EXPIRED, 49, "Password expired"),
        (GRACE, 0, "grace logins remain"),
    ],
    ids=lambda value: value.uid if isinstance(value, Person) else "",
)
def test_the_password_policy_is_in_force(
    directory: Slapd, client: Client, person: Person, code: int, says: str
) -> None:
    result, text = client.bind(directory.tls_url, person)
    assert (result, says in text) == (code, True)


def test_an_account_is_locked_for_a_while(
    client: Client, authority: Authority, tmp_path: Path
) -> None:
    person = numbered(1)
    wrong = replace(person, secret="wrong")
    with Slapd(tmp_path, authority, users=2) as directory:
        _lock_for(directory, 600)
        for _ in range(LOCKOUT):
            result, text = client.bind(directory.tls_url, wrong)
            assert (result, "Account locked" in text) == (49, False)
        deadline = time.monotonic() + 10
        # A lock begins with the server's second, whose clock may be a tick behind its own stamp.
        while "Account locked" not in client.bind(directory.tls_url, wrong)[1]:
            assert time.monotonic() < deadline
        assert client.bind(directory.tls_url, person)[0] == 49
        _lock_for(directory, 1)
        while client.bind(directory.tls_url, person)[0] != 0:
            assert time.monotonic() < deadline


def _lock_for(directory: Slapd, seconds: int) -> None:
    policy = f"dn: cn=default,{POLICIES}\nchangetype: modify\n"
    directory.change(f"{policy}replace: pwdLockoutDuration\npwdLockoutDuration: {seconds}\n")


def test_groups_show_at_their_members(directory: Slapd, client: Client) -> None:
    found = client.search(directory.tls_url, f"(uid={IN_ENG.uid})", "memberOf", "mobile")
    assert "memberOf: cn=eng," in found
    assert "mobile: +18000000001" in found
    assert "cn=staff" not in found  # that is where the group is
    change = f"dn: cn=staff,{GROUPS}\nchangetype: modify\nadd: member\nmember: {IN_ENG.dn}\n"
    directory.change(change)
    assert "memberOf: cn=staff," in client.search(
        directory.tls_url, f"(uid={IN_ENG.uid})", "memberOf"
    )


def test_requests_can_be_read(directory: Slapd, client: Client) -> None:
    directory.add(Person("late"))
    directory.forget()
    client.bind(directory.tls_url, Person("late"))
    client.search(directory.tls_url, "(cn=o'neil)")
    assert directory.binds() == [Person("late").dn, SERVICE]
    assert directory.searches() == [Searched(PEOPLE, "(cn=o'neil)")]
    assert directory.connections() == 2


def test_it_can_be_frozen_stopped_and_started_again(
    client: Client, authority: Authority, tmp_path: Path
) -> None:
    directory = Slapd(tmp_path, authority, people=[ANN])
    with directory:
        directory.freeze()
        with pytest.raises(subprocess.TimeoutExpired):
            client.bind(directory.tls_url, ANN, within=0.5)
        directory.thaw()
        assert client.bind(directory.tls_url, ANN)[0] == 0
    assert client.bind(directory.tls_url, ANN)[0] == 255
    with directory:
        assert client.bind(directory.tls_url, ANN)[0] == 0


def test_ports_of_somebody_else_are_no_server(authority: Authority, tmp_path: Path) -> None:
    directory = Slapd(tmp_path, authority)
    with ExitStack() as stack:
        for port in (directory.port, directory.tls_port):
            stack.enter_context(socket.create_server((HOST, port)))
        with pytest.raises(RuntimeError, match="slapd ended"):
            directory.start()


def test_it_can_be_changed_as_soon_as_it_has_started(authority: Authority, tmp_path: Path) -> None:
    directory = Slapd(tmp_path, authority)
    for number in range(5):
        with directory:
            directory.add(Person(f"late{number}"))
            assert directory.binds() == []


def test_a_database_that_cannot_be_loaded_says_why(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"slapadd ended \(1\):\n.*shoeSize"):
        Slapd(tmp_path, authority, people=[Person("ann", attributes={"shoeSize": "42"})])


def test_passwords_can_be_slow_to_check(
    client: Client, authority: Authority, tmp_path: Path
) -> None:
    with Slapd(tmp_path, authority, people=[ANN], hashed=argon2) as directory:
        assert client.bind(directory.tls_url, ANN)[0] == 0
        assert client.bind(directory.tls_url, replace(ANN, secret="wrong"))[0] == 49
    assert argon2(ANN.password).startswith("{ARGON2}$argon2i")
