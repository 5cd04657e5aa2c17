"""A driver at work, on a loop of its own for each question."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from providers.ldap.client import (
    Bound,
    Connection,
    ConnectionFailed,
    Driver,
    Found,
    Query,
    Server,
    TlsSettings,
)
from tests.servers.process import HOST
from tests.servers.slapd import SERVICE, SERVICE_PASSWORD, Slapd
from tests.servers.tls import Authority

T = TypeVar("T")
_numbers = itertools.count()

WITHIN = 10.0  # seconds; only tests of deadlines get near


def fresh_uid() -> str:
    """A name that no other test uses."""
    return f"fresh{next(_numbers)}"


def plain(port: int) -> Server:
    """Speak to it in clear text."""
    return Server(f"ldap://{HOST}:{port}", HOST, port, tls=None, start_tls=False)


def starting(port: int, authority: Authority | None, host: str = HOST) -> Server:
    """Use StartTLS, and trust ``authority``, or anybody."""
    return Server(f"ldap://{host}:{port}", host, port, _settings(authority), start_tls=True)


def secure(port: int, authority: Authority | None, host: str = HOST) -> Server:
    """Use TLS from the first byte on, and trust ``authority``, or anybody."""
    return Server(f"ldaps://{host}:{port}", host, port, _settings(authority), start_tls=False)


def _settings(authority: Authority | None) -> TlsSettings:
    if authority is None:
        return TlsSettings(None, verify=False)
    return TlsSettings(authority.ca_file, verify=True)


class Asking:
    """Each question makes a connection, and closes it."""

    def __init__(
        self, new_driver: Callable[[], Driver], new_loop: Callable[[], asyncio.AbstractEventLoop]
    ) -> None:
        self._new_driver = new_driver
        self._new_loop = new_loop

    def run(self, scenario: Callable[[Driver], Awaitable[T]]) -> T:
        """Run a scenario; nothing may be left behind, or go wrong where nobody looks."""
        unseen: list[dict[str, Any]] = []

        async def whole() -> T:
            asyncio.get_running_loop().set_exception_handler(lambda _, what: unseen.append(what))
            driver = self._new_driver()
            try:
                return await scenario(driver)
            finally:
                await driver.close()
                assert asyncio.all_tasks() == {asyncio.current_task()}

        with asyncio.Runner(loop_factory=self._new_loop) as runner:
            result = runner.run(whole())
        assert unseen == []
        return result

    def bind(self, server: Server, dn: str, password: str, within: float = WITHIN) -> Bound:
        return self.run(lambda driver: bind(driver, server, dn, password, within))

    def search(self, server: Server, query: Query, within: float = WITHIN) -> Found:
        """Search without a bind."""

        async def scenario(driver: Driver) -> Found:
            connection = await driver.connect(server, within)
            try:
                return await connection.search(query, within)
            finally:
                await connection.close()

        return self.run(scenario)

    def read(self, directory: Slapd, authority: Authority, query: Query) -> Found:
        """Search a real directory as the service account."""

        async def scenario(driver: Driver) -> Found:
            connection = await service(driver, directory, authority)
            try:
                return await connection.search(query, WITHIN)
            finally:
                await connection.close()

        return self.run(scenario)

    def fails(self, server: Server, within: float = WITHIN) -> str:
        """Bind in vain. Return why it fails."""
        with pytest.raises(ConnectionFailed) as failure:
            self.bind(server, "uid=ann", "secret-of-ann", within)
        return str(failure.value)


async def eventually(happened: Callable[[], bool]) -> None:
    """Wait for what nothing tells."""
    async with asyncio.timeout(5):
        while not happened():  # noqa: ASYNC110 - of a server in another thread, or a socket
            await asyncio.sleep(0.005)


async def bind(driver: Driver, server: Server, dn: str, password: str, within: float) -> Bound:
    """Make a connection and bind; both together take no longer than ``within``."""
    deadline = time.monotonic() + within
    connection = await driver.connect(server, within)
    try:
        return await connection.bind(dn, password, deadline - time.monotonic())
    except ConnectionFailed:
        assert not connection.alive
        raise
    finally:
        await connection.close()


async def service(driver: Driver, directory: Slapd, authority: Authority) -> Connection:
    """Connect as the service account."""
    connection = await driver.connect(secure(directory.tls_port, authority), WITHIN)
    bound = await connection.bind(SERVICE, SERVICE_PASSWORD, WITHIN)
    assert bound.code == 0
    return connection
