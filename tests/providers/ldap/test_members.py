"""Who has a phone number or an address, by a server that answers what the test says."""

from __future__ import annotations

import pytest

from providers import Identity, Rejected
from providers.ldap import client
from providers.ldap.client import Entry, Found
from tests.providers.ldap.scripted import SERVICE, Host, entry
from tests.providers.ldap.test_directory import (
    ANN,
    AS_SERVICE,
    BASE,
    BOB,
    BY_DN,
    BY_UPN,
    SEARCH,
    Asking,
    domain,
    knows,
)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("phone", "18005551234", "(|(mobile=\\2b18005551234)(mobile=18005551234))"),
        ("email", "a*@b.test", "(mail=a\\2a\\40b\\2etest)"),
    ],
)
async def test_member_is_found_without_a_password(field: str, value: str, text: str) -> None:
    person = entry(ANN.dn, entryUUID="7", mobile="+1 800 555 1234", mail="Ann@b.test")
    host = knows(person)
    assert await Asking(host, SEARCH + AS_SERVICE).member(field, value) == Identity(
        "7", email="ann@b.test", phone="18005551234"
    )
    (query,) = host.searches
    assert (query.filter.replace("\\2b", "+"), query.base) == (text.replace("\\2b", "+"), BASE)
    assert host.binds == [SERVICE]


@pytest.mark.parametrize(
    "people", [[], [ANN, BOB], [entry(ANN.dn, entryUUID="7", memberOf="cn=guests,dc=test")]]
)
async def test_nobody_and_several_and_who_may_not_are_no_members(people: list[Entry]) -> None:
    text = SEARCH + AS_SERVICE + "groups: {denied: ['cn=guests,dc=test']}"
    assert await Asking(knows(*people), text).member("email", "ann@example.test") is None


@pytest.mark.parametrize("people", [[], [ANN]], ids=["nobody", "ann"])
async def test_nobody_takes_as_many_searches_as_a_member(people: list[Entry]) -> None:
    groups = "groups: {base_dn: 'ou=groups,dc=test', denied: ['cn=guests,dc=test']}"
    host = Host(answer=lambda query: Found(0, people if query.base == BASE else []))
    member = await Asking(host, SEARCH + AS_SERVICE + groups).member("email", "ann@example.test")
    assert (member is None) == (not people)
    assert [query.base for query in host.searches] == [BASE, "ou=groups,dc=test"]


@pytest.mark.parametrize(
    ("text", "base", "scope"), [(BY_DN, BASE, "one"), (BY_UPN, "DC=corp,DC=test", "sub")]
)
async def test_member_of_a_directory_without_user_search(text: str, base: str, scope: str) -> None:
    host = domain()
    await Asking(host, text + AS_SERVICE + "id_attribute: objectGUID").member("email", "a@b.test")
    query = host.searches[-1]
    assert (query.base, query.scope) == (base, scope)


SEARCHED = "groups: {base_dn: 'ou=groups,dc=test', denied: ['cn=guests,dc=test']"
IN_PIECES = entry(ANN.dn, entryUUID="7", **{"memberOf;range=0-1499": "cn=other,dc=test"})


@pytest.mark.parametrize(
    ("people", "groups", "told"),
    [
        ([entry(ANN.dn, uid="ann")], f"{SEARCHED}}}", "id_attribute: the entry has no readable"),
        ([ANN, BOB], f"{SEARCHED}}}", "more than one entry fits"),
        (
            [entry(ANN.dn, entryUUID="7")],
            f"{SEARCHED}, filter: '(memberUid={{username}})'}}",
            "the entry has no readable uid",
        ),
        ([IN_PIECES], "groups: {denied: ['cn=guests,dc=test']}", "in more groups than the server"),
    ],
    ids=["no id", "two", "no name", "too many groups"],
)
async def test_entry_of_no_use_is_nobody_outside_and_a_line_in_the_log(
    people: list[Entry], groups: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def searches(people: list[Entry]) -> list[str]:
        host = Host(answer=lambda query: Found(0, people if query.base == BASE else []))
        asking = Asking(host, SEARCH + AS_SERVICE + groups)
        assert await asking.member("email", "ann@example.test") is None
        return [query.base for query in host.searches]

    of_nobody = await searches([])
    assert "entry of no use" not in capsys.readouterr().out
    assert await searches(people) == of_nobody
    logged = capsys.readouterr().out
    assert "entry of no use" in logged
    assert told in logged
    assert "ann" not in logged


async def test_entries_that_the_server_hides_are_nobody_outside(
    capsys: pytest.CaptureFixture[str],
) -> None:
    host = knows(ANN)
    host.answer = lambda query: Found(client.SIZE_LIMIT, [ANN])
    assert await Asking(host, SEARCH + AS_SERVICE).member("email", "ann@example.test") is None
    assert "size limit hides" in capsys.readouterr().out


async def test_expired_password_ends_logins_by_password_only() -> None:
    person = entry(ANN.dn, ipaUniqueID="7", krbPasswordExpiration="20200101000000Z")
    asking = Asking(knows(person), SEARCH + AS_SERVICE + "preset: freeipa")
    with pytest.raises(Rejected, match=r"^password expired$"):
        await asking.sign_in()
    assert await asking.member("email", "ann@example.test") == Identity("7")
