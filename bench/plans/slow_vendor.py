"""Latency of one provider's logins while many of another's wait for a vendor that says nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final

from bench.bed import Bed
from bench.figures import Effort, Figure, paired, percentile, rounds
from bench.journey import Sample

HELD: Final = 500  # logins
RATE: Final = 500.0  # per second
CONNECTIONS: Final = 100
WARM_UP: Final = 0.1  # of the answers of a step are not counted

FIGURES: Final = (
    Figure("T23a", "500 logins held by a silent vendor: p50 of others / without", "x", at_most=1.2),
    Figure("T23b", "500 logins held by a silent vendor: p99 of others / without", "x", at_most=1.5),
    Figure("h50", "500 step 1 and 2 per second, 500 others held, p50", "ms"),
    Figure("h99", "500 step 1 and 2 per second, 500 others held, p99", "ms"),
    Figure("n50", "the same, none held, p50", "ms"),
    Figure("n99", "the same, none held, p99", "ms"),
    Figure("held", "gateway_in_flight meanwhile", ""),
)


def measure(effort: Effort) -> Mapping[str, list[float]]:
    figures: dict[str, list[float]] = defaultdict(list)
    phones = int(RATE * effort.seconds)
    with Bed() as bed:
        journey = bed.gateway(redis=True, silent=True)

        def send() -> Sample:
            return journey.send_codes_at(phones, RATE, CONNECTIONS)

        def sign_in() -> Sample:
            return journey.sign_in_at(RATE, CONNECTIONS)

        def run(name: str, step: Callable[[Callable[[], Sample]], Sample]) -> None:
            latencies = [latency for s in (send, sign_in) for latency in _counted(step(s))]
            figures[f"{name}50"].append(percentile(latencies, 50) * 1000)
            figures[f"{name}99"].append(percentile(latencies, 99) * 1000)

        def held(step: Callable[[], Sample]) -> Sample:
            with journey.held(HELD) as in_flight:
                sample = step()
                figures["held"].append(in_flight())
            return sample

        parts = [lambda: run("n", lambda step: step()), lambda: run("h", held)]
        rounds(1, parts)  # warms up
        figures.clear()
        rounds(effort.rounds, parts)
    return {
        "T23a": paired(figures["h50"], figures["n50"]),
        "T23b": paired(figures["h99"], figures["n99"]),
        **figures,
    }


def _counted(sample: Sample) -> list[float]:
    latencies = sample.run.latencies
    return latencies[int(len(latencies) * WARM_UP) :]
