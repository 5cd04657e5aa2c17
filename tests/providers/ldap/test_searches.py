"""Searches in a real OpenLDAP, and names that are put into them."""

from __future__ import annotations

import string
import time
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.ldap import client
from providers.ldap.client import BadFilter, Query, Scope
from providers.ldap.names import escape_dn, escape_filter, login_name
from tests.providers.ldap.asking import WITHIN, Asking, fresh_uid, plain, secure
from tests.servers.slapd import (
    GROUPS,
    PEOPLE,
    SPECIAL_NAMES,
    SUFFIX,
    Group,
    Person,
    Searched,
    Slapd,
    numbered,
)
from tests.servers.tls import Authority

SIZE_LIMIT = 500  # of the server


def by_uid(name: str, *attributes: str) -> Query:
    return Query(PEOPLE, "sub", f"(uid={escape_filter(name)})", attributes or ("uid",))


@pytest.mark.parametrize("name", ["ann", *SPECIAL_NAMES])
def test_a_name_finds_its_entry_alone_a65(
    asking: Asking, directory: Slapd, authority: Authority, name: str
) -> None:
    found = asking.read(directory, authority, by_uid(name))
    assert found.code == client.SUCCESS
    assert [entry.texts("uid") for entry in found.entries] == [[name]]


@pytest.mark.parametrize(
    "typed", ["*", "a*", "*)(uid=*", "ann)(uid=*", "\\2a", "ann\0", "(&(uid=ann))", "", "an?"]
)
def test_a_name_is_no_part_of_the_question_l2(
    asking: Asking, directory: Slapd, authority: Authority, typed: str
) -> None:
    assert asking.read(directory, authority, by_uid(typed)).entries == []


def test_attributes_are_as_the_server_has_them(
    asking: Asking, directory: Slapd, authority: Authority
) -> None:
    person = numbered(1)
    (entry,) = asking.read(
        directory, authority, by_uid(person.uid, "ENTRYUUID", "Mail", "mobile", "memberOf", "none")
    ).entries
    assert entry.dn == person.dn
    assert set(entry.attributes) == {"entryuuid", "mail", "mobile", "memberof"}
    assert entry.texts("memberOf") == [Group("eng").dn]
    assert entry.text("MAIL") == "user1@example.test"
    assert uuid.UUID(entry.text("entryUUID"))
    assert entry.text("none") is None


def test_attributes_may_be_binary(asking: Asking, directory: Slapd, authority: Authority) -> None:
    uid = fresh_uid()
    photo = "\xff\xd8\0\1"
    directory.add(Person(uid, attributes={"jpegPhoto": photo, "mail": ["a@x.test", "b@x.test"]}))
    (entry,) = asking.read(directory, authority, by_uid(uid, "jpegPhoto", "mail")).entries
    assert entry.attributes["jpegphoto"] == [photo.encode()]
    assert sorted(entry.texts("mail")) == ["a@x.test", "b@x.test"]


@pytest.mark.parametrize(
    ("base", "scope", "filter_text", "names"),
    [
        (PEOPLE, "base", "(objectClass=*)", ["people"]),
        (SUFFIX, "one", "(ou=groups)", ["groups"]),
        (SUFFIX, "one", "(cn=eng)", []),
        (SUFFIX, "sub", "(cn=eng)", ["eng"]),
        (GROUPS, "sub", f"(member={numbered(1).dn})", ["eng"]),
        (GROUPS, "sub", "(memberUid=user1)", ["unix"]),
        (GROUPS, "sub", "(&(cn=*n*)(!(cn=eng))(objectClass=posixGroup))", ["unix"]),
        (GROUPS, "sub", "(|(cn=sta*)(cn=*ng))", ["eng", "staff"]),
        (PEOPLE, "sub", "(uid:caseExactMatch:=ann)", ["ann"]),
        (PEOPLE, "sub", "(uid:caseExactMatch:=Ann)", []),
        (SUFFIX, "sub", "(&(ou:dn:=services)(cn=svc))", ["svc"]),
    ],
)
def test_questions_of_all_kinds(
    asking: Asking,
    directory: Slapd,
    authority: Authority,
    base: str,
    scope: Scope,
    filter_text: str,
    names: list[str],
) -> None:
    found = asking.read(directory, authority, Query(base, scope, filter_text, ("1.1",), limit=9))
    assert found.code == client.SUCCESS
    assert sorted(entry.dn.split(",")[0].split("=")[1] for entry in found.entries) == names


@pytest.mark.parametrize(
    ("limit", "code", "count"),
    [(1, client.SIZE_LIMIT, 1), (2, client.SIZE_LIMIT, 2), (1000, client.SIZE_LIMIT, SIZE_LIMIT)],
)
def test_no_more_entries_come_than_are_asked_for(
    asking: Asking, directory: Slapd, authority: Authority, limit: int, code: int, count: int
) -> None:
    query = Query(PEOPLE, "sub", "(uid=user*)", ("1.1",), limit)
    found = asking.read(directory, authority, query)
    assert (found.code, len(found.entries)) == (code, count)


def test_what_is_not_there_and_what_may_not_be_seen(
    asking: Asking, directory: Slapd, authority: Authority
) -> None:
    nowhere = Query(f"ou=nowhere,{SUFFIX}", "sub", "(uid=ann)", ("1.1",))
    assert asking.read(directory, authority, nowhere).code == client.NO_SUCH_OBJECT
    password = by_uid("ann", "userPassword")
    assert asking.read(directory, authority, password).entries[0].attributes == {}
    anonymous = asking.search(plain(directory.port), by_uid("ann"))
    assert (anonymous.code, anonymous.entries) == (client.NO_SUCH_OBJECT, [])


def test_a_filter_that_is_none_is_not_sent(
    asking: Asking, directory: Slapd, authority: Authority
) -> None:
    directory.forget()
    with pytest.raises(BadFilter):
        asking.read(directory, authority, Query(PEOPLE, "sub", "(uid=a)b)(", ("uid",)))
    assert directory.searches() == []


def test_a_search_arrives_as_it_was_asked(
    asking: Asking, directory: Slapd, authority: Authority
) -> None:
    directory.forget()
    asking.read(directory, authority, by_uid("a*b"))
    assert directory.searches() == [Searched(PEOPLE, "(uid=a\\2Ab)")]


def test_one_of_a_hundred_thousand_is_found_at_once(
    asking: Asking, big_directory: Slapd, authority: Authority
) -> None:
    started = time.monotonic()
    (entry,) = asking.read(big_directory, authority, by_uid("user99999", "mail")).entries
    assert entry.text("mail") == "user99999@example.test"
    assert time.monotonic() - started < 2


def test_a_hundred_thousand_are_not_read(
    asking: Asking, big_directory: Slapd, authority: Authority
) -> None:
    found = asking.read(big_directory, authority, Query(PEOPLE, "sub", "(objectClass=*)", ("1.1",)))
    assert (found.code, len(found.entries)) == (client.SIZE_LIMIT, 2)


NAMES = (
    st.text(
        st.sampled_from(string.punctuation + " aB2üÜßé李\u0130\u0131\uff21\ufb01\U0001f600"),
        min_size=1,
        max_size=8,
    )
    .map(login_name)
    .filter(lambda name: name is not None)
    .map(str)
)


def as_compared(name: str) -> str:
    """How the server compares names, roughly: without regard to case and to how much space."""
    return " ".join((login_name(name.casefold()) or "").casefold().split())


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=NAMES, other=NAMES)
def test_a_name_finds_itself_and_nobody_else_l2(
    asking: Asking, directory: Slapd, authority: Authority, name: str, other: str
) -> None:
    unique = fresh_uid()
    person = Person(unique + name)
    directory.add(person)
    (entry,) = asking.read(directory, authority, by_uid(person.uid)).entries
    assert entry.text("uid") == person.uid
    found = asking.read(directory, authority, by_uid(unique + other)).entries
    assert bool(found) == (as_compared(unique + name) == as_compared(unique + other))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=NAMES, other=NAMES)
def test_a_name_in_a_template_is_bound_and_nobody_else_l2(
    asking: Asking, directory: Slapd, authority: Authority, name: str, other: str
) -> None:
    unique = fresh_uid()
    person = Person(name + unique, "secret")
    directory.add(person)
    for typed in (name, other):
        dn = f"uid={escape_dn(typed + unique)},{PEOPLE}"
        same = as_compared(typed + unique) == as_compared(person.uid)
        assert asking.bind(secure(directory.tls_port, authority), dn, "secret", WITHIN).code == (
            client.SUCCESS if same else client.INVALID_CREDENTIALS
        )
