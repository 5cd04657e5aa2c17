"""Groups, with a directory that is a list of answers."""

from __future__ import annotations

import pytest

from providers import Unavailable
from providers.ldap import client
from providers.ldap.client import Entry, Found, Query
from providers.ldap.memberships import MAX_GROUPS, Memberships
from providers.ldap.searching import Unreadable
from providers.ldap.settings import LdapConfig
from tests.config.reading import parse
from tests.providers.ldap.scripted import entry

ANN = "uid=ann,ou=people,dc=test"
STAFF = "cn=Staff,ou=groups,dc=test"
GUESTS = "cn=guests,ou=groups,dc=test"
REQUIRED = f"required: ['{STAFF}']"
DENIED = f"denied: ['{GUESTS}']"
SEARCHED = "base_dn: 'ou=groups,dc=test'"


class Directory:
    """Answers each search with the groups in ``groups``; for chains: whether there are any."""

    def __init__(self, *groups: str, code: int = client.SUCCESS) -> None:
        self.groups = groups
        self.code = code
        self.queries: list[Query] = []

    async def read(self, query: Query) -> Found:
        self.queries.append(query)
        return Found(self.code, [Entry(group, {}) for group in self.groups][: query.limit])


def memberships(groups: str, text: str = "") -> Memberships:
    keys = f"urls: [ldaps://x]\nuser_search: {{base_dn: dc=test}}\n{text}\n"
    config = parse(LdapConfig, keys + (f"groups: {{{groups}}}" if groups else ""))
    return Memberships("staff", config)


async def test_without_groups_nobody_is_kept_out_and_nothing_asked() -> None:
    directory = Directory()
    ours = memberships("")
    assert await ours.refusal(directory.read, entry(ANN)) is None
    assert (ours.attributes, ours.in_entry, directory.queries) == (set(), False, [])


@pytest.mark.parametrize(
    ("groups", "mine", "why"),
    [
        (REQUIRED, [STAFF], None),
        (REQUIRED, [], "in no required group"),
        (REQUIRED, [GUESTS], "in no required group"),
        (REQUIRED, [f"cn=x,{STAFF}"], "in no required group"),
        (f"required: ['{GUESTS}', '{STAFF}']", [STAFF], None),
        (DENIED, [], None),
        (DENIED, [STAFF], None),
        (DENIED, [STAFF, GUESTS], "in a denied group"),
        (f"{REQUIRED}, {DENIED}", [STAFF], None),
        (f"{REQUIRED}, {DENIED}", [STAFF, GUESTS], "in a denied group"),
        (f"{REQUIRED}, {DENIED}", [GUESTS], "in a denied group"),
        (f"{REQUIRED}, {DENIED}", [], "in no required group"),
    ],
)
async def test_denied_wins_over_required(groups: str, mine: list[str], why: str | None) -> None:
    named = memberships(groups)
    assert named.attributes == {"memberOf"}
    directory = Directory(*mine)
    assert await named.refusal(directory.read, entry(ANN, memberOf=mine)) == why
    assert directory.queries == []
    searched = memberships(f"{groups}, {SEARCHED}")
    assert searched.attributes == set()
    assert await searched.refusal(directory.read, entry(ANN)) == why
    assert len(directory.queries) == 1


@pytest.mark.parametrize(
    "spelling",
    [
        "CN=STAFF,OU=Groups,DC=TEST",
        "cn=Staff, ou=groups,  dc=test",
        "cn = Staff,ou=groups,dc=test",
        "cn=\\53taff,ou=groups,dc=test",
        "cn=St\\61ff,ou=groups,dc=test",
    ],
)
async def test_spellings_of_a_group_are_one(spelling: str) -> None:
    person = entry(ANN, memberOf=spelling)
    directory = Directory()
    assert await memberships(REQUIRED).refusal(directory.read, person) is None
    quoted = spelling.replace("\\", "\\\\")
    kept_out = memberships(f'denied: ["{quoted}"]')
    assert await kept_out.refusal(directory.read, entry(ANN, memberOf=STAFF)) is not None


async def test_names_with_special_characters_are_searched_as_they_are() -> None:
    directory = Directory(STAFF)
    person = entry("uid=a\\2c(b)*\\5c,ou=people,dc=test", uid="a,(b)*\\")
    groups = f"{REQUIRED}, {SEARCHED}, filter: '(|(member={{dn}})(memberUid={{username}}))'"
    assert await memberships(groups).refusal(directory.read, person) is None
    (query,) = directory.queries
    assert (query.base, query.scope) == ("ou=groups,dc=test", "sub")
    assert query.filter == (
        "(|(member=uid\\3da\\5c2c\\28b\\29\\2a\\5c5c\\2cou\\3dpeople\\2cdc\\3dtest)"
        "(memberUid=a\\2c\\28b\\29\\2a\\5c))"
    )


async def test_username_of_a_filter_is_the_entrys_and_not_what_was_typed() -> None:
    directory = Directory(STAFF)
    groups = f"{REQUIRED}, {SEARCHED}, filter: '(memberUid={{username}})'"
    ours = memberships(groups, "attributes: {username: cn}")
    person = entry(ANN, uid="other", cn="Ann")
    assert await ours.refusal(directory.read, person) is None
    assert directory.queries[0].filter == "(memberUid=Ann)"
    with pytest.raises(Unreadable, match="no readable cn"):
        await ours.refusal(directory.read, entry(ANN, uid="ann"))
    assert [query.filter for query in directory.queries[1:]] == ["(memberUid=nobody)"]


@pytest.mark.parametrize("code", [client.SIZE_LIMIT, client.NO_SUCH_OBJECT, 80])
async def test_search_that_tells_half_of_it_is_no_answer(code: int) -> None:
    directory = Directory(STAFF, GUESTS, code=code)
    for groups in (REQUIRED, DENIED):
        with pytest.raises(Unavailable):
            await memberships(f"{groups}, {SEARCHED}").refusal(directory.read, entry(ANN))
    assert directory.queries[0].limit == MAX_GROUPS


async def test_groups_that_come_in_pieces_are_no_answer() -> None:
    person = entry(ANN, **{"memberOf;range=0-1499": STAFF})
    with pytest.raises(Unreadable, match="more groups"):
        await memberships(DENIED).refusal(Directory().read, person)


# Groups in groups


CHAIN = "memberOf:1.2.840.113556.1.4.1941:="
NESTED = "preset: active_directory"


async def test_nested_groups_are_followed_by_the_server() -> None:
    ours = memberships(f"{REQUIRED}, nested: true", NESTED)
    directory = Directory(ANN)
    assert ours.attributes == set()
    assert await ours.refusal(directory.read, entry(ANN)) is None
    (query,) = directory.queries
    assert (query.base, query.scope) == (ANN, "base")
    assert query.filter == f"(|({CHAIN}cn\\3dStaff\\2cou\\3dgroups\\2cdc\\3dtest))"
    assert await ours.refusal(Directory().read, entry(ANN)) == "in no required group"


async def test_nested_denied_wins() -> None:
    ours = memberships(f"{REQUIRED}, {DENIED}, nested: true", NESTED)
    directory = Directory(ANN)
    assert await ours.refusal(directory.read, entry(ANN)) == "in a denied group"
    denied, required = directory.queries  # both are asked, so that the time tells nothing
    assert "guests" in denied.filter
    assert "Staff" in required.filter


# For the operator


@pytest.mark.parametrize("more", ["", f", {SEARCHED}"])
async def test_operator_sees_which_groups_count(more: str) -> None:
    person = entry(ANN, memberOf=[STAFF, "cn=other,dc=test"])
    directory = Directory(STAFF, "cn=other,dc=test")
    ours = memberships(f"{REQUIRED}, {DENIED}{more}")
    assert await ours.among(directory.read, person, [STAFF, GUESTS]) == [STAFF]


async def test_operator_sees_which_nested_groups_count() -> None:
    async def read(query: Query) -> Found:
        return Found(0, [Entry(ANN, {})] if "Staff" in query.filter else [])

    ours = memberships(f"{REQUIRED}, nested: true", NESTED)
    assert await ours.among(read, entry(ANN), [STAFF, GUESTS]) == [STAFF]


# Nobody


@pytest.mark.parametrize(
    ("groups", "text", "searches"),
    [
        (REQUIRED, "", 0),
        (f"{REQUIRED}, {DENIED}, {SEARCHED}", "", 1),
        (f"{REQUIRED}, {SEARCHED}, filter: '(memberUid={{username}})'", "", 1),
        (f"{REQUIRED}, {DENIED}, nested: true", NESTED, 2),
    ],
)
async def test_nobody_costs_as_many_searches_as_somebody(
    groups: str, text: str, searches: int
) -> None:
    ours = memberships(groups, text)
    of_ann = Directory()
    attribute = "sAMAccountName" if text else "uid"
    await ours.refusal(of_ann.read, entry(ANN, **{attribute: "ann"}))
    of_nobody = Directory()
    await ours.pretend(of_nobody.read, "ou=people,dc=test")
    assert len(of_ann.queries) == len(of_nobody.queries) == searches
    for query in of_nobody.queries:
        assert "ann" not in query.filter
