from __future__ import annotations

import pytest

from providers._base import Unavailable
from providers.ldap import client, searching
from providers.ldap.client import Entry, Found

ANN, BOB = Entry("uid=ann", {}), Entry("uid=bob", {})


@pytest.mark.parametrize("entries", [[], [ANN], [ANN, BOB]])
def test_entries_are_handed_on(entries: list[Entry]) -> None:
    assert searching.entries(Found(client.SUCCESS, entries), "staff") == entries


def test_more_entries_than_asked_for_are_several() -> None:
    found = Found(client.SIZE_LIMIT, [ANN, BOB])
    assert searching.entries(found, "staff") == [ANN, BOB]


@pytest.mark.parametrize("entries", [[], [ANN]])
def test_one_entry_of_several_is_never_taken_for_the_only_one_l3(entries: list[Entry]) -> None:
    with pytest.raises(Unavailable, match="size limit"):
        searching.entries(Found(client.SIZE_LIMIT, entries), "staff")


@pytest.mark.parametrize("code", [client.BUSY, client.UNAVAILABLE, client.TIME_LIMIT])
def test_a_busy_server_may_have_a_colleague(code: int) -> None:
    with pytest.raises(searching.ServerBusy):
        searching.entries(Found(code, [ANN]), "staff")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (client.NO_SUCH_OBJECT, "no entry of that name to search below"),
        (client.INSUFFICIENT_ACCESS, "may not search there"),
        (client.REFERRAL, "referrals are not followed"),
        (1, "without bind_dn and bind_password"),
        (11, "refuses the search"),
    ],
)
def test_all_else_is_the_operators_failure_l9(code: int, why: str) -> None:
    with pytest.raises(Unavailable, match=rf"^staff: .*{why}.* \(result code {code}\)$"):
        searching.entries(Found(code, [ANN]), "staff")
