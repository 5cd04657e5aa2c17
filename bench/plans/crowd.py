"""Wrong answers and broken connections with many connections at once, on both stores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bench.bed import Bed
from bench.figures import Effort, Figure

CROWDS: Final = (128, 500, 2000)
LOGINS_EACH: Final = 3  # at least, of a connection
STORES: Final = ("redis", "memory")

FIGURES: Final = tuple(
    Figure(f"T14{store[0]}{crowd}", f"errors at {crowd} connections, {store}", "", at_most=0)
    for store in STORES
    for crowd in CROWDS
)


def measure(effort: Effort) -> Mapping[str, list[float]]:
    errors: dict[str, list[float]] = {}
    with Bed() as bed:
        for store in STORES:
            journey = bed.gateway(redis=store == "redis")
            for crowd in CROWDS:
                errors[f"T14{store[0]}{crowd}"] = [
                    float(journey.errors(max(effort.logins, LOGINS_EACH * crowd), crowd))
                ]
    return errors
