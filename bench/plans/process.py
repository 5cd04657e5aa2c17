"""A fresh process: how soon it listens, and its memory."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from bench.bed import Bed
from bench.figures import Effort, Figure

FIGURES: Final = (
    Figure("T16", "resident memory of the idle gateway, phone login on Redis", "MiB", at_most=55),
    Figure("T17", "start to listening", "s", at_most=1.0),
)


def measure(effort: Effort) -> Mapping[str, list[float]]:
    resident: list[float] = []
    seconds: list[float] = []
    with Bed() as bed:
        for _ in range(effort.rounds):
            started = time.perf_counter()
            with bed.start_gateway(redis=True) as gateway:
                seconds.append(time.perf_counter() - started)
                resident.append(gateway.resident_mib())
    return {"T16": resident, "T17": seconds}
