"""The steps of a sign-in, by a server that answers what the test says."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from providers import Identity, Rejected, Unavailable, UnknownIdentity
from providers.ldap import client
from providers.ldap.client import Bound, ConnectionFailed, Entry, Found, Query, Server
from providers.ldap.directory import People
from providers.ldap.searching import ServerBusy
from providers.ldap.service import ServiceAccount
from providers.ldap.settings import LdapConfig
from providers.ldap.site import Site
from tests.config.reading import parse
from tests.providers.ldap.scripted import PASSWORD, SERVICE, Host, ScriptedDriver, entry, found

BASE = "ou=people,dc=test"
ANN = entry(f"uid=ann,{BASE}", entryUUID="7", uid="ann", mail="ann@example.test")
BOB = entry(f"uid=bob,{BASE}", entryUUID="8", uid="bob")
SECRET = "secret of ann"
SEARCH = f"user_search: {{base_dn: '{BASE}'}}\n"
AS_SERVICE = f"bind_dn: '{SERVICE}'\nbind_password: {PASSWORD}\n"
BY_DN = f"user_dn: 'uid={{username}},{BASE}'\n"
BY_UPN = "preset: active_directory\nuser_dn: '{username}@corp.test'\n"


class Asking:
    """Signs in at one server. ``claims`` are the accounts that tries were counted for."""

    def __init__(self, host: Host, text: str) -> None:
        self._host = host
        config = parse(LdapConfig, "urls: [ldaps://dc1]\n" + text)
        server = Server("ldaps://dc1", "dc1", 636, None, False)
        account = ServiceAccount("staff", config)
        self._site = Site("staff", server, ScriptedDriver({"dc1": host}), config, account)
        self._people = People("staff", config)
        self.claims: list[str] = []

    async def sign_in(self, name: str = "ann", password: str = SECRET) -> Identity:
        async def claim(account: str) -> None:
            # Before the proof is tried.
            assert [dn for dn in self._host.binds if dn != SERVICE] == []
            self.claims.append(account)

        until = time.monotonic() + 1.0
        return await self._people.sign_in(name, password, claim, self._site, until)

    async def member(self, field: Any, value: str) -> Identity | None:
        return await self._people.member(field, value, self._site, time.monotonic() + 1.0)


def knows(*people: Entry, **accounts: str) -> Host:
    """A server that finds ``people``, whatever is searched for; their passwords are SECRET."""
    secrets = {person.dn: SECRET for person in people}
    return Host(accounts={SERVICE: PASSWORD, **secrets, **accounts}, answer=found(*people))


# Search, then bind


async def test_l4_password_is_proven_for_the_entry_that_was_found() -> None:
    host = knows(ANN)
    asking = Asking(host, SEARCH + AS_SERVICE)
    assert await asking.sign_in("Ann") == Identity("7", "ann", "ann@example.test")
    (query,) = host.searches
    assert (query.base, query.scope, query.filter, query.limit) == (BASE, "sub", "(uid=Ann)", 2)
    assert {"entryUUID", "uid", "mail", "mobile", "displayName"} <= {*query.attributes}
    assert host.binds == [SERVICE, ANN.dn]
    assert asking.claims == [f"uid=ann,{BASE}"]


async def test_wrong_password() -> None:
    asking = Asking(knows(ANN), SEARCH + AS_SERVICE)
    with pytest.raises(Rejected, match="wrong password") as caught:
        await asking.sign_in(password="other")
    assert not isinstance(caught.value, UnknownIdentity)
    assert asking.claims


async def test_unknown_name_is_for_the_next_provider() -> None:
    host = knows()
    asking = Asking(host, SEARCH + AS_SERVICE)
    with pytest.raises(UnknownIdentity):
        await asking.sign_in()
    assert (host.binds, asking.claims) == ([SERVICE], [])


@pytest.mark.parametrize("code", [client.SUCCESS, client.SIZE_LIMIT])
async def test_l3_two_entries_are_nobody(code: int) -> None:
    host = knows(ANN, BOB)
    host.answer = lambda query: Found(code, [ANN, BOB])
    with pytest.raises(Rejected, match="more than one entry") as caught:
        await Asking(host, SEARCH + AS_SERVICE).sign_in()
    assert not isinstance(caught.value, UnknownIdentity)
    assert host.binds == [SERVICE]


async def test_l3_entries_that_the_server_hides_may_be_several() -> None:
    host = knows(ANN)
    host.answer = lambda query: Found(client.SIZE_LIMIT, [ANN])
    with pytest.raises(Unavailable, match="size limit hides"):
        await Asking(host, SEARCH + AS_SERVICE).sign_in()
    assert host.binds == [SERVICE]


async def test_a77_success_without_an_entry_is_nobody() -> None:
    host = knows()
    host.bound = Bound(client.SUCCESS, "matched something", None)
    with pytest.raises(UnknownIdentity):
        await Asking(host, SEARCH + AS_SERVICE).sign_in()
    assert host.binds == [SERVICE]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (1, "without bind_dn and bind_password"),
        pytest.param(8, "wants TLS, or bind_dn", id="l15 8"),
        pytest.param(10, "referrals are not followed", id="l7 referral"),
        pytest.param(13, "wants TLS", id="l15 13"),
        (32, "no entry of that name to search below"),
        (50, "bind_dn may not search there"),
        (80, "refuses the search"),
    ],
)
async def test_search_that_fails_is_the_operators_failure(code: int, told: str) -> None:
    host = knows(ANN)
    host.answer = lambda query: Found(code, [])
    with pytest.raises(Unavailable) as caught:
        await Asking(host, SEARCH + AS_SERVICE).sign_in()
    assert told in caught.value.detail
    assert f"(result code {code})" in caught.value.detail


@pytest.mark.parametrize("code", [3, 51, 52])
async def test_l9_busy_server_is_a_matter_for_the_next(code: int) -> None:
    host = knows(ANN)
    host.answer = lambda query: Found(code, [])
    with pytest.raises(ServerBusy):
        await Asking(host, SEARCH + AS_SERVICE).sign_in()
    host.answer = found(ANN)
    host.bound = Bound(code, "", None)
    with pytest.raises(ServerBusy):
        await Asking(host, SEARCH).sign_in()


@pytest.mark.parametrize("state", ["mute", "refusing"])
async def test_l9_server_that_ends_the_work_is_no_refusal(state: Any) -> None:
    host = knows(ANN)
    host.state = state
    for text in (SEARCH + AS_SERVICE, BY_DN):
        with pytest.raises(ConnectionFailed):
            await Asking(host, text + "timeout: {operation: 50ms}").sign_in()


async def test_claim_that_is_refused_ends_it_before_any_bind() -> None:
    class Enough(Exception):
        pass

    async def claim(account: str) -> None:
        raise Enough

    host = knows(ANN)
    for text in (SEARCH + AS_SERVICE, BY_DN, BY_UPN):
        asking = Asking(host, text)
        with pytest.raises(Enough):
            await asking._people.sign_in("ann", SECRET, claim, asking._site, time.monotonic() + 1.0)
    assert host.binds == [SERVICE]


async def test_l8_state_and_groups_are_those_of_this_request() -> None:
    text = SEARCH + AS_SERVICE + "preset: freeipa\ngroups: {denied: ['cn=guests,dc=test']}"
    person = {"ipaUniqueID": "7", "uid": "ann"}
    host = knows()
    asking = Asking(host, text)
    host.accounts[ANN.dn] = SECRET
    for more, why in (
        ({}, None),
        ({"nsAccountLock": "TRUE"}, "account disabled"),
        ({"memberOf": "cn=guests,dc=test"}, "in a denied group"),
        ({"nsAccountLock": "FALSE", "memberOf": "cn=other,dc=test"}, None),
    ):
        host.answer = found(entry(ANN.dn, **person, **more))
        host.connections.clear()
        if why is None:
            assert (await asking.sign_in()).subject == "7"
            continue
        with pytest.raises(Rejected, match=why):
            await asking.sign_in()


async def test_l11_state_is_told_after_a_right_password_only() -> None:
    host = knows(entry(ANN.dn, ipaUniqueID="7", nsAccountLock="TRUE"))
    asking = Asking(host, SEARCH + AS_SERVICE + "preset: freeipa")
    with pytest.raises(Rejected, match="wrong password"):
        await asking.sign_in(password="other")


# By a distinguished name


async def test_template_binds_first_and_reads_as_the_person() -> None:
    host = knows(ANN)
    asking = Asking(host, BY_DN)
    assert await asking.sign_in() == Identity("7", "ann", "ann@example.test")
    (connection,) = host.connections
    assert connection.binds == [ANN.dn]
    (query,) = connection.searches
    assert (query.base, query.scope, query.filter) == (ANN.dn, "base", "(objectClass=*)")
    assert asking.claims == [ANN.dn]


async def test_template_reads_as_the_service_account_if_there_is_one() -> None:
    host = knows(ANN)
    assert (await Asking(host, BY_DN + AS_SERVICE).sign_in()).subject == "7"
    as_person, as_service = host.connections
    assert (as_person.binds, as_person.searches) == ([ANN.dn], [])
    assert (as_service.binds, len(as_service.searches)) == ([SERVICE], 1)


async def test_template_cannot_tell_unknown_from_wrong() -> None:
    for name in ("ann", "nobody"):
        with pytest.raises(Rejected, match="wrong password") as caught:
            await Asking(knows(ANN), BY_DN).sign_in(name, "other")
        assert not isinstance(caught.value, UnknownIdentity)


@pytest.mark.parametrize(
    "answer",
    [found(), lambda query: Found(client.NO_SUCH_OBJECT, [])],
    ids=["hidden", "no such object"],
)
async def test_entry_that_its_owner_cannot_read(answer: Callable[[Query], Found]) -> None:
    host = knows(ANN)
    host.answer = answer
    with pytest.raises(Unavailable, match="entry of who signed in cannot be read"):
        await Asking(host, BY_DN).sign_in()


# By a user principal name

TOKEN, OTHER = b"\x01\x05ann", b"\x01\x05bob"
GUID = bytes(range(16))


def domain(*, of: bytes | None = TOKEN, bound: bytes | None = TOKEN, names: int = 1) -> Host:
    """A domain controller; ``of`` is who is found, ``bound`` who signed in."""
    sid = {} if of is None else {"objectSid": of}
    person = entry("CN=Ann,DC=corp,DC=test", objectGUID=GUID, userAccountControl="512", **sid)

    def answer(query: Query) -> Found:
        if query.base:
            return Found(0, [person] * names)
        more = {} if bound is None else {"tokenGroups": [b"\x01\x01everybody", bound]}
        return Found(0, [entry("", defaultNamingContext="DC=corp,DC=test", **more)])

    accounts = {SERVICE: PASSWORD, "ann@corp.test": SECRET}
    return Host(accounts=accounts, answer=answer)


@pytest.mark.parametrize("name", ["ann", "ann@corp.test", "ann@CORP.test"])
async def test_principal_name_binds_as_typed_or_completed(name: str) -> None:
    host = domain()
    asking = Asking(host, BY_UPN)
    identity = await asking.sign_in(name)
    assert identity.subject == "03020100-0504-0706-0809-0a0b0c0d0e0f"
    assert (host.binds, asking.claims) == (["ann@corp.test"], ["ann@corp.test"])
    query = next(query for query in host.searches if query.base)
    assert (query.base, query.scope) == ("DC=corp,DC=test", "sub")
    assert "(sAMAccountName=ann)" in query.filter
    assert "(userPrincipalName=ann\\40corp\\2etest)" in query.filter


async def test_down_level_name() -> None:
    host = domain()
    host.accounts["CORP\\ann"] = SECRET
    text = "preset: active_directory\nuser_dn: 'CORP\\{username}'\n"
    for name in ("ann", "corp\\ann"):
        await Asking(host, text).sign_in(name)
        assert host.binds == ["CORP\\ann"]
        host.connections.clear()


async def test_l5_entry_of_somebody_else_with_that_name_is_refused() -> None:
    for text in (BY_UPN, BY_UPN + AS_SERVICE):
        with pytest.raises(Rejected, match="somebody else's"):
            await Asking(domain(of=OTHER), text).sign_in()


@pytest.mark.parametrize("host", [domain(bound=None), domain(of=None)], ids=["token", "entry"])
async def test_l5_whom_the_server_has_bound_has_to_be_known(host: Host) -> None:
    with pytest.raises(Unavailable, match="who was bound is not known"):
        await Asking(host, BY_UPN).sign_in()


async def test_l5_token_is_read_as_the_person_and_never_as_the_service_account() -> None:
    host = domain()
    await Asking(host, BY_UPN + AS_SERVICE).sign_in()
    (as_person,) = (c for c in host.connections if SERVICE not in c.binds)
    (query,) = as_person.searches
    assert (query.base, list(query.attributes)) == ("", ["tokenGroups"])


async def test_l3_two_entries_of_one_principal_name() -> None:
    with pytest.raises(Rejected, match="more than one entry"):
        await Asking(domain(names=2), BY_UPN).sign_in()


@pytest.mark.parametrize(
    "name", ["ann@other.test", "a*", "a,b", "a\\b", "@corp.test", "a(b@corp.test@x"]
)
async def test_l2_name_that_is_no_principal_name_is_not_bound(name: str) -> None:
    host = domain()
    with pytest.raises(UnknownIdentity):
        await Asking(host, BY_UPN).sign_in(name)
    assert host.tried == 0


async def test_own_search_base_comes_before_that_of_the_server() -> None:
    host = domain()
    await Asking(host, BY_UPN + "user_search: {base_dn: 'OU=staff,DC=corp,DC=test'}").sign_in()
    assert {query.base for query in host.searches} == {"", "OU=staff,DC=corp,DC=test"}


async def test_server_that_does_not_tell_its_base() -> None:
    host = Host(accounts={"ann@corp.test": SECRET}, answer=found(entry("", vendorName="x")))
    with pytest.raises(Unavailable, match=r"needs user_search\.base_dn"):
        await Asking(host, BY_UPN).sign_in()
