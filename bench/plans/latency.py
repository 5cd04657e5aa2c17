"""Latency of step 2 at a fixed rate, arrivals at random (Poisson), on Redis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from bench.bed import Bed
from bench.figures import Effort, Figure, paired, percentile, rounds
from bench.journey import Journey

RATE: Final = 1000.0  # per second
CONNECTIONS: Final = 100
WARM_UP: Final = 0.1  # of the answers are not counted

FIGURES: Final = (
    Figure("T12a", "1,000 step 2 per second, p50 / stock floor's p50", "x", at_most=1.3),
    Figure("T12b", "1,000 step 2 per second, p99 / stock floor's p99", "x", at_most=1.5),
    Figure("p50", "1,000 step 2 per second, p50", "ms"),
    Figure("p99", "1,000 step 2 per second, p99", "ms"),
    Figure("e50", "1,000 step 2 per second, stock floor's p50", "ms"),
    Figure("e99", "1,000 step 2 per second, stock floor's p99", "ms"),
)


def measure(effort: Effort) -> Mapping[str, list[float]]:
    figures: dict[str, list[float]] = defaultdict(list)
    with Bed() as bed:
        floor, gateway = bed.floor(), bed.gateway(redis=True)

        def run(name: str, journey: Journey) -> None:
            journey.send_codes(int(RATE * effort.seconds))
            answers = journey.sign_in_at(RATE, CONNECTIONS).run.latencies
            counted = answers[int(len(answers) * WARM_UP) :]
            figures[f"{name}50"].append(percentile(counted, 50) * 1000)
            figures[f"{name}99"].append(percentile(counted, 99) * 1000)

        parts = [lambda: run("e", floor), lambda: run("p", gateway)]
        rounds(1, parts)  # warms up
        figures.clear()
        rounds(effort.rounds, parts)
    return {
        "T12a": paired(figures["p50"], figures["e50"]),
        "T12b": paired(figures["p99"], figures["e99"]),
        **figures,
    }
