"""What Redis has spent, as it tells itself: INFO, https://redis.io/docs/latest/commands/info/."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import redis


class Usage(NamedTuple):
    """Sums over some servers since they were started, or for each of some logins."""

    cpu_us: float
    commands: float
    bytes: float  # read and written
    memory: float  # bytes, of all that is kept
    keys: float


def of(urls: Sequence[str]) -> Usage:
    """What the servers at these addresses have spent so far."""
    spent = [_of(url) for url in urls]
    return Usage(*(sum(each[field] for each in spent) for field in range(len(Usage._fields))))


def _of(url: str) -> Usage:
    with redis.from_url(url) as server:
        info: dict[str, Any] = server.info("everything")
        return Usage(
            cpu_us=(info["used_cpu_user"] + info["used_cpu_sys"]) * 1e6,
            commands=info["total_commands_processed"],
            bytes=info["total_net_input_bytes"] + info["total_net_output_bytes"],
            memory=info["used_memory"],
            keys=server.dbsize(),
        )


def of_each(urls: Sequence[str], logins: int, work: Callable[[], object]) -> Usage:
    """What each of ``logins`` costs that ``work`` does."""
    before = of(urls)
    work()
    return Usage(*((now - then) / logins for now, then in zip(of(urls), before, strict=True)))
