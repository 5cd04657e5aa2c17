"""Reload: on SIGHUP, and when the configuration or a file that it names has changed.

Files are looked at, not subscribed to: that also sees the links that Kubernetes swaps, and network
file systems. Every step that may block runs in a thread.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import structlog

from config import ConfigError
from gateway import logs
from gateway.files import State, states
from gateway.metrics import Metrics
from gateway.plan import Plan
from gateway.stores import StoreUnavailable
from gateway.validation import read

INTERVAL: Final = 1.0  # seconds between two looks

log = structlog.get_logger()


class NotApplied(Exception):
    """A configuration that is valid and yet cannot be run; the text says why."""


class Reloader:
    """``apply`` puts a plan into effect; it raises ``StoreUnavailable`` and ``NotApplied``."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        running: Plan,
        apply: Callable[[Plan], Awaitable[None]],
        metrics: Metrics,
        seen: Mapping[Path, State],
    ) -> None:
        self._path = path
        self._started = self._running = running
        self._apply = apply
        self._metrics = metrics
        self._seen = seen  # the files as they were when ``running`` was read, or before
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Reload soon, whatever the files look like."""
        self._asked.set()

    async def run(self) -> None:
        """Reload whenever there is a reason to, for ever."""
        while True:
            asked = await self._wait()
            now = await asyncio.to_thread(states, self._seen)
            if not asked and now == self._seen:
                continue
            self._seen = now
            if await self._reload():
                files = self._running.loaded.document.files
                after = await asyncio.to_thread(states, files)
                # What was looked at before the reload may have changed since.
                self._seen = {path: now.get(path, state) for path, state in after.items()}

    async def _wait(self) -> bool:
        """Wait for the next look; return whether somebody asked for a reload meanwhile."""
        try:
            async with asyncio.timeout(INTERVAL):
                await self._asked.wait()
        except TimeoutError:
            return False
        self._asked.clear()
        return True

    async def _reload(self) -> bool:
        try:
            planned = await asyncio.to_thread(read, self._path)
            _require_same_protocol(self._started, planned)
            await self._apply(planned)
        except ConfigError as error:
            self._failed("; ".join(str(problem) for problem in error.problems))
            self._seen = {**await asyncio.to_thread(states, error.files), **self._seen}
            return False
        except StoreUnavailable as error:
            self._failed(f"store: {error}")
            return False
        except NotApplied as error:
            self._failed(str(error))
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, what runs must go on
            self._failed(f"{type(error).__name__} at {logs.origin(error)}")
            return False
        self._running = planned
        for key in _needs_restart(self._started, planned):
            log.warning("changed, and takes effect at the next start", key=key)
        self._metrics.reloads.labels("ok").inc()
        log.info("configuration reloaded")
        return True

    def _failed(self, why: str) -> None:
        self._metrics.reloads.labels("failed").inc()
        log.error("configuration not reloaded; the old one stays", why=why)


def _require_same_protocol(old: Plan, new: Plan) -> None:
    """A worker that starts later must speak as those that run. Raises ``NotApplied``."""
    if (old.loaded.settings.tls is None) != (new.loaded.settings.tls is None):
        raise NotApplied("tls can be turned on or off only by a restart")


def _needs_restart(old: Plan, new: Plan) -> list[str]:
    """Keys that a running gateway cannot change: whoever listens goes on listening."""
    was, is_ = old.loaded.settings, new.loaded.settings
    changed = [
        name for name in ("listen", "admin", "workers") if getattr(was, name) != getattr(is_, name)
    ]
    if (was.limits.connections, was.limits.connections_per_ip) != (
        is_.limits.connections,
        is_.limits.connections_per_ip,
    ):
        changed.append("limits.connections")
    return changed
