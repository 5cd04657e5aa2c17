"""Logins of others while many connections trickle or say nothing at all."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from bench.bed import Bed
from bench.figures import Effort, Figure, percentile
from bench.gateway import Gateway
from bench.journey import Journey, WrongAnswers
from bench.servers import SPARE_CORE, Server

SLOW: Final = 2_000
IDLE: Final = 5_000
RATE: Final = 200.0  # of each step, per second
THERE: Final = 0.95  # of them at least, at any time: some have just been cut

FIGURES: Final = (
    Figure("T25", "2,000 slow and 5,000 idle connections: p99 of a login", "ms", at_most=500),
    Figure("lo50", "the same, p50", "ms"),
    Figure("lo0_99", "the same without them, p99", "ms"),
    Figure("lo0_50", "the same without them, p50", "ms"),
    Figure("locpu", "CPU time that they take from the gateway", "%"),
    Figure("lomem", "memory of one of them in the gateway", "KiB"),
    Figure("loopen", "files of the gateway meanwhile", ""),
)


def measure(effort: Effort) -> Mapping[str, list[float]]:
    return at(effort, SLOW, IDLE)


def at(effort: Effort, slow: int, idle: int) -> Mapping[str, list[float]]:
    """The same for fewer of them. Raises ``WrongAnswers`` if they are not there."""
    figures: dict[str, list[float]] = defaultdict(list)
    with Bed() as bed, bed.start_gateway(redis=True) as gateway:
        journey = bed.journey(gateway)
        _logins(journey, effort, "warm_up", figures)
        for _ in range(effort.rounds):
            _logins(journey, effort, "lo0_", figures)
        before = gateway.resident_mib()
        with _loiterers(gateway, slow, idle):
            figures["lomem"] = [(gateway.resident_mib() - before) * 1024 / (slow + idle)]
            figures["locpu"] = [_share_of_cpu(gateway, effort.seconds)]
            for _ in range(effort.rounds):
                _logins(journey, effort, "lo", figures)
                figures["loopen"].append(gateway.open_files())
    if min(figures["loopen"]) < THERE * (slow + idle):
        raise WrongAnswers(f"only {min(figures['loopen'])} connections were there")
    return {"T25": figures["lo99"], **figures}


def _logins(journey: Journey, effort: Effort, name: str, figures: dict[str, list[float]]) -> None:
    samples = journey.visit(int(RATE * effort.seconds), RATE)
    latencies = [latency for sample in samples for latency in sample.run.latencies]
    figures[f"{name}50"].append(percentile(latencies, 50) * 1000)
    figures[f"{name}99"].append(percentile(latencies, 99) * 1000)


def _share_of_cpu(gateway: Gateway, seconds: float) -> float:
    """Percent of a core, with nobody else there."""
    cpu, started = gateway.cpu_seconds(), time.perf_counter()
    time.sleep(seconds)
    return (gateway.cpu_seconds() - cpu) / (time.perf_counter() - started) * 100


@contextlib.contextmanager
def _loiterers(gateway: Gateway, slow: int, idle: int) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.loiterers", gateway.url, str(slow), str(idle)]
    with (
        tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder,
        Server(command, SPARE_CORE, "are there", Path(folder), "loiterers"),
    ):
        yield
