"""What would become of somebody who signs in, step by step, without their password."""

from __future__ import annotations

from providers._base import Explanation, Identity, LoginError, Rejected, Unavailable
from providers.ldap import accounts, searching
from providers.ldap.client import Entry
from providers.ldap.directory import People
from providers.ldap.searching import Reader
from providers.ldap.servers import Servers
from providers.ldap.settings import LdapConfig
from providers.ldap.site import Site


class Walk:
    """One walk through the steps of ``name``."""

    def __init__(self, provider: str, config: LdapConfig, people: People, name: str) -> None:
        self._provider = provider
        self._config = config
        self._people = people
        self._name = name
        self._steps: list[str] = []

    async def by(self, servers: Servers) -> Explanation:
        """Ask the servers as a sign-in does."""
        identity: Identity | None = None
        try:
            identity = await servers.run(self._steps_at)
        except Rejected as refused:
            self._steps.append(f"refused here, told as BADLOGIN: {refused}")
        except LoginError as error:
            detail = error.detail if isinstance(error, Unavailable) else str(error)
            self._steps.append(f"ends here, told as UNAVAILABLE: {detail}")
        return Explanation(self._steps, identity)

    async def _steps_at(self, site: Site, deadline: float) -> Identity | None:
        config = self._config
        read = site.reader(deadline)
        self._steps.append(f"server: {site.server.url}")
        if config.user_dn is not None:
            self._steps.append(f"binds as: {self._people.binds_as(self._name)}")
            if config.bind_dn is None:
                self._steps.append("the rest: only they may see, since there is no bind_dn")
                return None
        else:
            self._steps.append(f"searches as: {config.bind_dn or 'nobody (anonymous)'}")
        entry = await self._found(read)
        if entry is None:
            return None
        await self._approved(read, entry)
        return self._people.identities.read(entry)

    async def _found(self, read: Reader) -> Entry | None:
        if not self._config.names_dn:
            base, scope = await self._people.base(read)
            text = self._people.user_filter(self._name)
            self._steps.append(f"search: below {base} ({scope}) for {text}")
        entry = await self._people.find(read, self._name)
        unknown = "none: the next provider is asked, or BADLOGIN"
        self._steps.append(f"entry: {entry.dn if entry else unknown}")
        return entry

    async def _approved(self, read: Reader, entry: Entry) -> None:
        config = self._config
        why = self._people.state(entry)
        looked = "nothing against it" if config.preset else "not looked at without a preset"
        self._steps.append(f"state: {why or looked}")
        barred = await self._barred(read, entry)
        if config.groups is not None:
            for kind, groups in (
                ("denied", config.groups.denied),
                ("required", config.groups.required),
            ):
                mine = await self._people.memberships.among(read, entry, groups)
                if groups:
                    self._steps.append(f"{kind} groups: {'; '.join(mine) or 'in none'}")
        if barred is not None:
            raise Rejected(barred)
        await self._people.approve(read, entry)

    async def _barred(self, read: Reader, entry: Entry) -> str | None:
        """Return why the server would refuse the right password: nobody asks it for one here."""
        wanted = self._config.profile.server_state
        if not wanted:
            return None
        seen = await searching.read_entry(read, entry.dn, wanted, self._provider)
        why = accounts.server_refusal(seen, self._config.preset) if seen else None
        self._steps.append(f"password: {why or 'nothing against it that shows'}")
        return why
