"""Staff sign in with the directory that they have: Active Directory, OpenLDAP, FreeIPA, 389 DS."""

from __future__ import annotations

import time
from functools import partial
from typing import ClassVar, Final, Literal

from config import Model
from providers import _icons
from providers._base import (
    Attempt,
    Context,
    Directory,
    Explanation,
    Fields,
    Identity,
    Provider,
    Rejected,
    UnknownIdentity,
)
from providers.ldap import drivers
from providers.ldap.answers import Unlooked
from providers.ldap.checking import Inspection
from providers.ldap.directory import People
from providers.ldap.explaining import Walk
from providers.ldap.names import login_name
from providers.ldap.pace import Pace
from providers.ldap.servers import Servers
from providers.ldap.settings import LdapConfig

MAX_PASSWORD: Final = 512  # bytes


class Ldap(Provider[LdapConfig], Directory):
    """User name and password, proven by a bind to the directory (RFC 4513)."""

    Config: ClassVar[type[Model]] = LdapConfig
    purpose = "user name and password of a directory: Active Directory, OpenLDAP, FreeIPA"
    asks = ("username", "password")
    libraries = ("ldap3",)

    def __init__(self, name: str, config: LdapConfig, context: Context) -> None:
        super().__init__(name, config, context)
        self._servers = Servers(name, config, drivers.create(config), context.meter)
        self._people = People(name, config)
        self._pace = Pace()
        self._advice: list[str] = []
        self._findings: list[str] = []

    @property
    def icon(self) -> str:
        """See ``Provider``."""
        return _icons.BUILDING

    def identify(self, fields: Fields) -> str | None:
        """Return the login name as directories compare it, if there is a password with it."""
        if "password" not in fields:
            return None
        typed = fields.get("username") or fields.get("email") or fields.get("phone")
        return self._name(typed).casefold() if typed else None

    def _name(self, typed: str) -> str:
        name = login_name(typed)
        domain = f"{self.config.domain}\\" if self.config.domain else ""
        if name is not None and domain and name.casefold().startswith(domain.casefold()):
            name = login_name(name[len(domain) :])
        if name is None:
            raise UnknownIdentity("no login name")
        return name

    async def begin(self, attempt: Attempt, fields: Fields) -> Identity:
        """Find the person, bind as them, and see that the account may sign in."""
        password = fields["password"]
        # A server may take an empty password for an anonymous bind, and say success (RFC 4513
        # section 5.1.2).
        if not password or "\0" in password or len(password.encode()) > MAX_PASSWORD:
            raise Rejected("a password that no directory has")
        typed = fields.get("username") or fields.get("email") or fields.get("phone") or ""
        work = partial(self._people.sign_in, self._name(typed), password, attempt.claim)
        started = time.monotonic()
        try:
            identity = await self._servers.run(work)
        except Rejected as refused:
            unlooked = isinstance(refused, (UnknownIdentity, Unlooked))
            # Where people bind without a search, an unknown name is a wrong password, too.
            compared = self.config.user_dn is None and not unlooked
            await self._pace.refused(time.monotonic() - started, compared=compared)
            raise
        self._pace.succeeded(time.monotonic() - started)
        return identity

    async def member(self, field: Literal["phone", "email"], value: str) -> Identity | None:
        """See ``Directory``."""
        return await self._servers.run(partial(self._people.member, field, value))

    async def check(self) -> list[str]:
        """Try every server, and see that people and groups can be read."""
        inspection = Inspection(self.name, self.config, self._people, self.context.failure_limits)
        with self._servers.account.quietly():
            await inspection.of(self._servers.sites)
        self._advice = inspection.warnings
        self._findings = inspection.findings
        return inspection.problems

    def advice(self) -> list[str]:
        """Tell of accounts that anybody can lock."""
        return self._advice

    def findings(self) -> list[str]:
        """Tell where and how people are looked for."""
        return self._findings

    async def explain(self, name: str) -> Explanation:
        """See ``Provider``."""
        try:
            walk = Walk(self.name, self.config, self._people, self._name(name))
        except UnknownIdentity as unknown:
            return Explanation([f"refused at once, told as BADLOGIN: {unknown}"], None)
        with self._servers.account.quietly():
            return await walk.by(self._servers)

    async def close(self) -> None:
        """Close all connections."""
        await self._servers.close()

    def warnings(self) -> list[str]:
        """Tell of passwords that cross the network unprotected."""
        told = []
        if not self.config.tls.verify:
            told.append("tls.verify is false: whoever is in between can read passwords")
        if self.config.allow_cleartext:
            told.append("allow_cleartext: passwords may cross the network in the clear")
        return told
