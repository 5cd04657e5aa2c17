"""How many logins two workers do against one: each on a core of its own, all on one Redis.

The load has a core, stubs and Redis have another.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from bench import proc
from bench.bed import Bed
from bench.figures import Effort, Figure, paired, rounds
from bench.journey import Journey
from bench.servers import SERVER_CORE, SPARE_CORE

CORES: Final = (SERVER_CORE, SPARE_CORE)
CONNECTIONS: Final = 128  # the kernel deals them out: no worker shall have few

FIGURES: Final = (
    Figure("T15", "logins per second: 2 workers / 1", "x", at_least=1.6),
    Figure("w1", "logins per second, 1 worker", "1/s"),
    Figure("w2", "logins per second, 2 workers", "1/s"),
    Figure("w1c", "CPU of a login, 1 worker", "us"),
    Figure("w2c", "CPU of a login, 2 workers", "us"),
)


def measure(effort: Effort) -> Mapping[str, list[float]]:
    figures: dict[str, list[float]] = defaultdict(list)
    with Bed() as bed:
        one = bed.gateway(redis=True, name="one")
        with bed.start_gateway(redis=True, name="two", changes={"workers": len(CORES)}) as gateway:
            two = bed.journey(gateway)
            for worker, core in zip(proc.children(gateway.pid), CORES, strict=True):
                os.sched_setaffinity(worker, {core})

            def run(name: str, journey: Journey) -> None:
                samples = journey.both_steps(effort.logins, CONNECTIONS)
                seconds = sum(sample.run.seconds for sample in samples)
                figures[name].append(effort.logins / seconds)
                figures[f"{name}c"].append(sum(sample.cpu_us for sample in samples))

            parts = [lambda: run("w1", one), lambda: run("w2", two)]
            rounds(1, parts)  # warms up
            figures.clear()
            rounds(effort.rounds, parts)
    return {"T15": paired(figures["w2"], figures["w1"]), **figures}
