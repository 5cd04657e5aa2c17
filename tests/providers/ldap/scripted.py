"""A driver whose servers do what a test says, and that keeps what happened to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from providers.ldap import client
from providers.ldap.client import (
    Bound,
    ConnectionFailed,
    ConnectionLost,
    Entry,
    Found,
    Query,
    Server,
)

State = Literal["up", "refusing", "silent", "busy", "mute"]
Answer = Callable[[Query], Found]

SERVICE = "cn=svc,dc=test"
PASSWORD = "svc-secret"


def nothing(query: Query) -> Found:
    return Found(client.SUCCESS, [])


def found(*entries: Entry) -> Answer:
    return lambda query: Found(client.SUCCESS, entries[: query.limit])


def entry(dn: str, **attributes: str | bytes | Sequence[str | bytes]) -> Entry:
    """Make an entry as a driver does."""

    def values(given: str | bytes | Sequence[str | bytes]) -> list[bytes]:
        several = [given] if isinstance(given, str | bytes) else given
        return [value.encode() if isinstance(value, str) else value for value in several]

    return Entry(dn, {name.lower(): values(given) for name, given in attributes.items()})


@dataclass
class Host:
    """A server. ``refusing``: no connections; ``silent``: none in time; ``mute``: no answers."""

    state: State = "up"
    accounts: dict[str, str] = field(default_factory=lambda: {SERVICE: PASSWORD})
    bound: Bound | None = None  # answer to each bind; None: as ``accounts`` says
    answer: Answer = nothing
    seconds: float = 0.0  # that a bind takes
    connections: list[Scripted] = field(default_factory=list)
    tried: int = 0  # connections that were wanted

    @property
    def binds(self) -> list[str]:
        return [dn for connection in self.connections for dn in connection.binds]

    @property
    def searches(self) -> list[Query]:
        return [query for connection in self.connections for query in connection.searches]

    @property
    def open(self) -> int:
        return sum(connection.alive for connection in self.connections)


class Scripted:
    """A connection to a ``Host``."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.alive = True
        self.binds: list[str] = []
        self.searches: list[Query] = []

    async def _answers(self, within: float) -> int:
        if not self.alive:
            raise ConnectionLost("closed")
        if self._host.state in ("silent", "mute"):
            await asyncio.sleep(within)
            await self.close()
            raise ConnectionFailed("no answer in time")
        await asyncio.sleep(0)
        return client.BUSY if self._host.state == "busy" else client.SUCCESS

    async def bind(self, dn: str, password: str, within: float) -> Bound:
        self.binds.append(dn)
        await asyncio.sleep(self._host.seconds)
        code = await self._answers(within)
        if code == client.SUCCESS and self._host.bound is not None:
            return self._host.bound
        if code == client.SUCCESS and self._host.accounts.get(dn) != password:
            code = client.INVALID_CREDENTIALS
        return Bound(code, "", None)

    async def search(self, query: Query, within: float) -> Found:
        self.searches.append(query)
        code = await self._answers(within)
        return Found(code, []) if code else self._host.answer(query)

    async def close(self) -> None:
        self.alive = False


class ScriptedDriver:
    """Connects to ``hosts``, by their names in URLs."""

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        self._hosts = hosts
        self.closed = False

    async def connect(self, server: Server, within: float) -> Scripted:
        host = self._hosts[server.host]
        host.tried += 1
        if host.state == "silent":
            await asyncio.sleep(within)
            raise ConnectionFailed("no connection in time")
        if host.state == "refusing":
            raise ConnectionFailed("Connection refused")
        connection = Scripted(host)
        host.connections.append(connection)
        return connection

    async def close(self) -> None:
        self.closed = True
