"""One run on one site: people come, something may strike, everybody is waited for."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

from bench.trials import load
from bench.trials.client import Client
from bench.trials.faults import Fault
from bench.trials.identity_provider import IdentityProvider
from bench.trials.ledger import Ledger, Tally
from bench.trials.load import OpenLoop, Pace
from bench.trials.mailbox import Mailbox
from bench.trials.memory import Growth, Watch
from bench.trials.people import People
from bench.trials.site import ACCOUNTS, Site

CROWD: Final = 400  # people at a time, when the capacity is measured
AT_LEAST: Final = 5.0  # seconds from a fault on that count as during it
OF_ACCOUNTS: Final = "staff:"  # addresses that several people have


class Timing(NamedTuple):
    """Seconds."""

    before: float
    outage: float
    after: float


@dataclass(frozen=True)
class Result:
    """What a run came to. Times in seconds."""

    requests: int
    failures: Counter[str]
    tally: Tally
    lag: float  # of the load; see ``load.BEHIND``
    p99: tuple[float | None, ...]  # before, during and after a fault; or of the whole run
    well_after: float = 0.0  # the last first try that failed or was slow
    through_after: float = 0.0  # the last one who was in trouble had a token
    growth: Growth | None = None


class Run:
    """People on a site."""

    def __init__(self, site: Site, people: People) -> None:
        self.people = people
        self.site = site

    @property
    def ledger(self) -> Ledger:
        return self.people.ledger

    def forget(self) -> None:
        """Begin a new ledger."""
        self.people.ledger = Ledger()

    async def tally(self) -> Tally:
        upstreams = self.site.upstreams
        minted = await upstreams.minted(self.ledger.in_doubt())
        often = await upstreams.often()
        return self.ledger.tally(minted, [a for a in often if not a.startswith(OF_ACCOUNTS)])


@asynccontextmanager
async def run_on(site: Site, thinking: float) -> AsyncIterator[Run]:
    """Connect people with a site. They take at most so many seconds to type a code."""
    idp = IdentityProvider()
    await site.upstreams.publish(idp.jwks)
    mailbox = Mailbox(Client(site.upstreams.codes_url))
    client = Client(site.url)
    people = People(client, mailbox, idp, Ledger(), ACCOUNTS, thinking)
    mailbox.start()
    gc.disable()  # a look at all that these people left would take a second, and nobody would come
    try:
        yield Run(site, people)
    finally:
        gc.enable()
        await mailbox.stop()
        client.close()


async def capacity(run: Run, seconds: float) -> tuple[Pace, float]:
    """Return the pace that two workers reach, and how many cores they use for it."""
    people = run.people
    await load.closed(people, CROWD, seconds / 2)
    cpu, started = run.site.gateway.cpu_seconds(), time.monotonic()
    pace = await load.closed(people, CROWD, seconds)
    busy = (run.site.gateway.cpu_seconds() - cpu) / (time.monotonic() - started)
    run.forget()
    return pace, busy


async def endure(run: Run, rate: float, seconds: float) -> Result:
    """So many people per second, for so long."""
    arrivals, watch = OpenLoop(run.people, rate), Watch(run.site.gateway.processes)
    watch.start()
    arrivals.start()
    started = time.monotonic()
    await asyncio.sleep(seconds)
    await watch.stop()
    await arrivals.stop()
    requests = run.ledger.requests
    return Result(
        requests=len(requests),
        failures=requests.failures(),
        tally=await run.tally(),
        lag=arrivals.lag,
        p99=(requests.p99(started, time.monotonic()),),
        growth=watch.worst(),
    )


async def suffer(run: Run, fault: Fault, rate: float, timing: Timing) -> Result:
    """The same, and a fault in the midst of it."""
    arrivals = OpenLoop(run.people, rate)
    started = time.monotonic()
    arrivals.start()
    await asyncio.sleep(timing.before)
    began = time.monotonic()
    since = await fault.strike(run.site, timing.outage)
    await asyncio.sleep(timing.after)
    await arrivals.stop()
    ledger = run.ledger
    requests = ledger.requests
    well = requests.ill_until(since)
    calm = max(well, began + AT_LEAST)
    spans = ((started, began), (began, calm), (calm, time.monotonic()))
    return Result(
        requests=len(requests),
        failures=requests.failures(),
        tally=await run.tally(),
        lag=arrivals.lag,
        p99=tuple(requests.p99(*span) for span in spans),
        well_after=well - since,
        through_after=ledger.last_through(since) - since,
    )
