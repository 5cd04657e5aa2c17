"""Codes sent and not yet typed in: their memory, and what they do to the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Mapping
from typing import Final

import redis

from bench import fresh, proc
from bench.bed import Bed
from bench.figures import Effort, Figure
from gateway.challenges import Challenges
from gateway.digests import Digests
from gateway.stores import Store, open_store
from providers import CodeChallenge

AT_ONCE: Final = 500
REDIS_SHARE: Final = 5  # Redis gets one of so many entries: they are made more slowly there
PAUSES: Final = 5

FIGURES: Final = (
    Figure("T18m", "memory of a pending code, in memory", "B", at_most=300),
    Figure("T18r", "memory of a pending code, in Redis", "B", at_most=250),
    Figure("T19", "full garbage collection, 1,000,000 codes pending", "ms", at_most=20),
)


def measure(effort: Effort) -> Mapping[str, list[float]]:
    size, pauses = fresh.run(_in_memory, effort.entries)
    return {
        "T18m": [size],
        "T18r": [_in_redis(effort.entries // REDIS_SHARE)],
        "T19": [pause * 1000 for pause in pauses],
    }


def _in_memory(entries: int) -> tuple[float, list[float]]:
    """Bytes of an entry, and seconds of some full collections."""
    store = open_store("memory://", max_entries=entries)
    gc.collect()
    gc.freeze()  # as the gateway does when it has started
    before = proc.resident_mib(os.getpid())
    asyncio.run(_fill(store, entries))
    size = (proc.resident_mib(os.getpid()) - before) * 2**20 / entries
    return size, [_collection() for _ in range(PAUSES)]


def _collection() -> float:
    started = time.perf_counter()
    gc.collect()
    return time.perf_counter() - started


def _in_redis(entries: int) -> float:
    with Bed() as bed, redis.from_url(bed.redis_url) as server:
        before = server.info("memory")["used_memory"]
        asyncio.run(_fill(open_store(bed.redis_url), entries))
        return float(server.info("memory")["used_memory"] - before) / entries


async def _fill(store: Store, entries: int) -> None:
    challenges = Challenges(store, Digests(b"k" * 32))
    challenge = CodeChallenge(deliver=_nobody, lifetime=600.0, resend_after=60.0)
    for first in range(0, entries, AT_ONCE):
        phones = range(first, min(first + AT_ONCE, entries))
        await asyncio.gather(*(_start(challenges, challenge, phone) for phone in phones))
    await store.close()


async def _start(challenges: Challenges, challenge: CodeChallenge, number: int) -> None:
    key = challenges.key("com.example.messenger", "phone", f"1415{number:07}")
    await challenges.start(key, challenge, count=[], check=[], spend=[])


async def _nobody(code: str, turn: int) -> None:
    """Deliver to nobody."""
