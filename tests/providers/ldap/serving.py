"""Servers of a directory that do what a test says, asked as sign-ins ask them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest

from providers import Unavailable
from providers.ldap import searching, service
from providers.ldap import servers as servers_module
from providers.ldap.client import Query
from providers.ldap.servers import Servers
from providers.ldap.settings import LdapConfig
from providers.ldap.site import Site
from tests.config.reading import parse
from tests.providers.ldap.scripted import PASSWORD, SERVICE, Host, ScriptedDriver

SHARE, PROBE_EVERY, PAUSE = 0.2, 0.05, 0.2  # seconds, for tests
SLACK = 0.15
WHO = Query("ou=people,dc=test", "sub", "(uid=ann)", ["uid"])
T = TypeVar("T")

Serve = Callable[..., Servers]  # (*hosts, **keys of the configuration)


class Meter:
    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def message(self, sender: str, outcome: str) -> None: ...

    def upstream(self, upstream: str, outcome: str, seconds: float) -> None:
        assert (upstream, seconds >= 0) == ("staff", True)
        self.outcomes.append(outcome)


@asynccontextmanager
async def serving(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serve]:
    """Make servers, in a hurry; all are closed at the end."""
    monkeypatch.setattr(servers_module, "SHARE", SHARE)
    monkeypatch.setattr(servers_module, "PROBE_EVERY", PROBE_EVERY)
    monkeypatch.setattr(service, "FIRST_PAUSE", PAUSE)
    made: list[Servers] = []

    def new(*hosts: Host, **keys: str) -> Servers:
        names = [f"dc{number}" for number in range(1, len(hosts) + 1)]
        lines = {
            "urls": f"[{', '.join(f'ldaps://{name}' for name in names)}]",
            "user_search": "{base_dn: 'ou=people,dc=test'}",
            "bind_dn": SERVICE,
            "bind_password": PASSWORD,
            "timeout": "{connect: 300ms, operation: 300ms, total: 1s}",
            **keys,
        }
        config = parse(LdapConfig, "\n".join(f"{key}: {text}" for key, text in lines.items()))
        driver = ScriptedDriver(dict(zip(names, hosts, strict=True)))
        made.append(Servers("staff", config, driver, meter))
        return made[-1]

    yield new
    for servers in made:
        await servers.close()
        assert all(task.done() for task in servers._probes)


async def look_up(site: Site, deadline: float) -> str:
    searching.entries(await site.reader(deadline)(WHO), "staff")
    return site.server.host


async def timed(work: Awaitable[T]) -> tuple[T, float]:
    started = time.monotonic()
    return await work, time.monotonic() - started


async def until(reached: Callable[[], object], within: float = 3.0) -> None:
    deadline = time.monotonic() + within
    while not reached():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def fails(servers: Servers, work: Any = look_up) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        await servers.run(work)
    return caught.value
