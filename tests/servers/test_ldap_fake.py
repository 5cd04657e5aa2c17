from __future__ import annotations

import gc
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.servers.ldap_fake import LdapFake, Talk, say_yes
from tests.servers.process import HOST
from tests.servers.tls import Authority

WHO = ["-D", "uid=ann,dc=x", "-w", "secret"]


def client(program: str, url: str, *args: str) -> subprocess.CompletedProcess[str]:
    command = [program, "-x", "-H", url, *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def connected(fake: LdapFake) -> socket.socket:
    return socket.create_connection((HOST, fake.port), 5)


def test_a_stock_client_understands_it() -> None:
    with LdapFake(say_yes) as fake:
        done = client("ldapsearch", f"ldap://{HOST}:{fake.port}", *WHO, "-b", "dc=x", "(uid=ann)")
        assert done.returncode == 0
        assert "result: 0 Success" in done.stdout
        assert b"secret" in fake.received
        assert len(fake.talks) == 1


def test_a_stock_client_sees_what_goes_wrong() -> None:
    async def refuse(talk: Talk) -> None:
        await talk.send((await talk.request()).answer(49, "go away"))

    with LdapFake(refuse) as fake:
        done = client("ldapwhoami", f"ldap://{HOST}:{fake.port}", *WHO)
        assert done.returncode == 49
        assert "go away" in done.stderr


def test_a_client_that_takes_its_leave_is_let_go(caplog: pytest.LogCaptureFixture) -> None:
    with LdapFake(say_yes) as fake, connected(fake) as connection:
        connection.sendall(b"\x30\x05\x02\x01\x01\x42\x00")
        assert connection.recv(1) == b""
    gc.collect()
    assert caplog.text == ""  # where asyncio tells of scripts that failed


def test_bytes_can_be_sent_one_by_one() -> None:
    async def drip(talk: Talk) -> None:
        await talk.trickle(b"abc", pause=0.05)

    started = time.monotonic()
    with LdapFake(drip) as fake, connected(fake) as connection:
        assert connection.recv(3) == b"a"
        while connection.recv(3):
            pass
    assert time.monotonic() - started > 0.1


def test_tls_from_the_first_byte_and_later(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def upgrade(talk: Talk) -> None:
        await talk.send((await talk.request()).answer())
        await talk.start_tls(authority.server())
        await talk.silence()

    context = authority.client()
    with LdapFake(say_yes, authority.server()) as fake, connected(fake) as plain:
        context.wrap_socket(plain, server_hostname=HOST).close()
    with LdapFake(upgrade) as fake, connected(fake) as plain:
        plain.sendall(b"\x30\x05\x02\x01\x01\x77\x00")
        assert plain.recv(1000)
        with context.wrap_socket(plain, server_hostname=HOST) as secure:
            secure.sendall(b"hello")
            deadline = time.monotonic() + 5
            while b"hello" not in fake.received:
                assert time.monotonic() < deadline
                time.sleep(0.005)
