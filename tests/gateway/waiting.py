"""Waiting for what a process in the background does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tests.servers.gateway import GatewayProcess


def until(reached: Callable[[], object], within: float = 5.0) -> None:
    """Poll until ``reached`` says so."""
    deadline = time.monotonic() + within
    while not reached():
        assert time.monotonic() < deadline, f"not reached within {within:g} s"
        time.sleep(0.01)


def audit_lines(gateway: GatewayProcess, count: int) -> list[dict[str, Any]]:
    """Wait for so many audit lines of a gateway that logs JSON; return all."""

    def lines() -> list[dict[str, Any]]:
        complete = gateway.stderr.rpartition("\n")[0].split("\n")
        events = [json.loads(line) for line in complete if line]
        return [event for event in events if event["event"] == "login"]

    until(lambda: len(lines()) >= count)
    return lines()
