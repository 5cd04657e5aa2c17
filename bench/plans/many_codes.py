"""Logins while a million codes are pending, against logins while none is, on both stores.

The codes in memory come over the wire, as step 1 of as many phones. Those in Redis are put there by
the gateway's own classes, with the counters that step 1 leaves.
"""

from __future__ import annotations

import asyncio
import functools
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import redis

from bench import fresh
from bench.bed import Bed
from bench.figures import Effort, Figure, paired, percentile, rounds
from bench.gateway import Gateway
from bench.journey import Journey
from bench.plans.pending import AT_ONCE
from bench.servers import SPARE_CORE, Server
from gateway.challenges import Challenges
from gateway.digests import Digests
from gateway.stores import Store, Window, open_store
from providers import CodeChallenge

BATCH: Final = 20_000  # phones at a time
RATE: Final = 1000.0  # of a step, per second
CONNECTIONS: Final = 100
WARM_UP: Final = 0.1  # of the answers of a step are not counted
SHARE: Final = 2  # a run takes so much less time than those of other plans
STORES: Final = {"m": "memory", "r": "Redis"}
# The limit of a million counters would be reached at half a million phones: each has two.
ROOM: Final = """
from gateway import stores
stores.open_store.__kwdefaults__["max_entries"] *= 4
"""
HOUR: Final = 3_600_000  # ms
DAY: Final = 24 * HOUR

FIGURES: Final = (
    *(
        figure
        for key, store in STORES.items()
        for figure in (
            Figure(
                f"T26{key}c", f"a million codes pending, {store}: CPU / none pending", "x", 1.15
            ),
            Figure(f"T26{key}50", f"a million codes pending, {store}: p50 / none", "x", 1.2),
            Figure(f"T26{key}99", f"a million codes pending, {store}: p99 / none", "x", 1.5),
            Figure(f"mc{key}50", f"a million codes pending, {store}: p50", "ms"),
            Figure(f"mc{key}99", f"a million codes pending, {store}: p99", "ms"),
        )
    ),
    Figure("mcmB", "a pending code and its two counters, gateway's memory", "B"),
    Figure("mcrB", "a pending code and its two counters, in Redis", "B"),
)


def measure(effort: Effort) -> Mapping[str, list[float]]:
    figures: dict[str, list[float]] = defaultdict(list)
    with Bed() as bed, bed.start_gateway(redis=False, name="many", prelude=ROOM) as many:
        full, empty = bed.start_redis("full"), bed.start_redis("empty")
        journeys = {
            "m": bed.journey(many),
            "m0": bed.gateway(redis=False, name="none", prelude=ROOM),
            "r": bed.gateway(redis=True, name="on_full", changes=_store(full)),
            "r0": bed.gateway(redis=True, name="on_empty", changes=_store(empty)),
        }
        with ThreadPoolExecutor(1) as pool:
            filled = pool.submit(fill_redis, full.url, effort.entries)
            in_memory = _fill_memory(journeys["m"], many, effort.entries)
            in_redis = filled.result()

        parts = [
            functools.partial(_run, journey, name, effort.seconds / SHARE, figures)
            for name, journey in journeys.items()
        ]
        rounds(1, parts)  # warms up
        figures.clear()
        rounds(effort.rounds, parts)
    ratios = {
        f"T26{store}{what}": paired(figures[f"mc{store}{what}"], figures[f"mc{store}0{what}"])
        for store in STORES
        for what in ("c", "50", "99")
    }
    return {**figures, **ratios, "mcmB": [in_memory], "mcrB": [in_redis]}


def _store(server: Server) -> dict[str, Any]:
    return {"store": {"url": f"{server.url}/0"}}


def _run(journey: Journey, name: str, seconds: float, figures: dict[str, list[float]]) -> None:
    """Both steps of some logins."""
    first = journey.send_codes_at(int(RATE * seconds), RATE, CONNECTIONS)
    second = journey.sign_in_at(RATE, CONNECTIONS)
    answers = [sample.run.latencies for sample in (first, second)]
    counted = [latency for some in answers for latency in some[int(len(some) * WARM_UP) :]]
    figures[f"mc{name}c"].append(first.cpu_us + second.cpu_us)
    figures[f"mc{name}50"].append(percentile(counted, 50) * 1000)
    figures[f"mc{name}99"].append(percentile(counted, 99) * 1000)


def _fill_memory(journey: Journey, gateway: Gateway, entries: int) -> float:
    """Bytes of an entry."""
    before = gateway.resident_mib()
    for first in range(0, entries, BATCH):
        journey.send_codes(min(BATCH, entries - first))
    return (gateway.resident_mib() - before) * 2**20 / entries


def fill_redis(url: str, entries: int) -> float:
    """Bytes of an entry."""
    with redis.from_url(url) as server:
        before = server.info("memory")["used_memory"]
        fresh.run_on(SPARE_CORE, _start_all, url, entries)
        return float(server.info("memory")["used_memory"] - before) / entries


def _start_all(url: str, entries: int) -> None:
    asyncio.run(_start(open_store(url), entries))


async def _start(store: Store, entries: int) -> None:
    """Step 1 of so many people, without a message."""
    digests = Digests(b"k" * 32)
    challenges = Challenges(store, digests)
    challenge = CodeChallenge(deliver=_nobody, lifetime=600.0, resend_after=60.0)

    async def start(number: int) -> None:
        key = challenges.key("com.example.messenger", "phone", f"1415{number:07}")
        own = [
            Window(digests.name(name, str(number)), limit, period, name)
            for name, limit, period in (("hour", 5, HOUR), ("day", 10, DAY))
        ]
        await challenges.start(key, challenge, count=[], check=[], spend=own)

    for first in range(0, entries, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, entries))
        await asyncio.gather(*map(start, numbers))
    await store.close()


async def _nobody(code: str, turn: int) -> None:
    """Deliver to nobody."""
