"""Groups that the service account cannot see: nobody comes in by that, or ``check`` tells of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from providers import Unavailable
from providers.ldap import Ldap
from tests.providers.ldap.staff import BY_SEARCH, DRIVERS, provider, sign_in
from tests.servers.slapd import SERVICE, SUFFIX, Slapd, numbered
from tests.servers.tls import Authority

NewLdap = Callable[..., Ldap]
HIDDEN, CLOSED, SILENT, OPEN = (
    f"ou={name},{SUFFIX}" for name in ("hidden", "closed", "silent", "open")
)
MEMBER, OTHER = numbered(1), numbered(2)
BY_SERVICE = f'by dn.exact="{SERVICE}"'
ACCESS = [
    f'access to dn.subtree="{HIDDEN}" {BY_SERVICE} none by * read',
    f'access to dn.subtree="{CLOSED}" {BY_SERVICE} disclose by * read',
    f'access to dn.subtree="{SILENT}" attrs=member {BY_SERVICE} none by * read',
]
BY_NAME = "(member=uid={username},ou=people,dc=example,dc=test)"


def tree(base: str) -> str:
    unit = f"dn: {base}\nobjectClass: organizationalUnit\n\n"
    return f"{unit}dn: cn=eng,{base}\nobjectClass: groupOfNames\nmember: {MEMBER.dn}\n\n"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Slapd]:
    entries = "".join(map(tree, (HIDDEN, CLOSED, SILENT, OPEN)))
    folder = tmp_path_factory.mktemp("slapd")
    with Slapd(folder, authority, users=3, access=ACCESS, entries=entries) as directory:
        yield directory


@pytest.fixture(params=DRIVERS)
async def new_ldap(
    request: pytest.FixtureRequest, directory: Slapd, authority: Authority
) -> AsyncIterator[NewLdap]:
    made: list[Ldap] = []

    def new(base: str, **keys: Any) -> Ldap:
        groups = {"base_dn": base, "denied": [f"cn=eng,{base}"], **keys}
        urls = [directory.tls_url]
        ldap = provider(urls, authority.ca_file, driver=request.param, **BY_SEARCH, groups=groups)
        made.append(ldap)
        return ldap

    yield new
    for ldap in made:
        await ldap.close()


@pytest.mark.parametrize(
    ("base", "told"),
    [
        (HIDDEN, "groups.base_dn: there is no entry of that name to search below (result code 32)"),
        (CLOSED, "groups.base_dn: bind_dn may not search there (result code 50)"),
    ],
    ids=["hidden", "closed"],
)
async def test_who_may_be_denied_does_not_come_in(new_ldap: NewLdap, base: str, told: str) -> None:
    ldap = new_ldap(base)
    for person in (MEMBER, OTHER):
        with pytest.raises(Unavailable) as caught:
            await sign_in(ldap, person.uid, person.password)
        assert caught.value.detail == f"{told}; let bind_dn read it"
    for number in ("18000000001", "18009999999"):  # nobody has the second
        with pytest.raises(Unavailable):
            await ldap.member("phone", number)


@pytest.mark.parametrize("base", [HIDDEN, CLOSED], ids=["hidden", "closed"])
async def test_base_that_cannot_be_read_is_told(new_ldap: NewLdap, base: str) -> None:
    advice = "cannot be read; correct the name, or let bind_dn read it"
    assert [line.partition(": ")[2] for line in await new_ldap(base).check()] == [
        f"groups.denied: cn=eng,{base} {advice}",
        f"groups.base_dn: {base} {advice}",
    ]


async def test_members_that_cannot_be_read_are_told(new_ldap: NewLdap) -> None:
    """The groups are there: nothing else tells that this is not a person in none of them."""
    (line,) = await new_ldap(SILENT).check()
    assert line.endswith(
        f"groups.base_dn: a search below {SILENT} for (member=*): finds no group; "
        "correct groups.filter, or let bind_dn read who is in these groups"
    )


@pytest.mark.parametrize(
    "template",
    ["(member={dn})", "(&(objectClass=groupOfNames)(member={dn}))", BY_NAME, "(member:={dn})"],
)
async def test_groups_that_can_be_read_are_fine(new_ldap: NewLdap, template: str) -> None:
    assert await new_ldap(OPEN, filter=template).check() == []


async def test_filter_that_fits_no_group_is_told(new_ldap: NewLdap) -> None:
    (line,) = await new_ldap(OPEN, filter="(memberUid={username})").check()
    assert "for (memberUid=*): finds no group; correct groups.filter" in line
