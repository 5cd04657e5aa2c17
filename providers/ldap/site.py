"""One server of a directory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable

from providers._spans import Attributes
from providers.ldap.client import Connection, Driver, Found, Query, Server
from providers.ldap.pool import Pool
from providers.ldap.searching import BUSY, Reader, ServerBusy
from providers.ldap.service import ServiceAccount
from providers.ldap.settings import LdapConfig


class Site:
    """A server, its connections, and whether it answers.

    No person is ever bound on a connection that searches for others.
    """

    def __init__(
        self,
        name: str,
        server: Server,
        driver: Driver,
        config: LdapConfig,
        account: ServiceAccount,
    ) -> None:
        self.server = server
        self.attributes: Attributes = {  # for traces
            "network.protocol.name": "ldap",
            "server.address": server.host,
            "server.port": server.port,
        }
        self.down = False
        self.failures = 0  # in a row
        self.answered = 0.0  # when a login last ended with an answer; monotonic
        self._name = name
        self._driver = driver
        self._config = config
        self._account = account
        self._binding = asyncio.Lock()
        self._bound = 0.0  # when the service account was last bound alone; monotonic
        self._make_pools()

    def _make_pools(self) -> None:
        size = self._config.pool_size
        self.people = Pool(self._name, self.connect, size)  # where passwords are proven
        self.service = Pool(self._name, self.connect_service, size)

    async def connect(self, within: float) -> Connection:
        """Connect as nobody. Raises ``ConnectionFailed``."""
        return await self._driver.connect(self.server, min(within, self._config.timeout.connect))

    async def connect_service(self, within: float) -> Connection:
        """Connect as the service account. Raises ``ConnectionFailed``, ``ServerBusy``,
        ``ServiceRefused``.
        """
        deadline = time.monotonic() + within
        self._account.require()
        connection = await self.connect(within)
        try:
            await self._bind_service(connection, deadline)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _bind_service(self, connection: Connection, deadline: float) -> None:
        """One tries, the others wait: a password that is refused was tried once. If it is taken,
        they follow all together.
        """
        came = time.monotonic()
        async with self._binding:
            if self._bound < came:
                await self._account.bind(connection, self.server, self.within(deadline))
                self._bound = time.monotonic()
                return
        await self._account.bind(connection, self.server, self.within(deadline))

    def within(self, deadline: float) -> float:
        """Seconds that one operation may take."""
        return min(deadline - time.monotonic(), self._config.timeout.operation)

    def reader(self, deadline: float) -> Reader:
        """Search as the service account, until the monotonic ``deadline``."""

        def read(query: Query) -> Awaitable[Found]:
            def search(connection: Connection, deadline: float) -> Awaitable[Found]:
                return connection.search(query, self.within(deadline))

            return self.service.run(search, deadline)

        return read

    async def probe(self) -> None:
        """Do what a login begins with. Raises as ``connect_service`` does."""
        timeout = self._config.timeout
        connection = await self.connect_service(timeout.connect + timeout.operation)
        try:
            search = self._config.user_search
            base = Query(search.base_dn if search else "", "base", "(objectClass=*)", ("1.1",))
            found = await connection.search(base, timeout.operation)
        finally:
            await connection.close()
        if found.code in BUSY:
            raise ServerBusy

    async def renew(self) -> None:
        """Leave the connections of before: some may be dead and not know it."""
        pools = self.people, self.service
        self._make_pools()
        for pool in pools:
            await pool.close()

    async def close(self) -> None:
        """Close all connections."""
        await self.people.close()
        await self.service.close()
