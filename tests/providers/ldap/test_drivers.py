"""Both drivers alike: with an Active Directory, in a crowd, and when things go wrong."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from providers._base import Rejected
from providers.ldap import answers, client
from providers.ldap.client import (
    Bound,
    Connection,
    ConnectionFailed,
    ConnectionLost,
    Driver,
    Entry,
    Query,
    Server,
    TlsSettings,
)
from providers.ldap.ldap3_driver import Ldap3Driver
from providers.ldap.names import escape_filter
from providers.ldap.python_ldap_driver import PythonLdapDriver
from tests.providers.ldap.asking import Asking, bind, eventually, plain, secure, starting
from tests.providers.ldap.conftest import NewLoop
from tests.servers import samba
from tests.servers.fault_proxy import FaultProxy, Faults
from tests.servers.ldap_fake import LdapFake, Talk, entry, message, say_yes
from tests.servers.samba import BASE, SERVICE, SPECIAL_NAMES, STAFF, Samba
from tests.servers.slapd import PEOPLE, Person, Slapd, numbered
from tests.servers.tls import Authority

IN_CHAIN = "1.2.840.113556.1.4.1941"
WITHIN = 10.0  # seconds
CROWD = 50


@pytest.fixture(params=[Ldap3Driver, PythonLdapDriver])
def asking(request: pytest.FixtureRequest, new_loop: NewLoop) -> Asking:
    return Asking(request.param, new_loop)


# -- Active Directory


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    with Samba(tmp_path_factory.mktemp("samba")) as controller:
        yield controller


def over_tls(controller: Samba) -> Server:
    tls = TlsSettings(controller.ca_file, verify=True)
    return Server(controller.tls_url, controller.host, 636, tls, start_tls=False)


def over_start_tls(controller: Samba) -> Server:
    return over_tls(controller)._replace(url=controller.url, port=389, start_tls=True)


def found(asking: Asking, controller: Samba, query: Query) -> list[Entry]:
    """Search as the service account."""

    async def scenario(driver: Driver) -> list[Entry]:
        connection = await driver.connect(over_tls(controller), WITHIN)
        try:
            bound = await connection.bind(SERVICE.principal, SERVICE.password, WITHIN)
            assert bound.code == client.SUCCESS
            result = await connection.search(query, WITHIN)
        finally:
            await connection.close()
        assert result.code == client.SUCCESS
        return list(result.entries)

    return asking.run(scenario)


@pytest.mark.parametrize("reach", [over_tls, over_start_tls])
@pytest.mark.parametrize("who", [samba.ANN.dn, samba.ANN.principal, "ann@ad.test", "AD\\ann"])
def test_active_directory_knows_a_person_by_several_names(
    asking: Asking, controller: Samba, reach: Callable[[Samba], Server], who: str
) -> None:
    assert asking.bind(reach(controller), who, samba.ANN.password).code == client.SUCCESS


def test_active_directory_wants_tls_l15(asking: Asking, controller: Samba) -> None:
    server = over_start_tls(controller)._replace(tls=None, start_tls=False)
    bound = asking.bind(server, samba.ANN.dn, samba.ANN.password)
    assert bound.code == client.STRONGER_AUTH_REQUIRED


@pytest.mark.parametrize(
    ("who", "password", "why"),
    [
        (samba.BOB.dn, "wrong", "wrong password"),
        (f"CN=nobody,{samba.USERS}", "wrong", "wrong password"),
        (samba.DISABLED.dn, samba.DISABLED.password, "account disabled"),
        (samba.OVER.dn, samba.OVER.password, "account expired"),
        (samba.MUST_CHANGE.dn, samba.MUST_CHANGE.password, "must change the password"),
        (samba.LOCKED.dn, samba.LOCKED.password, "account locked"),
    ],
    ids=["52e", "52e-unknown", "533", "701", "773", "775"],
)
def test_active_directory_says_why_l11(
    asking: Asking, controller: Samba, who: str, password: str, why: str
) -> None:
    bound = asking.bind(over_tls(controller), who, password)
    assert bound.code == client.INVALID_CREDENTIALS
    with pytest.raises(Rejected, match=f"^{why}$"):
        answers.judge(bound, "staff")


@pytest.mark.parametrize("name", SPECIAL_NAMES)
def test_names_of_active_directory_find_their_entries_a65(
    asking: Asking, controller: Samba, name: str
) -> None:
    text = f"(sAMAccountName={escape_filter(name)})"
    (person,) = found(asking, controller, Query(BASE, "sub", text, ("sAMAccountName",)))
    assert person.text("sAMAccountName") == name
    password = samba.Person(name).password
    assert asking.bind(over_tls(controller), person.dn, password).code == client.SUCCESS


def test_the_id_of_active_directory_is_bytes_l16(asking: Asking, controller: Samba) -> None:
    query = Query(BASE, "sub", "(userPrincipalName=ann.lee@ad.test)", ("objectGUID", "mobile"))
    (ann,) = found(asking, controller, query)
    (guid,) = ann.attributes["objectguid"]
    by_id = query._replace(filter=f"(objectGUID={escape_filter(str(uuid.UUID(bytes_le=guid)))})")
    assert [each.dn for each in found(asking, controller, by_id)] == [ann.dn]
    assert ann.text("mobile") == "+1 800 555 0101"


def test_other_parts_of_the_forest_are_not_asked_l7(asking: Asking, controller: Samba) -> None:
    """A search from the root of the domain refers to ldap://ad.test, which is nowhere."""
    started = time.monotonic()
    entries = found(asking, controller, Query(BASE, "sub", "(sAMAccountName=bob)", ("1.1",)))
    assert [each.dn for each in entries] == [samba.BOB.dn]
    assert time.monotonic() - started < 3


def test_nested_groups_are_looked_up_by_active_directory(asking: Asking, controller: Samba) -> None:
    inside = f"(memberOf:{IN_CHAIN}:={escape_filter(STAFF.dn)})"
    (ann,) = found(asking, controller, Query(samba.ANN.dn, "base", inside, ("1.1",)))
    assert ann.dn == samba.ANN.dn
    assert found(asking, controller, Query(samba.OVER.dn, "base", inside, ("1.1",))) == []


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


# -- nothing is left behind


def open_files() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


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
        files, threads = open_files(), threading.active_count()
        for _ in range(5):
            await one(driver)
        await eventually(lambda: threading.active_count() <= threads)
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
        if asked.tag == 0x77:  # an extended request
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
    async def scenario(driver: Driver) -> None:
        connection = await driver.connect(secure(proxy.port, authority), WITHIN)
        proxy.set(Faults(rate=2000.0))
        query = Query(PEOPLE, "sub", "(uid=user1*)", ("1.1",), limit=20)
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


def test_a_stock_server_that_agrees_to_all_is_no_help_with_names_a77(asking: Asking) -> None:
    with LdapFake(say_yes) as fake:
        bound = asking.bind(plain(fake.port), "uid=ann", "secret")
    assert (bound.code, bound.policy) == (client.SUCCESS, None)
