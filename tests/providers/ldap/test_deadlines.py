"""No step takes longer than it is given, whatever the server does (A75)."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from providers.ldap.client import ConnectionFailed, Driver, Query, Server
from tests.providers.ldap.asking import Asking, bind, eventually, plain, secure, starting
from tests.servers.fault_proxy import FaultProxy, Faults
from tests.servers.ldap_fake import LdapFake, Script, Talk, disconnection, entry, message
from tests.servers.slapd import Person, Slapd
from tests.servers.tls import Authority

WITHIN = 0.3  # seconds
SLACK = 2.0  # seconds that a busy machine may need on top

ANN = Person("ann")
QUERY = Query("dc=x", "sub", "(uid=ann)", ("uid",), limit=1000)


@contextmanager
def in_time() -> Iterator[None]:
    started = time.monotonic()
    yield
    took = time.monotonic() - started
    assert WITHIN - 0.05 < took < WITHIN + SLACK


async def silence(talk: Talk) -> None:
    await talk.silence()


async def a_byte_a_second(talk: Talk) -> None:
    await talk.trickle((await talk.request()).answer(), pause=1.0)


async def bytes_in_time(talk: Talk) -> None:
    """Each sooner than any time-out for a single read."""
    await talk.trickle((await talk.request()).answer(), pause=WITHIN / 4)


async def half_an_answer(talk: Talk) -> None:
    await talk.send((await talk.request()).answer()[:-3])
    await talk.silence()


async def entries_one_by_one(talk: Talk) -> None:
    asked = await talk.request()
    while True:
        await talk.send(message(asked.id, entry("uid=ann", uid=[b"ann"])))
        await asyncio.sleep(0.01)


async def a_megabyte_announced(talk: Talk) -> None:
    await talk.request()
    await talk.send(b"\x30\x84\x00\x00\x3f\x00")
    await talk.silence()


SLOW = [silence, a_byte_a_second, bytes_in_time, half_an_answer, a_megabyte_announced]


@pytest.mark.parametrize("script", SLOW)
def test_a_bind_ends_in_time(asking: Asking, script: Script) -> None:
    with LdapFake(script) as fake, in_time():
        assert asking.fails(plain(fake.port), WITHIN) == "no answer in time"


@pytest.mark.parametrize("script", [*SLOW, entries_one_by_one])
def test_a_search_ends_in_time(asking: Asking, script: Script) -> None:
    failing = pytest.raises(ConnectionFailed, match="no answer in time")
    with LdapFake(script) as fake, in_time(), failing:
        asking.search(plain(fake.port), QUERY, WITHIN)


@pytest.mark.parametrize("script", SLOW)
def test_start_tls_ends_in_time(asking: Asking, authority: Authority, script: Script) -> None:
    with LdapFake(script) as fake, in_time():
        assert "in time" in asking.fails(starting(fake.port, authority), WITHIN)


async def yes_and_silence(talk: Talk) -> None:
    await talk.send((await talk.request()).answer())
    await talk.silence()


def test_a_handshake_after_start_tls_ends_in_time(asking: Asking, authority: Authority) -> None:
    with LdapFake(yes_and_silence) as fake, in_time():
        assert asking.fails(starting(fake.port, authority), WITHIN) == "no connection in time"


def test_a_handshake_ends_in_time(asking: Asking, authority: Authority) -> None:
    with LdapFake(silence) as fake, in_time():
        assert asking.fails(secure(fake.port, authority), WITHIN) == "no connection in time"


def test_a_handshake_of_many_bytes_ends_in_time(asking: Asking, authority: Authority) -> None:
    async def drip(talk: Talk) -> None:
        await talk.trickle(b"\x16\x03\x03\x20\x00" + b"\0" * 8192, pause=0.02)

    with LdapFake(drip) as fake, in_time():
        asking.fails(secure(fake.port, authority), WITHIN)


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port that accepts no more connections, and refuses none."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        waiting = []
        try:
            for _ in range(4):
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(address)
            yield address[1]
        finally:
            for each in waiting:
                each.close()


def test_a_connection_ends_in_time(asking: Asking) -> None:
    with full_backlog() as port, in_time():
        assert asking.fails(plain(port), WITHIN) == "no connection in time"


def test_no_time_at_all_is_too_little(asking: Asking, directory: Slapd) -> None:
    for within in (0.0, -1.0):
        assert asking.fails(plain(directory.port), within) == "no connection in time"


@pytest.mark.parametrize("how", [secure, starting])
def test_a_frozen_directory_is_left_in_time(
    asking: Asking,
    directory: Slapd,
    authority: Authority,
    how: Callable[[int, Authority], Server],
) -> None:
    port = directory.tls_port if how is secure else directory.port
    directory.freeze()
    try:
        with in_time():
            asking.fails(how(port, authority), WITHIN)
    finally:
        directory.thaw()


def test_a_connection_that_goes_dead_in_use_is_left_in_time(
    asking: Asking, directory: Slapd, authority: Authority
) -> None:
    with FaultProxy(directory.tls_port) as proxy:

        async def scenario(driver: Driver) -> None:
            connection = await driver.connect(secure(proxy.port, authority), 5.0)
            assert (await connection.bind(ANN.dn, ANN.password, 5.0)).code == 0
            proxy.set(Faults(black_hole=True))
            with in_time(), pytest.raises(ConnectionFailed, match="no answer in time"):
                await connection.bind(ANN.dn, ANN.password, WITHIN)
            assert not connection.alive
            await connection.close()

        asking.run(scenario)


def test_a_connection_that_is_reset_in_use_is_lost_at_once(
    asking: Asking, directory: Slapd, authority: Authority
) -> None:
    with FaultProxy(directory.tls_port) as proxy:
        proxy.set(Faults(cut_after=100))
        started = time.monotonic()
        asking.fails(secure(proxy.port, authority), 5.0)
        assert time.monotonic() - started < 5.0


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("localhost", "Connection refused"),
        ("127.0.0.1", "Connection refused"),
        ("no-such-host.invalid", "Name or service not known|failure in name resolution"),
        ("a" * 64 + ".invalid", "no host can have that name"),
        ("a..b", "no host can have that name"),
    ],
)
def test_a_server_that_is_not_there_is_known_at_once(asking: Asking, host: str, why: str) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = Server("ldap://x", host, bound.getsockname()[1], None, start_tls=False)
        started = time.monotonic()
        text = asking.fails(server, 5.0)
        assert time.monotonic() - started < 5.0
        assert re.search(why, text)


def test_whoever_gives_up_closes_the_connection(asking: Asking) -> None:
    gives_up(asking, plain)


def test_whoever_gives_up_while_tls_starts_closes_the_connection(asking_strictly: Asking) -> None:
    gives_up(asking_strictly, lambda port: secure(port, None))


def gives_up(asking: Asking, how: Callable[[int], Server]) -> None:
    async def scenario(driver: Driver) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await bind(driver, how(fake.port), "uid=ann", "secret", 5.0)
        await eventually(lambda: fake.open == 0)

    with LdapFake(silence) as fake:
        asking.run(scenario)


def test_an_operation_ends_when_its_connection_is_closed(asking: Asking) -> None:
    async def scenario(driver: Driver) -> None:
        connection = await driver.connect(plain(fake.port), 5.0)
        binding = asyncio.create_task(connection.bind("uid=ann", "secret", 5.0))
        await asyncio.sleep(0.01)
        await connection.close()
        with pytest.raises(ConnectionFailed):
            async with asyncio.timeout(1):
                await binding

    with LdapFake(silence) as fake:
        asking.run(scenario)


def test_a_server_that_takes_its_leave_is_left_at_once(asking: Asking) -> None:
    async def leave(talk: Talk) -> None:
        await talk.request()
        await talk.send(disconnection())
        await talk.silence()

    with LdapFake(leave) as fake:
        started = time.monotonic()
        assert asking.fails(plain(fake.port), 5.0) == "the server closes the connection"
        assert time.monotonic() - started < 2.0
