"""Wrong answers and broken connections with many connections at once, on both stores, 2 workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bench.bed import Bed
from bench.figures import Effort, Figure

CROWDS: Final = (128, 500, 2000)
LOGINS_EACH: Final = 3  # at least, of a connection
ON: Final[Mapping[str, dict[str, Any]]] = {
    "redis": {"redis": True},
    "memory": {"redis": False},
    "workers": {"redis": True, "name": "workers", "changes": {"workers": 2}},
}

FIGURES: Final = tuple(
    Figure(f"T14{on[0]}{crowd}", f"errors at {crowd} connections, {on}", "", at_most=0)
    for on in ON
    for crowd in CROWDS
)


def measure(effort: Effort) -> Mapping[str, list[float]]:
    errors: dict[str, list[float]] = {}
    with Bed() as bed:
        for on, options in ON.items():
            journey = bed.gateway(**options)
            for crowd in CROWDS:
                errors[f"T14{on[0]}{crowd}"] = [
                    float(journey.errors(max(effort.logins, LOGINS_EACH * crowd), crowd))
                ]
    return errors
