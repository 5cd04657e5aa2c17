"""What an audit line and the metrics add to a request."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from typing import Final

from bench import fresh
from bench.figures import Effort, Figure
from gateway import logs
from gateway.audit import Audit, Trace
from gateway.metrics import Metrics
from gateway.outcomes import LoginRequest, SignedIn

REQUESTS: Final = 20_000

FIGURES: Final = (Figure("T21", "one log line and the metrics of a login", "us", at_most=20),)


def measure(effort: Effort) -> Mapping[str, list[float]]:
    return {"T21": [fresh.run(_audit) for _ in range(effort.rounds)]}


def _audit() -> float:
    """Microseconds for each login."""
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), logs.STANDARD_ERROR)
        logs.configure("info", "json")
        metrics = Metrics()
        audit = Audit(metrics)
        request = LoginRequest(
            "com.example.messenger", None, None, {}, "127.0.0.1", "0123456789abcdef"
        )
        outcome = SignedIn("5f" * 24, "14150000000", None)
        started = time.perf_counter()
        for _ in range(REQUESTS):
            trace = Trace("com.example.messenger", "phone", "14150000000")
            audit.begin()
            metrics.upstream("mesibo", "answered", 0.01)
            audit.end(request, trace, outcome, 0.01)
        return (time.perf_counter() - started) / REQUESTS * 1e6
