"""The trials still fit the gateway: each part of them runs, in small."""

from __future__ import annotations

import asyncio

from bench.trials.faults import FAULTS, Fault
from bench.trials.site import USUAL, Site
from bench.trials.trial import Result, Timing, capacity, endure, run_on, suffer

RATE = 40.0  # people per second
TIMING = Timing(before=0.5, outage=1.0, after=0.5)


def struck(name: str) -> tuple[Fault, Result]:
    fault = next(fault for fault in FAULTS if fault.name == name)

    async def run(site: Site) -> Result:
        async with run_on(site, thinking=0.3) as people:
            return await suffer(people, fault, RATE, TIMING)

    with Site(fault.plan) as site:
        return fault, asyncio.run(run(site))


def test_capacity_and_endurance() -> None:
    async def run(site: Site) -> Result:
        async with run_on(site, thinking=0) as people:
            pace, busy = await capacity(people, 0.5)
            assert pace.requests > pace.sign_ins > 10
            assert 0 < busy < 4
        async with run_on(site, thinking=0.3) as people:
            return await endure(people, RATE, 1.0)

    with Site(USUAL) as site:
        result = asyncio.run(run(site))
    assert not result.failures
    assert 10 < result.tally.sign_ins < result.requests
    assert result.tally.sound


def test_outage_is_seen_and_nothing_is_lost() -> None:
    _, result = struck("issuer-cut")
    assert result.failures["UNAVAILABLE"] > 0
    assert result.tally.sound
    assert result.through_after > 0


def test_harmless_fault_harms_nobody() -> None:
    fault, result = struck("sigterm")
    assert fault.harmless
    assert not result.failures
    assert result.tally.sign_ins > 20
