"""Memory of a real process over many logins, on Redis: nothing of them may stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bench.bed import Bed
from bench.figures import Effort, Figure
from bench.journey import CONNECTIONS

SHARE: Final = 10  # of so many logins one: a million are for ``bench.trials``

FIGURES: Final = (
    Figure("T20r", "memory growth over 100,000 logins, a real process", "MiB", at_most=1),
)


def measure(effort: Effort) -> Mapping[str, list[float]]:
    with Bed() as bed, bed.start_gateway(redis=True) as gateway:
        journey = bed.journey(gateway)
        journey.both_steps(effort.logins, CONNECTIONS)  # all that is made once
        before = gateway.resident_mib()
        for _ in range(effort.entries // SHARE // effort.logins):
            journey.both_steps(effort.logins, CONNECTIONS)
        return {"T20r": [gateway.resident_mib() - before]}
