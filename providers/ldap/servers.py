"""Several servers of one directory: asked in order, and left alone while they do not answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from providers._base import LoginError, Meter, Unavailable
from providers._spans import span
from providers.ldap.client import ConnectionFailed, Driver
from providers.ldap.searching import ServerBusy
from providers.ldap.service import ServiceAccount, ServiceRefused
from providers.ldap.settings import LdapConfig
from providers.ldap.site import Site

SHARE: Final = 3.5  # seconds that a login waits for a server while there is another one
PROBE_EVERY: Final = 2.0  # seconds
PATIENCE: Final = 3  # failures in a row of the last server; with another at hand one is enough

T = TypeVar("T")
log = structlog.get_logger()


class Servers:
    """All servers of the directory ``name``."""

    def __init__(self, name: str, config: LdapConfig, driver: Driver, meter: Meter) -> None:
        self._name = name
        self._timeout = config.timeout
        self._driver = driver
        self._meter = meter
        self.account = ServiceAccount(name, config)
        self.sites = [
            Site(name, server, driver, config, self.account) for server in config.servers()
        ]
        self._probes: set[asyncio.Task[None]] = set()

    async def run(self, work: Callable[[Site, float], Awaitable[T]]) -> T:
        """Do ``work`` (site, monotonic deadline) on the first server that answers.

        Raises ``Unavailable`` when none does, within ``timeout.total``.
        """
        ready = [site for site in self.sites if not site.down]
        failures = [
            f"{site.server.url}: left alone, it is down" for site in self.sites if site.down
        ]
        total = time.monotonic() + self._timeout.total
        for site in ready:
            share = min(SHARE, self._timeout.total / len(ready))
            deadline = total if site is ready[-1] else time.monotonic() + share
            try:
                with span(self._name, site.attributes):
                    return await self._try(site, work, deadline)
            except ConnectionFailed as error:
                failures.append(f"{site.server.url}: {error}")
        raise Unavailable(self._name, "; ".join(failures), PROBE_EVERY)

    async def _try(
        self, site: Site, work: Callable[[Site, float], Awaitable[T]], deadline: float
    ) -> T:
        """Do it on this server. Raises ``ConnectionFailed`` if another one may do better."""
        started = time.monotonic()
        outcome = "failed"
        try:
            async with asyncio.timeout(deadline - started):
                result = await work(site, deadline)
        except (ConnectionFailed, ServerBusy, TimeoutError) as error:
            detail = "no answer in time" if isinstance(error, TimeoutError) else str(error)
            self._failed(site, detail, started)
            raise ConnectionFailed(detail) from None
        except Unavailable:
            raise
        except LoginError:
            outcome = "answered"
            raise
        else:
            outcome = "answered"
            return result
        finally:
            if outcome == "answered":
                site.failures = 0
                site.answered = time.monotonic()
            self._meter.upstream(self._name, outcome, time.monotonic() - started)

    def _failed(self, site: Site, detail: str, started: float) -> None:
        if site.answered > started:
            return  # it answers others: it is slow, and many wait
        site.failures += 1
        others = any(not other.down for other in self.sites if other is not site)
        if site.down or (site.failures < PATIENCE and not others):
            return
        site.down = True
        log.warning("server down", provider=self._name, server=site.server.url, detail=detail)
        probe = asyncio.create_task(self._watch(site))
        self._probes.add(probe)
        probe.add_done_callback(self._probes.discard)

    async def _watch(self, site: Site) -> None:
        """Ask in the background, so that no login has to, until the server answers again."""
        while site.down:
            await asyncio.sleep(PROBE_EVERY)
            if await self._answers(site):
                await site.renew()
                site.failures = 0
                site.down = False
        log.warning("server up again", provider=self._name, server=site.server.url)

    async def _answers(self, site: Site) -> bool:
        try:
            async with asyncio.timeout(self._timeout.total):
                await site.probe()
        except ServiceRefused:
            return True  # that is for each login to tell
        # Whatever else comes: nobody but this probe would ever ask this server again.
        except Exception:  # noqa: BLE001
            return False
        return True

    async def close(self) -> None:
        """Stop asking and close all connections."""
        for probe in self._probes:
            probe.cancel()
        await asyncio.gather(*self._probes, return_exceptions=True)
        for site in self.sites:
            await site.close()
        await self._driver.close()
