"""Both drivers alike: in a crowd, and with servers that go wrong."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from providers.ldap import client
from providers.ldap.client import (
    Bound,
    Connection,
    ConnectionFailed,
    ConnectionLost,
    Driver,
    Query,
    Server,
    TlsSettings,
)
from tests.providers.ldap.asking import Asking, bind, eventually, plain, secure, starting
from tests.servers.fault_proxy import FaultProxy, Faults
from tests.servers.ldap_fake import EXTENDED, LdapFake, Script, Talk, entry, message
from tests.servers.process import HOST
from tests.servers.slapd import Person, Slapd, numbered
from tests.servers.tls import Authority

WITHIN = 10.0  # seconds
CROWD = 50


# -- a crowd


@pytest.mark.parametrize("how", [secure, starting], ids=["ldaps", "StartTLS"])
def test_fifty_connections_at_once(
    asking: Asking,
    directory: Slapd,
    authority: Authority,
    how: Callable[[int, Authority], Server],
) -> None:
    server = how(directory.tls_port if how is secure else directory.port, authority)

    async def one(driver: Driver, person: Person) -> str | None:
        connection = await driver.connect(server, 3 * WITHIN)
        try:
            bound = await connection.bind(person.dn, person.password, WITHIN)
            assert bound.code == client.SUCCESS
            query = Query(person.dn, "base", "(objectClass=*)", ("uid",))
            return (await connection.search(query, WITHIN)).entries[0].text("uid")
        finally:
            await connection.close()

    async def scenario(driver: Driver) -> None:
        people = [numbered(number) for number in range(CROWD)]
        names = await asyncio.gather(*(one(driver, person) for person in people))
        assert names == [person.uid for person in people]

    asking.run(scenario)


# -- TLS


def test_tls_older_than_1_2_is_refused(asking: Asking, authority: Authority) -> None:
    old = [authority.server(), authority.client()]
    for context in old:
        with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
    server, client_of_old = old
    with LdapFake(Talk.silence, server) as fake:
        with (
            socket.create_connection((HOST, fake.port)) as connection,
            client_of_old.wrap_socket(connection, server_hostname=HOST) as wrapped,
        ):
            assert wrapped.version() == "TLSv1.1"
        asking.fails(secure(fake.port, authority), 1.0)
        assert fake.received == b""


async def yes_and_silence(talk: Talk) -> None:
    await talk.send((await talk.request()).answer())
    await talk.silence()


@pytest.mark.parametrize(
    ("how", "script"),
    [(secure, Talk.silence), (starting, Talk.silence), (starting, yes_and_silence)],
    ids=["ldaps", "StartTLS", "after-StartTLS"],
)
def test_silence_while_tls_starts_costs_no_processor_time(
    asking: Asking, authority: Authority, how: Callable[[int, Authority], Server], script: Script
) -> None:
    with LdapFake(script) as fake:
        used = time.process_time()
        assert "in time" in asking.fails(how(fake.port, authority), 1.0)
        assert time.process_time() - used < 0.5


# -- nothing is left behind


def running_threads() -> int:
    """Leave those out that loops keep to look names up."""
    return sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate())


def open_files() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


Failing = Callable[[Driver, Slapd, Authority], Awaitable[Connection | Bound | None]]


async def refused(driver: Driver, directory: Slapd, authority: Authority) -> Connection:
    return await driver.connect(plain(1), WITHIN)


async def unknown_authority(driver: Driver, directory: Slapd, authority: Authority) -> Connection:
    return await driver.connect(_by_system(secure(directory.tls_port, authority)), WITHIN)


async def start_tls_refused(driver: Driver, directory: Slapd, authority: Authority) -> Connection:
    return await driver.connect(_by_system(starting(directory.port, authority)), WITHIN)


def _by_system(server: Server) -> Server:
    return server._replace(tls=TlsSettings(None, verify=True))


async def silent_in_tls(driver: Driver, directory: Slapd, authority: Authority) -> Connection:
    with LdapFake(Talk.silence) as fake:
        return await driver.connect(secure(fake.port, authority), 0.05)


async def silent_in_start_tls(driver: Driver, directory: Slapd, authority: Authority) -> Connection:
    with LdapFake(Talk.silence) as fake:
        return await driver.connect(starting(fake.port, authority), 0.05)


async def silent(driver: Driver, directory: Slapd, authority: Authority) -> Bound:
    with LdapFake(Talk.silence) as fake:
        return await bind(driver, plain(fake.port), "uid=ann", "secret", 0.05)


async def cut(driver: Driver, directory: Slapd, authority: Authority) -> Bound:
    with FaultProxy(directory.tls_port) as proxy:
        proxy.set(Faults(cut_after=100))
        return await bind(driver, secure(proxy.port, authority), "uid=ann", "secret", WITHIN)


async def cancelled(driver: Driver, directory: Slapd, authority: Authority) -> None:
    task = asyncio.ensure_future(silent_in_tls(driver, directory, authority))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    raise ConnectionFailed("cancelled")


async def right_password(driver: Driver, directory: Slapd, authority: Authority) -> None:
    person = numbered(1)
    server = secure(directory.tls_port, authority)
    await bind(driver, server, person.dn, person.password, WITHIN)
    raise ConnectionFailed("nothing failed")


@pytest.mark.parametrize(
    "failing",
    [
        *(refused, unknown_authority, start_tls_refused, silent_in_tls, silent_in_start_tls),
        *(silent, cut, cancelled, right_password),
    ],
)
def test_no_descriptor_and_no_thread_is_left_behind(
    asking: Asking, directory: Slapd, authority: Authority, failing: Failing
) -> None:
    async def scenario(driver: Driver) -> None:
        await one(driver)  # what is kept, such as the loop's own threads, is there afterwards
        files, threads = open_files(), running_threads()
        for _ in range(5):
            await one(driver)
        await eventually(lambda: running_threads() <= threads)
        await eventually(lambda: open_files() <= files)

    async def one(driver: Driver) -> None:
        with pytest.raises(ConnectionFailed):
            await failing(driver, directory, authority)

    asking.run(scenario)


# -- servers that come and go


def test_a_directory_that_stops_is_noticed_and_found_again(
    asking: Asking, authority: Authority, tmp_path: Path
) -> None:
    person = Person("ann")
    with Slapd(tmp_path, authority, people=[person]) as directory:
        server = secure(directory.tls_port, authority)

        async def scenario(driver: Driver) -> None:
            kept = await driver.connect(server, WITHIN)
            assert (await kept.bind(person.dn, person.password, WITHIN)).code == client.SUCCESS
            await asyncio.to_thread(directory.stop)
            await eventually(lambda: not kept.alive)
            with pytest.raises(ConnectionLost):
                await kept.bind(person.dn, person.password, WITHIN)
            with pytest.raises(ConnectionFailed):
                await driver.connect(server, WITHIN)
            await asyncio.to_thread(directory.start)
            bound = await bind(driver, server, person.dn, person.password, WITHIN)
            assert bound.code == client.SUCCESS

        asking.run(scenario)


def test_a_server_that_is_reset_meanwhile_is_lost(
    asking: Asking, directory: Slapd, authority: Authority
) -> None:
    person = numbered(1)

    async def scenario(driver: Driver) -> None:
        connection = await driver.connect(secure(proxy.port, authority), WITHIN)
        proxy.set(Faults(black_hole=True))
        binding = asyncio.create_task(connection.bind(person.dn, person.password, WITHIN))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(proxy.reset_all)
        with pytest.raises(ConnectionLost):
            await binding
        assert not connection.alive

    with FaultProxy(directory.tls_port) as proxy:
        asking.run(scenario)


# -- answers in pieces


def test_many_entries_may_come_in_one_piece(asking: Asking, authority: Authority) -> None:
    """In one record of TLS: the socket tells of the first one only."""
    count = 150

    async def script(talk: Talk) -> None:
        asked = await talk.request()
        if asked.tag == EXTENDED:  # libldap connects with one
            await talk.send(asked.answer())
            asked = await talk.request()
        entries = [message(asked.id, entry(f"uid=user{n}")) for n in range(count)]
        await talk.send(b"".join(entries), asked.answer())
        await talk.silence()

    with LdapFake(script, authority.server()) as fake:
        query = Query("dc=x", "sub", "(uid=*)", ("1.1",), limit=1000)
        result = asking.search(secure(fake.port, authority), query)
    assert [each.dn for each in result.entries] == [f"uid=user{n}" for n in range(count)]


def test_an_answer_that_trickles_in_holds_up_nobody(
    asking: Asking, directory: Slapd, authority: Authority
) -> None:
    person = numbered(1)

    async def scenario(driver: Driver) -> None:
        connection = await driver.connect(secure(proxy.port, authority), WITHIN)
        assert (await connection.bind(person.dn, person.password, WITHIN)).code == 0
        proxy.set(Faults(rate=100.0))  # five bytes, then nothing for a while
        query = Query(person.dn, "base", "(objectClass=*)", ("1.1",))
        searching = asyncio.create_task(connection.search(query, WITHIN))
        longest = 0.0
        while not searching.done():
            asleep = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - asleep)
        await searching
        await connection.close()
        assert longest < 0.2

    with FaultProxy(directory.tls_port) as proxy:
        asking.run(scenario)
