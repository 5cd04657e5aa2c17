"""Sign-in with a real Active Directory, by both drivers and all kinds of names."""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

import pytest

from config import Limit
from providers import Identity, Rejected, Unavailable, UnknownIdentity
from providers.ldap import Ldap
from providers.ldap.answers import Unlooked
from tests.providers.ldap.staff import DRIVERS, provider, sign_in
from tests.servers.samba import (
    ADMIN,
    ADMIN_PASSWORD,
    ANN,
    BASE,
    BOB,
    COMMA,
    DISABLED,
    DOMAIN,
    ENGINEERS,
    LOCKED,
    LOCKOUT,
    MUST_CHANGE,
    OVER,
    SERVICE,
    SPECIAL_NAMES,
    STAFF,
    USERS,
    Person,
    Samba,
)

NewLdap = Callable[..., Ldap]
AS_SERVICE: Final = {"bind_dn": SERVICE.principal, "bind_password": SERVICE.password}
BY_SEARCH: Final[dict[str, Any]] = {**AS_SERVICE, "user_search": {"base_dn": BASE}}
MODES: Final[dict[str, dict[str, Any]]] = {
    "search": BY_SEARCH,
    "principal": {"user_dn": f"{{username}}@{DOMAIN}"},
    "principal by service": {"user_dn": f"{{username}}@{DOMAIN}", **BY_SEARCH},
    "down-level": {"user_dn": "AD\\{username}"},
}
INSIDE: Final = f"OU=Inside,{BASE}"
SUFFIX: Final = "corp.test"  # of principal names, beside that of the domain
DORA: Final = Person("dora", upn=f"carl@{SUFFIX}")  # her principal name has his account name


@pytest.fixture(scope="module")
def samba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    with Samba(tmp_path_factory.mktemp("samba")) as controller:
        yield controller


@pytest.fixture(params=DRIVERS)
async def new_ldap(request: pytest.FixtureRequest, samba: Samba) -> AsyncIterator[NewLdap]:
    """Make providers of the domain by the keys of their configuration."""
    made: list[Ldap] = []

    def new(**keys: Any) -> Ldap:
        urls = keys.pop("urls", [samba.tls_url])
        common = {"preset": "active_directory", "domain": "AD", "driver": request.param}
        made.append(provider(urls, samba.ca_file, [Limit(LOCKOUT, 900.0)], **common | keys))
        return made[-1]

    yield new
    for ldap in made:
        await ldap.close()


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> dict[str, Any]:
    return MODES[request.param]


async def refused(ldap: Ldap, name: str, password: str) -> Rejected:
    with pytest.raises(Rejected) as caught:
        await sign_in(ldap, name, password)
    return caught.value


# Names


async def test_right_password(new_ldap: NewLdap, mode: dict[str, Any]) -> None:
    """L7: a search in the whole domain comes with references to its other parts."""
    ldap = new_ldap(**mode)
    identity = await sign_in(ldap, "ann", ANN.password)
    assert identity == Identity(
        identity.subject, "ann", "ann.lee@example.test", "18005550101", "Ann Lee"
    )
    for typed in ("ANN", "ad\\ann"):
        assert await sign_in(ldap, typed, ANN.password) == identity


async def test_l16_subject_is_what_active_directory_calls_the_person(
    new_ldap: NewLdap, samba: Samba
) -> None:
    identity = await sign_in(new_ldap(**BY_SEARCH), "jane", COMMA.password)
    admin = ("-D", ADMIN, "-w", ADMIN_PASSWORD, "-LLL", "-s", "base")
    found = samba._client("ldapsearch", *admin, "-b", f"<GUID={identity.subject}>", "mail", "cn")
    assert found.returncode == 0
    assert "cn: " + str(COMMA.cn) in found.stdout


@pytest.mark.parametrize("mode", ["search", "principal", "principal by service"], indirect=True)
@pytest.mark.parametrize("typed", [f"ann.lee@{DOMAIN}", f"Ann.Lee@{DOMAIN.upper()}"])
async def test_principal_name_that_is_not_the_account_name(
    new_ldap: NewLdap, mode: dict[str, Any], typed: str
) -> None:
    ldap = new_ldap(**mode)
    assert (await sign_in(ldap, typed, ANN.password)).username == "ann"


async def test_wrong_password(new_ldap: NewLdap, mode: dict[str, Any]) -> None:
    ldap = new_ldap(**mode)
    error = await refused(ldap, "bob", "wrong")
    assert (type(error), str(error)) == (Rejected, "wrong password")
    await sign_in(ldap, "bob", BOB.password)


async def test_unknown_name_is_for_the_next_provider_where_there_is_a_search(
    new_ldap: NewLdap, mode: dict[str, Any]
) -> None:
    error = await refused(new_ldap(**mode), "nobody", "secret")
    assert isinstance(error, UnknownIdentity) == ("user_dn" not in mode)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", SPECIAL_NAMES)
async def test_l2_a65_special_names_sign_in(
    new_ldap: NewLdap, mode: dict[str, Any], name: str, form: Any
) -> None:
    ldap = new_ldap(**mode)
    identity = await sign_in(ldap, unicodedata.normalize(form, name), Person(name).password)
    assert identity.username == name


@pytest.mark.parametrize("name", ["*", "an*", "ann)(cn=*", "a*n", "ann\\", "CN=Ann Lee"])
async def test_l2_injections_are_names_of_nobody(
    new_ldap: NewLdap, mode: dict[str, Any], name: str
) -> None:
    await refused(new_ldap(**mode), name, ANN.password)


@pytest.mark.parametrize("service", [{}, AS_SERVICE], ids=["as person", "as service"])
async def test_l5_nobody_becomes_who_has_a_similar_name(
    new_ldap: NewLdap, samba: Samba, service: dict[str, str]
) -> None:
    """Dora is outside of the search base, Carl inside: her name finds his entry."""
    if samba.bind(DORA.principal, DORA.password)[0]:
        samba.change(_similar())
    by_suffix = {"user_dn": f"{{username}}@{SUFFIX}", **service}
    ldap = new_ldap(**by_suffix, user_search={"base_dn": INSIDE})
    assert str(await refused(ldap, "carl", DORA.password)) == (
        "the entry of this name is somebody else's"
    )
    outside = new_ldap(**by_suffix, user_search={"base_dn": USERS})
    assert (await sign_in(outside, "carl", DORA.password)).username == "dora"
    both = new_ldap(**by_suffix)
    assert str(await refused(both, "carl", DORA.password)) == "more than one entry fits"


def _similar() -> str:
    return (
        f"dn: {INSIDE}\nchangetype: add\nobjectClass: organizationalUnit\n\n"
        f"dn: CN=Carl,{INSIDE}\nchangetype: add\nobjectClass: user\nsAMAccountName: carl\n"
        f"userPrincipalName: carl.c@{DOMAIN}\n\n"
        f"dn: {DORA.dn}\nchangetype: add\nobjectClass: user\nsAMAccountName: {DORA.name}\n"
        f"userPrincipalName: {DORA.principal}\nuserAccountControl: 512\n"
        f"unicodePwd:: {_quoted(DORA.password)}\n"
    )


def _quoted(password: str) -> str:
    return base64.b64encode(f'"{password}"'.encode("utf-16-le")).decode()


# State of the account


@pytest.mark.parametrize(
    ("person", "kind", "why"),
    [
        (DISABLED, Rejected, "account disabled"),
        (OVER, Rejected, "account expired"),
        (MUST_CHANGE, Rejected, "must change the password"),
        (LOCKED, Unlooked, "account locked"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
async def test_l11_sub_codes(
    new_ldap: NewLdap, mode: dict[str, Any], person: Person, kind: type[Rejected], why: str
) -> None:
    error = await refused(new_ldap(**mode), person.name, person.password)
    assert (type(error), str(error)) == (kind, why)


# Groups


@pytest.mark.parametrize(
    ("groups", "ann_may", "bob_may"),
    [
        ({"required": [ENGINEERS.dn]}, True, False),
        ({"required": [STAFF.dn]}, False, True),
        ({"required": [STAFF.dn.lower().replace(",", ", ")], "nested": True}, True, True),
        ({"denied": [ENGINEERS.dn], "nested": True}, False, True),
        ({"required": [STAFF.dn], "denied": [ENGINEERS.dn], "nested": True}, False, True),
        ({"required": [STAFF.dn], "base_dn": USERS}, False, True),
    ],
    ids=str,
)
async def test_groups_decide(
    new_ldap: NewLdap,
    mode: dict[str, Any],
    groups: dict[str, Any],
    ann_may: bool,
    bob_may: bool,
) -> None:
    ldap = new_ldap(**mode, groups=groups)
    for person, may in ((ANN, ann_may), (BOB, bob_may)):
        if may:
            await sign_in(ldap, person.name, person.password)
        else:
            assert "group" in str(await refused(ldap, person.name, person.password))


@pytest.mark.parametrize("more", [{"nested": True}, {"base_dn": USERS}, {}], ids=str)
async def test_name_with_commas_is_one_name(
    new_ldap: NewLdap, mode: dict[str, Any], more: dict[str, Any]
) -> None:
    ldap = new_ldap(**mode, groups={"denied": [STAFF.dn], **more})
    assert (await sign_in(ldap, "jane", COMMA.password)).username == "jane"


# By numbers and addresses


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("phone", "18005550102", "bob"),
        ("phone", "18005550999", None),
        ("email", "ann.lee@example.test", "ann"),
        ("email", "nobody@example.test", None),
    ],
)
async def test_member(new_ldap: NewLdap, field: Any, value: str, name: str | None) -> None:
    for groups in (None, {"required": [STAFF.dn], "nested": True}):
        member = await new_ldap(**BY_SEARCH, groups=groups).member(field, value)
        assert (member and member.username) == name


async def test_disabled_person_is_no_member(new_ldap: NewLdap) -> None:
    lookup = {"email": "(sAMAccountName={email})"}
    ldap = new_ldap(**BY_SEARCH, lookup=lookup)
    assert await ldap.member("email", DISABLED.name) is None
    assert await ldap.member("email", "bob") is not None


# TLS, and what operators are told


async def test_l15_server_that_wants_tls_says_so(new_ldap: NewLdap, samba: Samba) -> None:
    ldap = new_ldap(urls=[samba.url], allow_cleartext=True, **MODES["principal"])
    with pytest.raises(Unavailable) as caught:
        await sign_in(ldap, "ann", ANN.password)
    told = "the server wants TLS or signing before passwords (result code 8)"
    assert told in caught.value.detail


async def test_starttls(new_ldap: NewLdap, samba: Samba) -> None:
    tls = {"start_tls": True, "ca_file": str(samba.ca_file)}
    await sign_in(new_ldap(urls=[samba.url], **BY_SEARCH, tls=tls), "ann", ANN.password)


async def test_anonymous_search_is_not_for_active_directory(new_ldap: NewLdap) -> None:
    with pytest.raises(Unavailable) as caught:
        await sign_in(new_ldap(user_search={"base_dn": BASE}), "ann", ANN.password)
    assert "lets nobody search without bind_dn and bind_password" in caught.value.detail


async def test_check_finds_what_is_there(new_ldap: NewLdap, mode: dict[str, Any]) -> None:
    groups = {"required": [STAFF.dn], "denied": [ENGINEERS.dn], "nested": True}
    ldap = new_ldap(**mode, groups=groups)
    assert await ldap.check() == []
    if "bind_dn" in mode:
        (advice,) = ldap.advice()
        assert f"{BASE} locks an account after {LOCKOUT} wrong passwords within 30m" in advice


async def test_check_says_what_to_do(new_ldap: NewLdap) -> None:
    missing = f"CN=Nobody,{USERS}"
    ldap = new_ldap(**BY_SEARCH, groups={"denied": [missing]})
    (problem,) = await ldap.check()
    assert f"groups.denied: {missing} cannot be read; correct the name" in problem
    (problem,) = await new_ldap(**BY_SEARCH | {"bind_password": "wrong"}).check()
    assert "refuses bind_dn and bind_password: wrong password; correct bind_dn" in problem


@pytest.mark.parametrize("service", ["search", "principal by service"])
@pytest.mark.parametrize(
    ("person", "seen"),
    [
        (BOB, None),
        (LOCKED, "account locked"),
        (MUST_CHANGE, "must change the password"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
async def test_l11_explanation_tells_what_the_server_would_say_of_the_password(
    new_ldap: NewLdap, person: Person, seen: str | None, service: str
) -> None:
    explanation = await new_ldap(**MODES[service]).explain(person.name)
    assert f"password: {seen or 'nothing against it that shows'}" in explanation.steps
    assert (explanation.identity is None) == (seen is not None)
    refusal = f"refused here, told as BADLOGIN: {seen}"
    assert (explanation.steps[-1] == refusal) == (seen is not None)


async def test_explanation_names_nested_groups(new_ldap: NewLdap) -> None:
    groups = {"required": [STAFF.dn], "denied": [ENGINEERS.dn], "nested": True}
    explanation = await new_ldap(**BY_SEARCH, groups=groups).explain("ann")
    assert explanation.steps[-3:] == [
        f"denied groups: {ENGINEERS.dn}",
        f"required groups: {STAFF.dn}",
        "refused here, told as BADLOGIN: in a denied group",
    ]
