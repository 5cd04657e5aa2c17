"""A fresh process: how soon it listens, and its memory."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from bench.bed import Bed
from bench.figures import Effort, Figure
from bench.gateway import WITHOUT_UVLOOP

FIGURES: Final = (
    Figure("T16", "resident memory when idle, as `make run` installs it", "MiB", at_most=55),
    Figure("T16r", "the same with all extras, on Redis", "MiB", at_most=75),
    Figure("T17", "start to listening, with all extras", "s", at_most=1.0),
)


def measure(effort: Effort) -> Mapping[str, list[float]]:
    values: dict[str, list[float]] = {"T16": [], "T16r": [], "T17": []}
    with Bed() as bed:
        for _ in range(effort.rounds):
            with bed.start_gateway(redis=False, prelude=WITHOUT_UVLOOP) as gateway:
                values["T16"].append(gateway.resident_mib())
            started = time.perf_counter()
            with bed.start_gateway(redis=True) as gateway:
                values["T17"].append(time.perf_counter() - started)
                values["T16r"].append(gateway.resident_mib())
    return values
