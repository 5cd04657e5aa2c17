"""The faults: each strikes a site under load, and says from when on it should recover."""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import yaml

from bench.journey import WrongAnswers
from bench.trials.site import USUAL, Plan, Site
from tests.servers.redis_sentinel import RedisSentinel

REDIS_DOWN: Final = 3.0  # seconds at most
RELOADED_WITHIN: Final = 20.0  # seconds; with an unreachable store in the file it takes a while
REPEATED: Final = 0.25  # of the usual load, where everybody's app asks again and again
ASIDE: Final = 5.0  # seconds at most that a gateway stays away

Strike = Callable[[Site, float], Awaitable[float]]


@dataclass(frozen=True)
class Fault:
    """``strike`` is told how many seconds an outage lasts. It returns the moment (monotonic) from
    which the time to recover counts: the fault's, or the end of an outage.
    """

    name: str
    what: str
    strike: Strike
    plan: Plan = USUAL
    share: float = 0.5  # of the usual load: one process can do alone what two did
    harmless: bool = False  # no request may fail


async def kill_worker(site: Site, outage: float) -> float:
    _, worker, *_ = site.gateway.processes()
    os.kill(worker, signal.SIGKILL)
    return time.monotonic()


async def restart_redis(site: Site, outage: float) -> float:
    assert not isinstance(site.redis, RedisSentinel)
    await asyncio.to_thread(site.redis.stop)
    await asyncio.sleep(min(outage, REDIS_DOWN))
    await asyncio.to_thread(site.redis.start)
    return time.monotonic()


async def fail_over(site: Site, outage: float) -> float:
    assert isinstance(site.redis, RedisSentinel)
    master = await asyncio.to_thread(lambda: site.redis.masters[0])
    began = time.monotonic()
    await asyncio.to_thread(master.kill)
    return began


async def cut_issuer(site: Site, outage: float) -> float:
    await site.upstreams.cut("issuer")
    await asyncio.sleep(outage)
    await site.upstreams.heal("issuer")
    return time.monotonic()


async def freeze_issuer(site: Site, outage: float) -> float:
    await site.upstreams.freeze("issuer")
    await asyncio.sleep(outage)
    await site.upstreams.heal("issuer")
    return time.monotonic()


async def freeze_vendor(site: Site, outage: float) -> float:
    await site.upstreams.freeze("vendor")
    await asyncio.sleep(outage)
    await site.upstreams.heal("vendor")
    return time.monotonic()


async def fill_log_disk(site: Site, outage: float) -> float:
    """No process may make the log file longer: every write fails, as on a full disk."""
    size = site.gateway.errors.stat().st_size
    _limit_files(site, size)
    await asyncio.sleep(outage)
    _limit_files(site, resource.RLIM_INFINITY)
    return time.monotonic()


def _limit_files(site: Site, size: int) -> None:
    for process in site.gateway.processes():
        resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def freeze_log_reader(site: Site, outage: float) -> float:
    assert site.log_reader is not None
    site.log_reader.signal(signal.SIGSTOP)
    await asyncio.sleep(outage)
    site.log_reader.signal(signal.SIGCONT)
    return time.monotonic()


async def kill_log_reader(site: Site, outage: float) -> float:
    assert site.log_reader is not None
    site.log_reader.signal(signal.SIGKILL)
    return time.monotonic()


async def reload_files(site: Site, outage: float) -> float:
    """Good and bad files in turn. Raises ``WrongAnswers`` if one is not taken for what it is."""
    began = time.monotonic()
    for good, bad in itertools.cycle(zip(_good(site.gateway.config), _bad(site), strict=True)):
        await _reload(site, good, "ok")
        await _reload(site, bad, "failed")
        if time.monotonic() - began > outage:
            return began
    raise AssertionError


def _good(config: dict[str, Any]) -> list[str]:
    """Changes of apps, of a provider, of the issuer; each file is written once more, as it was."""
    phone = config["providers"]["phone"]
    changes: list[dict[str, Any]] = [
        {"apps": {**config["apps"], "com.example.other": {}}},
        {"providers": {**config["providers"], "phone": {**phone, "label": "Text message"}}},
        {"issuer": {**config["issuer"], "token_lifetime": "30d"}},
        {},
    ]
    return [yaml.safe_dump({**config, **change}) for change in changes]


def _bad(site: Site) -> list[str]:
    """No YAML, an unknown key, a store that nobody can reach, a provider that needs more."""
    config = site.gateway.config
    return [
        "listen: [",
        yaml.safe_dump({**config, "nonsense": 1}),
        yaml.safe_dump({**config, "store": {"url": "redis://127.0.0.1:1/0"}}),
        yaml.safe_dump({**config, "providers": {"staff": {"type": "ldap", "config": {}}}}),
    ]


async def _reload(site: Site, text: str, result: str) -> None:
    before = await _reloads(site, result)
    site.gateway.reload(text)
    deadline = time.monotonic() + RELOADED_WITHIN
    while await _reloads(site, result) == before:
        if time.monotonic() > deadline:
            raise WrongAnswers(f"a reload did not end as {result}")
        await asyncio.sleep(0.1)


async def _reloads(site: Site, result: str) -> str:
    text = await asyncio.to_thread(site.gateway.metrics)
    start = f'gateway_config_reloads_total{{result="{result}"}} '
    return next(line for line in text.splitlines() if line.startswith(start))


async def stop_one(site: Site, outage: float) -> float:
    began = time.monotonic()
    await asyncio.to_thread(site.gateway.stop)
    await asyncio.sleep(min(outage, ASIDE))
    await asyncio.to_thread(site.start_again, 0)
    return began


FAULTS: Final = (
    Fault("kill", "`kill -9` of a worker", kill_worker),
    Fault("redis", "Redis (append-only file) stopped, 3 s later started", restart_redis),
    Fault("sentinel", "`kill -9` of the Redis master, Sentinel", fail_over, Plan(sentinel=True)),
    Fault("issuer-cut", "mesibo cut off for 30 s: no connections", cut_issuer, share=REPEATED),
    Fault("issuer-silent", "mesibo silent for 30 s", freeze_issuer, share=REPEATED),
    Fault("vendor", "first of two SMS vendors silent for 30 s", freeze_vendor),
    Fault("log-disk", "log disk full for 30 s", fill_log_disk, harmless=True),
    Fault(
        "log-reader",
        "reader of the log (a pipe) stopped for 30 s",
        freeze_log_reader,
        Plan(piped_log=True),
        harmless=True,
    ),
    Fault(
        "log-gone",
        "reader of the log (a pipe) killed",
        kill_log_reader,
        Plan(piped_log=True),
        harmless=True,
    ),
    Fault("reload", "good and bad files in turn, 30 s", reload_files, harmless=True),
    Fault(
        "sigterm",
        "SIGTERM to one of two gateways behind HAProxy, started again",
        stop_one,
        Plan(behind_proxy=True),
        harmless=True,
    ),
)
