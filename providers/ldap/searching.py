"""Searches: who runs them, and what their result codes mean."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from providers._base import Unavailable
from providers.ldap import client
from providers.ldap.client import Entry, Found, Query

Reader = Callable[[Query], Awaitable[Found]]

BUSY: Final = (client.BUSY, client.UNAVAILABLE, client.TIME_LIMIT)
ANYTHING: Final = "(objectClass=*)"
_OPERATIONS_ERROR: Final = 1  # what Active Directory says to anonymous searches
_EXPLAINED: Final = {
    _OPERATIONS_ERROR: "the server lets nobody search without bind_dn and bind_password",
    client.STRONGER_AUTH_REQUIRED: "the server wants TLS, or bind_dn and bind_password",
    client.CONFIDENTIALITY_REQUIRED: "the server wants TLS",
    client.REFERRAL: "the server refers to another one, and referrals are not followed",
    client.NO_SUCH_OBJECT: "there is no entry of that name to search below",
    client.INSUFFICIENT_ACCESS: "bind_dn may not search there",
}


# An entry that is not there, or that is there for others.
HIDDEN: Final = (client.NO_SUCH_OBJECT, client.INSUFFICIENT_ACCESS)


class ServerBusy(Exception):
    """The server answers that it cannot work now."""

    def __init__(self) -> None:
        super().__init__("the server says that it is busy")


class Unreadable(Unavailable):
    """What is needed of this one person cannot be read; others may sign in all the same."""


def entries(found: Found, upstream: str) -> Sequence[Entry]:
    """Return the entries of a search that worked. Raises ``ServerBusy``, ``Unavailable``."""
    if found.code in BUSY:
        raise ServerBusy
    if found.code not in (client.SUCCESS, client.SIZE_LIMIT):
        raise Unavailable(upstream, explained(found))
    if found.code == client.SIZE_LIMIT and len(found.entries) < 2:
        raise Unreadable(upstream, "the server's own size limit hides whether more entries fit")
    return found.entries


def explained(found: Found) -> str:
    """Say why a search was refused."""
    detail = _EXPLAINED.get(found.code, "the server refuses the search")
    return f"{detail} (result code {found.code})"


async def read_entry(
    read: Reader, dn: str, attributes: Sequence[str], upstream: str
) -> Entry | None:
    """Return the entry ``dn`` itself, or None if there is none, or none that can be seen."""
    found = await read(Query(dn, "base", ANYTHING, attributes))
    if found.code in HIDDEN:
        return None
    return next(iter(entries(found, upstream)), None)
