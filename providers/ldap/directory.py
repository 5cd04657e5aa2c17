"""The steps of a sign-in with a directory: find the entry, prove the password, approve the account.

Errors are those of ``providers``, and of the server that was asked: ``ConnectionFailed``,
``ServerBusy``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from providers._base import Identity, LoginError, Rejected, Unavailable, UnknownIdentity
from providers.ldap import accounts, answers, principals, searching
from providers.ldap.client import Connection, Entry, Found, Query, Scope
from providers.ldap.identity import IdentityReader
from providers.ldap.memberships import Memberships
from providers.ldap.names import comparable_dn, fill_dn, fill_filter
from providers.ldap.searching import Reader, ServerBusy, Unreadable
from providers.ldap.settings import LdapConfig
from providers.ldap.site import Site

Claim = Callable[[str], Awaitable[None]]  # see ``Attempt.claim``
log = structlog.get_logger()


class People:
    """The people of one configured directory."""

    def __init__(self, name: str, config: LdapConfig) -> None:
        self._name = name
        self._config = config
        self._profile = config.profile
        self._default_base: str | None = None
        self.identities = IdentityReader(name, config)
        self.memberships = Memberships(name, config)
        own = {principals.SID} if self._by_principal else set()
        self.wanted = sorted(
            self.identities.attributes | self.memberships.attributes | own | {*self._profile.state}
        )

    @property
    def _by_principal(self) -> bool:
        return self._config.user_dn is not None and not self._config.names_dn

    # -- by a password

    async def sign_in(
        self, name: str, password: str, claim: Claim, site: Site, deadline: float
    ) -> Identity:
        """Return who ``name`` is, if the password is right and the account approved."""
        if self._config.user_dn is not None:
            return await self._sign_in_by_template(name, password, claim, site, deadline)
        read = site.reader(deadline)
        entry = await self.find(read, name)
        if entry is None:
            raise UnknownIdentity("no such entry")
        await claim(comparable_dn(entry.dn))

        def prove(connection: Connection, deadline: float) -> Awaitable[None]:
            return self._bind(connection, entry.dn, password, site.within(deadline))

        await site.people.run(prove, deadline)
        return await self._approved(read, entry)

    async def _sign_in_by_template(
        self, name: str, password: str, claim: Claim, site: Site, deadline: float
    ) -> Identity:
        """The server finds the entry itself; without a service account the person reads it."""
        who = self.binds_as(name)
        await claim(who.casefold())

        async def prove(connection: Connection, deadline: float) -> Identity:
            def read_as_person(query: Query) -> Awaitable[Found]:
                return connection.search(query, site.within(deadline))

            await self._bind(connection, who, password, site.within(deadline))
            has_service = self._config.bind_dn is not None
            read = site.reader(deadline) if has_service else read_as_person
            entry = await self.find(read, name)
            if entry is None:
                raise Unavailable(self._name, "the entry of who signed in cannot be read")
            if self._by_principal:
                await principals.require_bound(read_as_person, entry, self._name)
            return await self._approved(read, entry)

        return await site.people.run(prove, deadline)

    def binds_as(self, name: str) -> str:
        """Return as whom ``name`` binds where ``user_dn`` says it. Raises ``UnknownIdentity``."""
        template = self._config.user_dn or ""
        if self._config.names_dn:
            return fill_dn(template, username=name)
        return principals.principal(template, name)

    async def _bind(self, connection: Connection, dn: str, password: str, within: float) -> None:
        bound = await connection.bind(dn, password, within)
        if bound.code in searching.BUSY:
            raise ServerBusy
        answers.judge(bound, self._name)

    # -- by a phone number or an address

    async def member(self, field: str, value: str, site: Site, deadline: float) -> Identity | None:
        """Return the approved person whose number or address this is, or None."""
        read = site.reader(deadline)
        base, scope = await self.base(read)
        text = fill_filter(self._profile.lookups[field], **{field: value})
        try:
            entry = await self._one(read, Query(base, scope, text, self.wanted))
        except (Rejected, Unreadable) as error:
            self._not_told(error)
            entry = None
        if entry is None or accounts.refusal(entry, self._config.preset) is not None:
            await self.memberships.pretend(read, base)
            return None
        try:
            if await self.memberships.refusal(read, entry) is not None:
                return None
            return self.identities.read(entry, **{field: value})
        except Unreadable as error:
            self._not_told(error)
            return None

    def _not_told(self, error: LoginError) -> None:
        """Tell the operator alone: any other answer would tell that somebody is there."""
        log.error("entry of no use", provider=self._name, detail=str(error))

    # -- steps

    async def find(self, read: Reader, name: str) -> Entry | None:
        """Return the entry of ``name``, or None. Raises ``Rejected`` if there are several."""
        if self._config.names_dn:
            return await searching.read_entry(read, self.binds_as(name), self.wanted, self._name)
        base, scope = await self.base(read)
        return await self._one(read, Query(base, scope, self.user_filter(name), self.wanted))

    def user_filter(self, name: str) -> str:
        """Return what finds the entry of ``name``."""
        template = self._config.user_dn
        if template is None:
            return fill_filter(self._profile.user_filter, username=name)
        who = self.binds_as(name)
        return principals.principal_filter(template, self._profile.user_filter, who)

    async def base(self, read: Reader) -> tuple[str, Scope]:
        """Return below which entry people are looked for, and how far."""
        search = self._config.user_search
        if search is not None:
            return search.base_dn, search.scope
        if self._config.names_dn:
            return (self._config.user_dn or "").partition(",")[2], "one"
        if self._default_base is None:
            root = await searching.read_entry(read, "", ["defaultNamingContext"], self._name)
            self._default_base = root and root.text("defaultNamingContext")
        if self._default_base is None:
            raise Unavailable(self._name, "needs user_search.base_dn to look people up")
        return self._default_base, "sub"

    async def _one(self, read: Reader, query: Query) -> Entry | None:
        """More than one entry is refused: nobody knows which of them is meant."""
        found = searching.entries(await read(query), self._name)
        if len(found) > 1:
            raise answers.Unlooked("more than one entry fits")
        return found[0] if found else None

    async def _approved(self, read: Reader, entry: Entry) -> Identity:
        await self.approve(read, entry)
        return self.identities.read(entry)

    def state(self, entry: Entry) -> str | None:
        """Return what is against the account or its password, or None."""
        preset = self._config.preset
        return accounts.refusal(entry, preset) or accounts.password_refusal(entry, preset)

    async def approve(self, read: Reader, entry: Entry) -> None:
        """Return if neither state nor groups keep out this person, who has shown a password.

        What is looked at was read for this very request. Raises ``Rejected``.
        """
        why = self.state(entry)
        if why is None:
            why = await self.memberships.refusal(read, entry)
        if why is not None:
            raise Rejected(why)
