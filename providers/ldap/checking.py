"""What ``check --connect`` finds out about a directory: lines that say what to do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from config import Limit
from providers._base import Unavailable
from providers.ldap import client, searching
from providers.ldap.client import ConnectionFailed, Found, Query, Scope
from providers.ldap.directory import People
from providers.ldap.lockouts import advice, lockouts
from providers.ldap.names import placeholders
from providers.ldap.searching import Reader, ServerBusy
from providers.ldap.service import ServiceRefused
from providers.ldap.settings import Groups, LdapConfig
from providers.ldap.site import Site
from providers.ldap.summary import summary

SAMPLE: Final = 20  # people


class Inspection:
    """Tries all servers of a directory, without signing anybody in."""

    def __init__(
        self, name: str, config: LdapConfig, people: People, failure_limits: Sequence[Limit]
    ) -> None:
        self._name = name
        self._config = config
        self._people = people
        self._failure_limits = failure_limits
        self.problems: list[str] = []
        self.findings: list[str] = []  # for information
        self.warnings: list[str] = []  # logins work all the same
        self._answering = 0  # servers
        self._place: tuple[str, Scope] | None = None  # where people are

    async def of(self, sites: Sequence[Site]) -> None:
        """Try them one after another."""
        await self._each(sites)
        if self._answering:
            place = summary(self._config, self._place)
            servers = f"{self._answering} of {len(sites)} servers answer"
            self.findings.append(f"{place}; {servers}")

    async def _each(self, sites: Sequence[Site]) -> None:
        for site in sites:
            try:
                async with asyncio.timeout(self._config.timeout.total):
                    await self._of_site(site)
            except ServiceRefused as refused:
                self.problems.append(refused.detail)
                return  # the others would refuse it, too, and count that
            except (ConnectionFailed, ServerBusy) as error:
                hint = "see that it runs, and that urls and tls fit"
                self.problems.append(f"{site.server.url}: {error}; {hint}")
            except TimeoutError:
                self.problems.append(f"{site.server.url}: no answer in time; see that it runs")
            except Unavailable as error:
                self.problems.append(f"{site.server.url}: {error.detail}")

    async def _of_site(self, site: Site) -> None:
        timeout = self._config.timeout
        connection = await site.connect_service(timeout.total)
        self._answering += 1

        async def read(query: Query) -> Found:
            return await connection.search(query, timeout.operation)

        try:
            if self._config.bind_dn is not None or self._config.user_dn is None:
                problems = await self._content(read)
                self.problems += [f"{site.server.url}: {problem}" for problem in problems]
        finally:
            await connection.close()

    async def _content(self, read: Reader) -> list[str]:
        """What cannot be read there is as good as absent."""
        base, scope = self._place = await self._people.base(read)
        unseen = await self._sample(read, base, scope)
        problems = [*unseen]
        if self._config.groups is not None:
            problems += await self._groups(read, self._config.groups)
            if not unseen:  # or nobody there has anything
                problems += await self._entries_tell_groups(read, base, scope)
        await self._compare_limits(read, base)
        return problems

    async def _is_there(self, read: Reader, dn: str) -> bool:
        return await searching.read_entry(read, dn, ["1.1"], self._name) is not None

    async def _sample(self, read: Reader, base: str, scope: Scope) -> list[str]:
        """See whether people can be found, and their id attribute be read."""
        profile = self._config.profile
        text = profile.user_filter.replace("{username}", "*")
        if self._config.names_dn:
            text = searching.ANYTHING
        if ":=*" in text:  # a matching rule knows no asterisk
            return []
        found = await read(Query(base, scope, text, self._people.wanted, SAMPLE))
        if found.code not in (client.SUCCESS, client.SIZE_LIMIT, client.NO_SUCH_OBJECT):
            return [f"a search below {base} for {text} fails: {searching.explained(found)}"]
        if not found.entries and not await self._is_there(read, base):
            return [f"{base}, where people should be, cannot be read; {_NAME_OR_RIGHTS}"]
        if not found.entries:
            hint = "correct user_search or preset, or let bind_dn read people's entries"
            return [f"a search below {base} for {text} finds nobody; {hint}"]
        if not any(self._people.identities.subject(entry) for entry in found.entries):
            hint = "set id_attribute, or let bind_dn read it"
            return [f"{profile.id_attribute} cannot be read of anybody below {base}; {hint}"]
        return []

    async def _groups(self, read: Reader, groups: Groups) -> list[str]:
        named = {"required": groups.required, "denied": groups.denied}
        if groups.base_dn is not None:
            named["base_dn"] = [groups.base_dn]
        problems = [
            f"groups.{key}: {dn} cannot be read; {_NAME_OR_RIGHTS}"
            for key, dns in named.items()
            for dn in dns
            if not await self._is_there(read, dn)
        ]
        if groups.base_dn is not None and not problems:
            problems += await self._members(read, groups.base_dn, groups.filter)
        return problems

    async def _members(self, read: Reader, base: str, template: str) -> list[str]:
        """Who is in a denied group must not come in because its members cannot be seen."""
        text = _WHOLE_VALUE.sub("=*)", template)
        if placeholders(text):  # there is no asterisk for a part of a name
            return []
        found = await read(Query(base, "sub", text, ["1.1"], limit=1))
        if found.entries:
            return []
        why = "finds no group" if found.code == client.SUCCESS else searching.explained(found)
        hint = "correct groups.filter, or let bind_dn read who is in these groups"
        return [f"groups.base_dn: a search below {base} for {text}: {why}; {hint}"]

    async def _entries_tell_groups(self, read: Reader, base: str, scope: Scope) -> list[str]:
        """Who is in a denied group must not come in because nobody says so."""
        if not self._people.memberships.in_entry:
            return []
        found = await read(Query(base, scope, "(memberOf=*)", ["1.1"], limit=1))
        if found.entries:
            return []
        return [f"nobody below {base} has memberOf; let bind_dn read it, or set groups.base_dn"]

    async def _compare_limits(self, read: Reader, base: str) -> None:
        for rule in await lockouts(read, base, self._name):
            told = advice(rule, self._failure_limits)
            if told is not None and told not in self.warnings:
                self.warnings.append(told)


_WHOLE_VALUE: Final = re.compile(r"(?<=\w)=\{[a-z]+\}\)")
_NAME_OR_RIGHTS: Final = "correct the name, or let bind_dn read it"
