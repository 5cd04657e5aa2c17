"""Binds to a real OpenLDAP."""

from __future__ import annotations

import pytest

from providers._base import Rejected
from providers.ldap import answers, client
from providers.ldap.client import Driver, Query
from providers.ldap.names import fill_dn
from tests.providers.ldap.asking import WITHIN, Asking, fresh_uid, secure
from tests.servers.slapd import (
    EXPIRED,
    GRACE,
    LOCKED,
    MUST_CHANGE,
    PEOPLE,
    SPECIAL_NAMES,
    Person,
    Slapd,
    numbered,
)
from tests.servers.tls import Authority

ANN = Person("ann")


@pytest.mark.parametrize("name", ["ann", *SPECIAL_NAMES])
def test_a_password_is_right_or_wrong_a65(
    asking: Asking, directory: Slapd, authority: Authority, name: str
) -> None:
    server = secure(directory.tls_port, authority)
    dn = fill_dn("uid={username}," + PEOPLE, username=name)
    password = Person(name).password
    directory.forget()
    assert asking.bind(server, dn, password).code == client.SUCCESS
    assert asking.bind(server, dn, password + " ").code == client.INVALID_CREDENTIALS
    assert len(directory.binds()) == 2
    # The name of one person only: everybody else's is another one.
    assert asking.bind(server, dn, numbered(1).password).code == client.INVALID_CREDENTIALS


@pytest.mark.parametrize(
    "password",
    [" spaces ", "ünïcödé 李", "\\2a*()", "x" * 512, "{SSHA}abc", "\";'--", "\x01\x7f"],
)
def test_passwords_arrive_as_they_are(
    asking: Asking, directory: Slapd, authority: Authority, password: str
) -> None:
    person = Person(fresh_uid(), password)
    directory.add(person)
    server = secure(directory.tls_port, authority)
    assert asking.bind(server, person.dn, password).code == client.SUCCESS
    assert asking.bind(server, person.dn, password[:-1] + "?").code == client.INVALID_CREDENTIALS


@pytest.mark.parametrize(("dn", "password"), [(ANN.dn, ""), ("", "secret")])
def test_a_bind_that_proves_nothing_is_not_sent_l1_a63(
    asking: Asking, directory: Slapd, authority: Authority, dn: str, password: str
) -> None:
    directory.forget()
    with pytest.raises(ValueError, match="nobody is proven"):
        asking.bind(secure(directory.tls_port, authority), dn, password)
    assert directory.binds() == []


@pytest.mark.parametrize(
    ("person", "why"),
    [
        (LOCKED, "^account locked"),
        (EXPIRED, "^password expired"),
        (MUST_CHANGE, "right password, but must change the password"),
    ],
    ids=lambda value: value.uid if isinstance(value, Person) else "",
)
def test_the_password_policy_keeps_people_out(
    asking: Asking, directory: Slapd, authority: Authority, person: Person, why: str
) -> None:
    server = secure(directory.tls_port, authority)
    bound = asking.bind(server, person.dn, person.password)
    with pytest.raises(Rejected, match=why):
        answers.judge(bound, "staff")
    wrong = asking.bind(server, person.dn, "wrong")
    assert wrong.code == client.INVALID_CREDENTIALS


def test_a_login_of_grace_is_a_login(
    asking: Asking, directory: Slapd, authority: Authority
) -> None:
    bound = asking.bind(secure(directory.tls_port, authority), GRACE.dn, GRACE.password)
    assert bound.policy is not None
    answers.judge(bound, "staff")


def test_nobody_and_a_wrong_password_look_alike(
    asking: Asking, directory: Slapd, authority: Authority
) -> None:
    server = secure(directory.tls_port, authority)
    person = Person(fresh_uid())  # whom no other test locks out
    directory.add(person)
    for dn in (f"uid=nobody,{PEOPLE}", person.dn):
        with pytest.raises(Rejected, match=r"^wrong password, or an account that is locked$"):
            answers.judge(asking.bind(server, dn, "wrong"), "staff")


def test_an_entry_without_a_password_is_the_persons_failure(
    asking: Asking, directory: Slapd, authority: Authority
) -> None:
    bound = asking.bind(secure(directory.tls_port, authority), PEOPLE, "secret")
    with pytest.raises(Rejected):
        answers.judge(bound, "staff")


def test_one_connection_serves_one_person_after_the_other(
    asking: Asking, directory: Slapd, authority: Authority
) -> None:
    me = Query("", "base", "(objectClass=*)", ("entryDN",))

    async def scenario(driver: Driver) -> None:
        connection = await driver.connect(secure(directory.tls_port, authority), WITHIN)
        for number in range(20):
            person = numbered(number)
            bound = await connection.bind(person.dn, person.password, WITHIN)
            assert bound.code == client.SUCCESS
            read = await connection.search(me._replace(base=person.dn), WITHIN)
            assert read.entries[0].text("entryDN") == person.dn
        assert (await connection.bind(ANN.dn, "wrong", WITHIN)).code == client.INVALID_CREDENTIALS
        # Whoever was bound before is not any more.
        read = await connection.search(me._replace(base=ANN.dn), WITHIN)
        assert read.code == client.NO_SUCH_OBJECT
        assert connection.alive
        await connection.close()
        assert not connection.alive

    directory.forget()
    asking.run(scenario)
    assert directory.connections() == 1


def test_a_closed_connection_is_closed_for_good(
    asking: Asking, directory: Slapd, authority: Authority
) -> None:
    async def scenario(driver: Driver) -> None:
        connection = await driver.connect(secure(directory.tls_port, authority), WITHIN)
        await connection.close()
        await connection.close()
        with pytest.raises(client.ConnectionLost):
            await connection.bind(ANN.dn, ANN.password, WITHIN)

    asking.run(scenario)
