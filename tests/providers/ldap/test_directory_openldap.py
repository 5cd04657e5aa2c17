"""Sign-in with a real OpenLDAP, by both drivers, with and without a search."""

from __future__ import annotations

import asyncio
import itertools
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from providers import Identity, Rejected, Unavailable, UnknownIdentity
from providers.ldap import Ldap
from providers.ldap.answers import Unlooked
from tests.providers.ldap.staff import BY_SEARCH, DRIVERS, MODES, provider, sign_in
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
    SPECIAL_NAMES,
    SUFFIX,
    Person,
    Slapd,
    numbered,
)
from tests.servers.tls import Authority

NewLdap = Callable[..., Ldap]
ANN = Person("ann")
MEMBER, OUTSIDER = numbered(1), numbered(2)  # of eng, which is in staff; user1 is in unix
ENG, STAFF, UNIX = (f"cn={name},{GROUPS}" for name in ("eng", "staff", "unix"))
_NUMBERS = itertools.count(1)


@pytest.fixture(params=DRIVERS)
async def new_ldap(
    request: pytest.FixtureRequest, directory: Slapd, authority: Authority
) -> AsyncIterator[NewLdap]:
    """Make providers of the directory by the keys of their configuration."""
    made: list[Ldap] = []

    def new(**keys: Any) -> Ldap:
        urls = keys.pop("urls", [directory.tls_url])
        made.append(provider(urls, authority.ca_file, driver=request.param, **keys))
        return made[-1]

    yield new
    for ldap in made:
        await ldap.close()


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> dict[str, Any]:
    """With a search, or by the distinguished name alone."""
    keys: dict[str, Any] = MODES[request.param]
    return keys


def fresh(secret: str | None = None) -> Person:
    """Return somebody whom no other test knows."""
    return Person(f"newcomer{next(_NUMBERS)}", secret)


async def refused(ldap: Ldap, name: str, password: str) -> Rejected:
    with pytest.raises(Rejected) as caught:
        await sign_in(ldap, name, password)
    return caught.value


# Names


@pytest.mark.parametrize("field", ["username", "email", "phone"])
async def test_right_password(new_ldap: NewLdap, mode: dict[str, Any], field: str) -> None:
    ldap = new_ldap(**mode, preset="openldap")
    for _ in range(3):
        identity = await sign_in(ldap, "user1", MEMBER.password, field)
        assert len(identity.subject) == 36
        assert identity == Identity(
            identity.subject, "user1", "user1@example.test", "18000000001", "User Number 1"
        )


async def test_wrong_password(new_ldap: NewLdap, mode: dict[str, Any]) -> None:
    ldap = new_ldap(**mode)
    for password in ("wrong", MEMBER.password.upper(), MEMBER.password + " "):
        error = await refused(ldap, "user1", password)
        assert not isinstance(error, UnknownIdentity)
    await sign_in(ldap, "user1", MEMBER.password)


async def test_l1_spaces_of_passwords_are_kept(
    new_ldap: NewLdap, mode: dict[str, Any], directory: Slapd
) -> None:
    person = fresh("  two spaces \u00e4 ")
    directory.add(person)
    ldap = new_ldap(**mode)
    await sign_in(ldap, person.uid, person.password)
    await refused(ldap, person.uid, person.password.strip())


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", SPECIAL_NAMES)
async def test_l2_a65_special_names_sign_in(
    new_ldap: NewLdap, mode: dict[str, Any], name: str, form: Any
) -> None:
    ldap = new_ldap(**mode)
    password = Person(name).password
    identity = await sign_in(ldap, unicodedata.normalize(form, name), password)
    assert identity.username == name
    await refused(ldap, name, "wrong")


@pytest.mark.parametrize("typed", ["ANN", " ann ", "\uff41nn", "Ann"])
async def test_l14_twins_are_one_person(
    new_ldap: NewLdap, mode: dict[str, Any], typed: str
) -> None:
    ldap = new_ldap(**mode)
    one, other = [await sign_in(ldap, name, ANN.password) for name in ("ann", typed)]
    assert one == other


@pytest.mark.parametrize(
    ("typed", "searched"),
    [
        ("*", "(uid=\\2A)"),
        ("a*", "(uid=a\\2A)"),
        ("*)(uid=*", "(uid=\\2A\\29\\28uid=\\2A)"),
        ("ann)(|(uid=*", "(uid=ann\\29\\28|\\28uid=\\2A)"),
        ("ann\\", "(uid=ann\\5C)"),
        ("\\61nn", "(uid=\\5C61nn)"),
        ("{username}x", "(uid={username}x)"),
        ("ann,ou=people", "(uid=ann,ou=people)"),
        ("uid=ann", "(uid=uid=ann)"),
    ],
)
async def test_l2_nobody_gets_into_a_filter(
    new_ldap: NewLdap, directory: Slapd, typed: str, searched: str
) -> None:
    ldap = new_ldap(**BY_SEARCH)
    directory.forget()
    with pytest.raises(UnknownIdentity):
        await sign_in(ldap, typed, ANN.password)
    # python-ldap's driver looks at the root entry of each new connection, too.
    assert [search.filter for search in directory.searches() if search.base] == [searched]
    assert set(directory.binds()) == {SERVICE}


@pytest.mark.parametrize(
    "typed",
    [
        "ann,ou=people,dc=example,dc=test",
        "user1+uid=ann",
        "ann,ou=people",
        "\\61nn",
        "ann\\",
        "#616e6e",
        '"ann"',
        "user1;uid=ann",
    ],
)
async def test_l2_nobody_gets_into_a_distinguished_name(
    new_ldap: NewLdap, directory: Slapd, typed: str
) -> None:
    ldap = new_ldap(**MODES["template"])
    directory.forget()
    error = await refused(ldap, typed, ANN.password)
    assert not isinstance(error, UnknownIdentity)  # the server does not tell
    (dn,) = directory.binds()
    assert dn.endswith(f",{PEOPLE}")
    assert dn.count("uid=") == 1 + typed.count("uid=") - dn.count("uid\\3D")
    assert dn != ANN.dn


async def test_unknown_name_is_for_the_next_provider_where_the_server_tells(
    new_ldap: NewLdap,
) -> None:
    with pytest.raises(UnknownIdentity):
        await sign_in(new_ldap(**BY_SEARCH), "nobody", "secret")


async def test_l3_two_entries_are_nobody(new_ldap: NewLdap, directory: Slapd) -> None:
    both = "(|(uid={username})(mail={username}@example.test))"
    ldap = new_ldap(**BY_SEARCH | {"user_search": {"base_dn": PEOPLE, "filter": both}})
    person = fresh()
    directory.add(person)
    await sign_in(ldap, person.uid, person.password)
    directory.add(replace(fresh(), attributes={"mail": f"{person.uid}@example.test"}))
    directory.forget()
    error = await refused(ldap, person.uid, person.password)
    assert (type(error), str(error)) == (Unlooked, "more than one entry fits")
    assert directory.binds() == []


@pytest.mark.parametrize(("scope", "found"), [("sub", True), ("one", True), ("base", False)])
async def test_scope_of_the_search(new_ldap: NewLdap, scope: str, found: bool) -> None:
    ldap = new_ldap(**BY_SEARCH | {"user_search": {"base_dn": PEOPLE, "scope": scope}})
    if found:
        await sign_in(ldap, "ann", ANN.password)
    else:
        with pytest.raises(UnknownIdentity):
            await sign_in(ldap, "ann", ANN.password)


# State of the account


@pytest.mark.parametrize(
    ("person", "kind", "why"),
    [
        (LOCKED, Unlooked, "account locked"),
        (MUST_CHANGE, Rejected, "right password, but must change the password"),
        (EXPIRED, Rejected, "password expired"),
    ],
    ids=lambda value: getattr(value, "uid", ""),
)
async def test_l11_state_that_the_server_tells(
    new_ldap: NewLdap, mode: dict[str, Any], person: Person, kind: type[Rejected], why: str
) -> None:
    error = await refused(new_ldap(**mode), person.uid, person.password)
    assert (type(error), str(error)) == (kind, why)


async def test_l11_grace_login_is_a_login(new_ldap: NewLdap, mode: dict[str, Any]) -> None:
    """The directory has decided so, and whatever we made of it, one is used up."""
    await sign_in(new_ldap(**mode), GRACE.uid, GRACE.password)


@pytest.fixture(scope="module")
def locking(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Slapd]:
    """A directory whose locks are not over while a busy machine is on its way to look at them."""
    with Slapd(tmp_path_factory.mktemp("slapd"), authority) as directory:
        policy = f"dn: cn=default,{POLICIES}\nchangetype: modify\n"
        directory.change(f"{policy}replace: pwdLockoutDuration\npwdLockoutDuration: 600\n")
        yield directory


async def test_l11_lock_out_after_too_many(
    new_ldap: NewLdap, mode: dict[str, Any], locking: Slapd
) -> None:
    person = fresh()
    locking.add(person)
    ldap = new_ldap(urls=[locking.tls_url], **mode)
    for _ in range(LOCKOUT):
        assert "wrong password" in str(await refused(ldap, person.uid, "wrong"))
    # slapd stamps a lock by one clock and reads the stamp by another that is a tick behind. In the
    # first milliseconds of a second a lock is one of the future, and not yet in force.
    async with asyncio.timeout(5):
        while str(await refused(ldap, person.uid, "wrong")) != "account locked":
            pass
    assert str(await refused(ldap, person.uid, person.password)) == "account locked"


async def test_account_locked_for_good_is_refused_without_a_password_too(
    new_ldap: NewLdap,
) -> None:
    lookup = {"email": "(uid={email})"}
    ldap = new_ldap(**BY_SEARCH, preset="openldap", lookup=lookup)
    assert await ldap.member("email", "locked") is None
    assert await ldap.member("email", "ann") is not None


# Groups


SEARCHED = {"base_dn": GROUPS}
BY_UID = {"base_dn": GROUPS, "filter": "(memberUid={username})"}


@pytest.mark.parametrize(
    ("groups", "member_may", "outsider_may"),
    [
        ({"required": [ENG]}, True, False),
        ({"required": [STAFF, ENG.upper().replace(",", ", ")]}, True, False),
        ({"required": [STAFF]}, False, False),
        ({"denied": [ENG]}, False, True),
        ({"required": [ENG], "denied": [ENG]}, False, False),
        ({**SEARCHED, "required": [ENG]}, True, False),
        ({**SEARCHED, "denied": [ENG]}, False, True),
        ({**BY_UID, "required": [UNIX]}, True, False),
        ({**BY_UID, "required": [ENG]}, False, False),
    ],
    ids=str,
)
async def test_groups_decide(
    new_ldap: NewLdap,
    mode: dict[str, Any],
    groups: dict[str, Any],
    member_may: bool,
    outsider_may: bool,
) -> None:
    ldap = new_ldap(**mode, groups=groups)
    for person, may in ((MEMBER, member_may), (OUTSIDER, outsider_may)):
        if may:
            await sign_in(ldap, person.uid, person.password)
        else:
            error = await refused(ldap, person.uid, person.password)
            assert type(error) is Rejected
            assert "group" in str(error)


async def test_l8_change_of_a_group_counts_at_once(
    new_ldap: NewLdap, mode: dict[str, Any], directory: Slapd
) -> None:
    person = numbered(4)
    ldap = new_ldap(**mode, groups={"required": [ENG]})
    for change, may in (("add", True), ("delete", False)):
        directory.change(f"dn: {ENG}\nchangetype: modify\n{change}: member\nmember: {person.dn}\n")
        if may:
            await sign_in(ldap, person.uid, person.password)
        else:
            await refused(ldap, person.uid, person.password)


# By numbers and addresses


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("phone", "18000000007", True),
        ("phone", "18009999999", False),
        ("email", "user7@example.test", True),
        ("email", "USER7@example.test", True),
        ("email", "user*@example.test", False),
        ("email", "nobody@example.test", False),
    ],
)
async def test_member(new_ldap: NewLdap, field: Any, value: str, found: bool) -> None:
    member = await new_ldap(**BY_SEARCH).member(field, value)
    if found:
        assert member is not None
        assert (member.username, member.phone) == ("user7", "18000000007")
        assert member.email == "user7@example.test"
    else:
        assert member is None


async def test_member_has_to_be_in_the_groups(new_ldap: NewLdap) -> None:
    ldap = new_ldap(**BY_SEARCH, groups={**SEARCHED, "required": [ENG]})
    assert await ldap.member("phone", "18000000001") is not None
    assert await ldap.member("phone", "18000000002") is None


# What is the operators failure


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"bind_password": "wrong"}, "refuses bind_dn and bind_password: wrong password"),
        ({"user_search": {"base_dn": f"ou=x,{SUFFIX}"}}, "no entry of that name"),
        ({"id_attribute": "employeeNumber"}, "no readable employeeNumber"),
        ({"groups": {"base_dn": f"ou=x,{SUFFIX}", "denied": [ENG]}}, "no entry of that name"),
    ],
    ids=["l9 password", "base", "l14 id", "groups"],
)
async def test_wrong_configuration_is_nobodys_wrong_password(
    new_ldap: NewLdap, keys: dict[str, Any], told: str
) -> None:
    with pytest.raises(Unavailable) as caught:
        await sign_in(new_ldap(**BY_SEARCH | keys), "user5", numbered(5).password)
    assert told in caught.value.detail


async def test_l15_server_that_wants_tls_says_so(new_ldap: NewLdap, directory: Slapd) -> None:
    for keys in MODES.values():
        ldap = new_ldap(urls=[directory.url], allow_cleartext=True, **keys)
        with pytest.raises(Unavailable) as caught:
            await sign_in(ldap, "ann", ANN.password)
        assert "the server wants TLS before passwords (result code 13)" in caught.value.detail


async def test_starttls(new_ldap: NewLdap, directory: Slapd, authority: Authority) -> None:
    tls = {"start_tls": True, "ca_file": str(authority.ca_file)}
    await sign_in(new_ldap(urls=[directory.url], **BY_SEARCH, tls=tls), "ann", ANN.password)
