"""CPU time of a login step, in a closed loop of 32 connections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from bench.bed import Bed
from bench.figures import Effort, Figure, paired, rounds
from bench.journey import Journey

FIGURES: Final = (
    Figure("T1", "step 2, Redis: CPU / stock floor's step 2", "x", at_most=0.5),
    Figure("T2", "step 1, Redis: CPU / stock floor's step 1", "x", at_most=0.5),
    Figure("T3", "step 2, Redis: CPU / lean floor's step 2", "x", at_most=1.8),
    Figure("T4", "step 2, memory: CPU / static aiohttp page", "x", at_most=3.0),
    Figure("a", "static aiohttp page", "us"),
    Figure("e1", "stock floor, step 1", "us"),
    Figure("e2", "stock floor, step 2", "us"),
    Figure("le1", "lean floor, step 1", "us"),
    Figure("le2", "lean floor, step 2", "us"),
    Figure("r0", "gateway, an app id that is not admitted", "us"),
    Figure("r1", "gateway on Redis, step 1", "us"),
    Figure("r2", "gateway on Redis, step 2", "us"),
    Figure("m1", "gateway in memory, step 1", "us"),
    Figure("m2", "gateway in memory, step 2", "us"),
)


def measure(effort: Effort) -> Mapping[str, list[float]]:
    cpu: dict[str, list[float]] = defaultdict(list)
    with Bed() as bed:
        floor, lean = bed.floor(), bed.floor("lean")
        redis, memory = bed.gateway(redis=True), bed.gateway(redis=False)

        def static() -> None:
            cpu["a"].append(floor.static(effort.logins).cpu_us)

        def both_steps(name: str, journey: Journey) -> None:
            cpu[f"{name}1"].append(journey.send_codes(effort.logins).cpu_us)
            cpu[f"{name}2"].append(journey.sign_in().cpu_us)

        def refused() -> None:
            cpu["r0"].append(redis.refused(effort.logins).cpu_us)

        parts = [
            static,
            lambda: both_steps("e", floor),
            lambda: both_steps("le", lean),
            refused,
            lambda: both_steps("r", redis),
            lambda: both_steps("m", memory),
        ]
        rounds(1, parts)  # warms up
        cpu.clear()
        rounds(effort.rounds, parts)
    return {
        "T1": paired(cpu["r2"], cpu["e2"]),
        "T2": paired(cpu["r1"], cpu["e1"]),
        "T3": paired(cpu["r2"], cpu["le2"]),
        "T4": paired(cpu["m2"], cpu["a"]),
        **cpu,
    }
