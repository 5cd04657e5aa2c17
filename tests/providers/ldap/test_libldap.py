"""What is particular to libldap: it reads settings of the machine, and blocks while TLS starts."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import trustme

from providers.ldap import client, libldap
from providers.ldap.client import ConnectionFailed, Driver
from providers.ldap.libldap_connection import LibldapConnection
from providers.ldap.python_ldap_driver import STARTING, PythonLdapDriver
from tests.providers.ldap.asking import WITHIN, Asking, bind, eventually, plain, secure, starting
from tests.providers.ldap.conftest import NewLoop
from tests.providers.ldap.test_deadlines import full_backlog
from tests.providers.ldap.test_hostile_servers import ANSWERS, ENTRIES, QUERY, answering
from tests.servers.gateway import ROOT
from tests.servers.ldap_fake import BIND, EXTENDED, LdapFake, Talk, message
from tests.servers.slapd import Slapd, numbered
from tests.servers.tls import Authority

PERSON = numbered(1)


@pytest.fixture
def asking(new_loop: NewLoop) -> Asking:
    return Asking(PythonLdapDriver, new_loop)


# -- the machine

PROGRAM = """
import asyncio, sys
from pathlib import Path
from typing import Any, cast
from providers.ldap.client import Server, TlsSettings
from providers.ldap.libldap_connection import LibldapConnection
from providers.ldap.python_ldap_driver import PythonLdapDriver

async def main():
    port, ca_file, dn, password = sys.argv[1:]
    tls = TlsSettings(Path(ca_file), True)
    server = Server("ldaps://x", "127.0.0.1", int(port), tls, False)
    connection = await PythonLdapDriver().connect(server, 10.0)
    print((await connection.bind(dn, password, 10.0)).code)

asyncio.run(main())
"""


Environment = dict[str, str]


def variable(home: Path) -> Environment:
    return {"LDAPTLS_REQCERT": "never"}


def named_file(home: Path) -> Environment:
    return {"LDAPCONF": write(home / "any.conf")}


def file_at_home(home: Path) -> Environment:
    return {"HOME": str(Path(write(home / ".ldaprc")).parent)}


def write(file: Path) -> str:
    file.write_text("TLS_REQCERT never\n")
    return str(file)


def run(environment: Environment, port: int, ca_file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(port), str(ca_file), PERSON.dn, PERSON.password],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("settings", [variable, named_file, file_at_home])
def test_settings_of_the_machine_do_not_count_l6(
    directory: Slapd, tmp_path: Path, settings: Callable[[Path], Environment]
) -> None:
    environment = settings(tmp_path)
    stranger = Authority(tmp_path)
    command = ["ldapwhoami", "-x", "-H", directory.tls_url, "-D", PERSON.dn, "-w", PERSON.password]
    for env, code in ((environment, 0), ({}, 255)):  # what they are made for
        path = {"PATH": os.environ["PATH"]}
        assert subprocess.run(command, env=path | env, capture_output=True).returncode == code
    directory.forget()
    done = run(environment, directory.tls_port, stranger.ca_file)
    assert "certificate refused" in done.stderr
    assert directory.binds() == []


def test_a_time_limit_of_the_machine_does_not_count() -> None:
    """libldap 2.5 with GnuTLS asks without a pause, and for ever, where there is one."""
    environment = {"PATH": os.environ["PATH"], "LDAPNETWORK_TIMEOUT": "5"}
    code = "print(module.get_option(module.OPT_NETWORK_TIMEOUT))"
    for load, told in (
        ("import _ldap as module", "5.0"),
        ("from providers.ldap.libldap import module", "None"),
    ):
        command = [sys.executable, "-c", f"{load}; {code}"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True)
        assert done.stdout.decode().strip() == told


def test_nothing_is_printed_l13(directory: Slapd, authority: Authority) -> None:
    done = run({"PYTHON_LDAP_TRACE_LEVEL": "9"}, directory.tls_port, authority.ca_file)
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.parametrize("before", [{}, {"LDAPNOINIT": "set"}], ids=["unset", "set"])
def test_the_environment_is_left_as_it_was(before: Environment) -> None:
    code = "import os, providers.ldap.libldap; print(os.environ.get('LDAPNOINIT'))"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **before}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.stdout.decode() == f"{before.get('LDAPNOINIT')}\n"


# -- connecting


def blocked() -> int:
    return sum(thread.name == "blocking" for thread in threading.enumerate())


def test_silence_while_tls_starts_holds_few_threads_and_no_other_server(
    asking: Asking, directory: Slapd, authority: Authority
) -> None:
    async def scenario(driver: Driver) -> None:
        async def fail() -> None:
            with pytest.raises(ConnectionFailed, match="in time"):
                await driver.connect(secure(fake.port, authority), 0.2)

        started = time.monotonic()
        with LdapFake(Talk.silence) as fake:
            for _ in range(2):
                await asyncio.gather(*(fail() for _ in range(2 * STARTING)))
            assert time.monotonic() - started < 5
            assert blocked() == STARTING
            server = secure(directory.tls_port, authority)
            bound = await bind(driver, server, PERSON.dn, PERSON.password, WITHIN)
            assert bound.code == client.SUCCESS
        await eventually(lambda: blocked() == 0)
        with pytest.raises(ConnectionFailed, match="Connection refused"):
            await driver.connect(secure(fake.port, authority), WITHIN)

    asking.run(scenario)


def test_silence_while_starttls_is_asked_for_holds_no_thread(
    asking: Asking, authority: Authority
) -> None:
    async def scenario(driver: Driver) -> None:
        with pytest.raises(ConnectionFailed, match="in time"):
            await driver.connect(starting(fake.port, authority), 0.2)
        await eventually(lambda: blocked() == 0)
        await eventually(lambda: fake.open == 0)

    with LdapFake(Talk.silence) as fake:
        asking.run(scenario)


def test_a_server_that_is_not_there_holds_no_thread_for_long(
    asking: Asking, authority: Authority
) -> None:
    async def scenario(driver: Driver) -> None:
        with pytest.raises(ConnectionFailed, match="in time"):
            await driver.connect(secure(port, authority), 0.3)
        await eventually(lambda: blocked() == 0)

    with full_backlog() as port:
        asking.run(scenario)


@pytest.mark.parametrize("code", [2, 8, 50, 53])
def test_a_server_need_not_say_who_nobody_is(
    asking: Asking, authority: Authority, code: int
) -> None:
    async def script(talk: Talk) -> None:
        asked = await talk.request()
        assert asked.tag == EXTENDED
        await talk.send(asked.answer(code))
        asked = await talk.request()
        assert asked.tag == BIND
        await talk.send(asked.answer())

    with LdapFake(script, authority.server()) as fake:
        bound = asking.bind(secure(fake.port, authority), "uid=ann", "secret")
    assert bound.code == client.SUCCESS


def test_the_operator_is_told_that_libldap_alone_does_not_connect(
    asking: Asking, tmp_path: Path
) -> None:
    """It takes the name "localhost" for that of the machine."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    assert socket.gethostname() != "localhost"
    with LdapFake(Talk.silence, context) as fake:
        server = secure(fake.port, None, "localhost")
        trusting = server._replace(tls=client.TlsSettings(tmp_path / "ca.pem", verify=True))
        assert "libldap does not connect" in asking.fails(trusting)


# -- reading


class Torrent:
    """A handle that has message after message."""

    def __init__(self, most: int) -> None:
        self.left = most

    def search_ext(self, *search: object) -> int:
        return 1

    def result4(self, *which: object) -> tuple[Any, Any, Any, Any]:
        if not self.left:
            return None, None, None, None
        self.left -= 1
        return libldap.SEARCH_ENTRY, [("uid=ann", {})], 1, []

    def unbind_ext(self) -> None:
        """It has no descriptor of its own."""


async def test_a_server_that_never_ends_is_left_in_time() -> None:
    torrent = Torrent(3_000_000)
    mine, its = socket.socketpair()
    with its:
        its.send(b"more")
        connection = LibldapConnection(cast(libldap.Handle, torrent), mine)
        with pytest.raises(ConnectionFailed, match="no answer in time"):
            await connection.search(QUERY, 0.1)
    assert torrent.left > 0


# -- hostile servers

# Answers that are right as far as libldap looks: nobody is proven by what it ignores.
RIGHT_AND_MORE = {
    *("more after the end", "two answers", "the next answer, too"),
    "a control that is none",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_wrong_answer_to_a_bind_ends_in_time_and_proves_nothing(
    asking: Asking, name: str
) -> None:
    with LdapFake(answering(ANSWERS[name])) as fake:
        started = time.monotonic()
        try:
            bound = asking.bind(plain(fake.port), "uid=ann", "secret-of-ann", 0.5)
        except ConnectionFailed:
            assert name not in RIGHT_AND_MORE
        else:
            assert name in RIGHT_AND_MORE
            assert bound == (client.SUCCESS, "", None)
        assert time.monotonic() - started < 3


@pytest.mark.parametrize("name", ENTRIES)
def test_a_wrong_entry_is_refused_or_has_no_values(asking: Asking, name: str) -> None:
    async def script(talk: Talk) -> None:
        asked = await talk.request()
        await talk.send(message(asked.id, ENTRIES[name]), asked.answer())
        await talk.silence()

    with LdapFake(script) as fake:
        try:
            found = asking.search(plain(fake.port), QUERY, 0.5)
        except ConnectionFailed:
            return
        assert [list(entry.attributes.values()) for entry in found.entries] in ([[]], [[[]]])
