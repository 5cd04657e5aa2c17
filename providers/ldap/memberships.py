"""Which groups somebody is in, as far as they decide on the sign-in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from providers._base import Unavailable
from providers.ldap import client, searching
from providers.ldap.client import Entry, Query
from providers.ldap.names import comparable_dn, escape_filter, fill_filter, placeholders
from providers.ldap.searching import Reader, Unreadable
from providers.ldap.settings import LdapConfig

MAX_GROUPS: Final = 1000
_IN_CHAIN: Final = "1.2.840.113556.1.4.1941"  # LDAP_MATCHING_RULE_IN_CHAIN of Active Directory


class Memberships:
    """Answers by the configured groups."""

    def __init__(self, name: str, config: LdapConfig) -> None:
        self._name = name
        self._groups = config.groups
        self._username = config.profile.attributes["username"]
        groups = self._groups
        self.in_entry = groups is not None and not groups.nested and groups.base_dn is None
        self.attributes = {"memberOf"} if self.in_entry else set()

    async def refusal(self, read: Reader, entry: Entry) -> str | None:
        """Return why the groups keep this person out, or None."""
        groups = self._groups
        if groups is None:
            return None
        mine = set() if groups.nested else await self._of(read, entry)

        async def is_in(these: Sequence[str]) -> bool:
            if groups.nested:
                return await self._in_chain(read, entry, these)
            return not mine.isdisjoint(_comparable(these))

        # Both are asked for everybody: the time that it takes tells of no group.
        is_denied = bool(groups.denied) and await is_in(groups.denied)
        is_member = not groups.required or await is_in(groups.required)
        if is_denied:
            return "in a denied group"
        return None if is_member else "in no required group"

    async def among(self, read: Reader, entry: Entry, groups: Sequence[str]) -> list[str]:
        """Return those of ``groups`` that the person is in."""
        if self._groups is not None and self._groups.nested:
            return [group for group in groups if await self._in_chain(read, entry, [group])]
        mine = await self._of(read, entry)
        return [group for group in groups if comparable_dn(group) in mine]

    async def pretend(self, read: Reader, base: str) -> None:
        """Ask for nobody what ``refusal`` asks for somebody, so that it takes as long."""
        await self.refusal(read, Entry(base, {self._username.lower(): [b"nobody"]}))

    async def _in_chain(self, read: Reader, entry: Entry, groups: Sequence[str]) -> bool:
        """Whether the entry is in one of the groups, or in a group in one of them ..."""
        tests = "".join(f"(memberOf:{_IN_CHAIN}:={escape_filter(group)})" for group in groups)
        query = Query(entry.dn, "base", f"(|{tests})", ("1.1",))
        return bool(searching.entries(await read(query), self._name))

    async def _of(self, read: Reader, entry: Entry) -> set[str]:
        if self._groups is None:
            return set()
        if self._groups.base_dn is not None:
            return await self._search(read, entry, self._groups.base_dn, self._groups.filter)
        if any(name.startswith("memberof;range=") for name in entry.attributes):
            raise Unreadable(self._name, "in more groups than the server tells at once")
        return _comparable(entry.texts("memberOf"))

    async def _search(self, read: Reader, entry: Entry, base: str, template: str) -> set[str]:
        username = entry.text(self._username) or ""
        # Asked without a name, too: the time that it takes tells of nobody.
        text = fill_filter(template, dn=entry.dn, username=username or "nobody")
        found = await read(Query(base, "sub", text, ("1.1",), limit=MAX_GROUPS))
        if found.code in searching.HIDDEN:
            told = searching.explained(found)
            raise Unavailable(self._name, f"groups.base_dn: {told}; let bind_dn read it")
        if found.code == client.SIZE_LIMIT:
            raise Unreadable(self._name, "in more groups than the server tells at once")
        if not username and "username" in placeholders(template):
            raise Unreadable(self._name, f"the entry has no readable {self._username}")
        return _comparable(group.dn for group in searching.entries(found, self._name))


def _comparable(groups: Iterable[str]) -> set[str]:
    return {comparable_dn(group) for group in groups}
