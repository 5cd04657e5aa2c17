"""``serve``: run until SIGTERM or SIGINT, then drain; SIGHUP reloads the configuration."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Final

import structlog

from config import load
from gateway import logs, open_files
from gateway.event_loop import factory
from gateway.files import State, states
from gateway.metrics import Metrics
from gateway.plan import Plan
from gateway.reload import Reloader
from gateway.sheets import Totals
from gateway.validation import validated

Seen = Mapping[Path, State]
STOPPING: Final = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger()


def run(options: argparse.Namespace) -> int:
    """Serve the configuration. Raises ``ConfigError``."""
    open_files.fill_standard()
    loaded = load(options.config)
    settings = loaded.settings
    logs.configure(settings.logging.level, settings.logging.format)
    for warning in loaded.document.warnings:
        log.warning(warning)
    seen = states(loaded.document.files)  # first of all: a later change is one to follow
    plan = validated(loaded)
    seen = {**states(loaded.document.files), **seen}  # providers name files of their own
    open_files.raise_limit()
    serve = _supervise if settings.workers > 1 else _serve
    try:
        with asyncio.Runner(loop_factory=factory()) as runner:
            runner.run(serve(plan, options, seen))
    except OSError as error:
        print(f"cannot listen: {error.strerror or error}")
        return 1
    return 0


async def _serve(plan: Plan, options: argparse.Namespace, seen: Seen) -> None:
    """Serve in this process."""
    from gateway.app import Gateway

    with _stopping() as stop:
        gateway = await Gateway.start(plan, options.listen, options.admin)
        try:
            reloader = Reloader(options.config, plan, gateway.reload, gateway.metrics, seen)
            async with _running(reloader):
                _announce(gateway.url, gateway.admin_url)
                await stop.wait()
                log.info("draining")
        finally:
            await gateway.stop()


async def _supervise(plan: Plan, options: argparse.Namespace, seen: Seen) -> None:
    """Serve in several processes."""
    from gateway.supervisor import Supervisor

    settings = plan.loaded.settings
    sheets = Totals()
    metrics = Metrics(sheets)
    supervisor = Supervisor(plan, options.listen or settings.listen, metrics, sheets)
    with _stopping() as stop:
        try:
            await supervisor.start(options.admin or settings.admin)
            reloader = Reloader(options.config, plan, supervisor.apply, metrics, seen)
            async with _running(reloader):
                _announce(supervisor.url, supervisor.admin_url)
                await stop.wait()
                log.info("draining")
        finally:
            await supervisor.stop()


def _announce(url: str, admin_url: str | None) -> None:
    with contextlib.suppress(OSError):  # on a full disk: no reason to serve nobody
        print(f"listening on {url}", flush=True)
        if admin_url:
            print(f"admin on {admin_url}", flush=True)


@contextlib.asynccontextmanager
async def _running(reloader: Reloader) -> AsyncIterator[None]:
    """Follow the configuration meanwhile."""
    loop = asyncio.get_running_loop()
    _handle([signal.SIGHUP], lambda _number, _frame: loop.call_soon_threadsafe(reloader.ask))
    following = asyncio.create_task(reloader.run())
    try:
        yield
    finally:
        following.cancel()


@contextlib.contextmanager
def _stopping() -> Iterator[asyncio.Event]:
    """Wait for a signal to stop; at the end the process is about to end by itself, with the right
    status.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Not the loop's own handlers: with the loop's end they would be gone before the process is.
    _handle(STOPPING, lambda _number, _frame: loop.call_soon_threadsafe(stop.set))
    try:
        yield stop
    finally:
        _handle((*STOPPING, signal.SIGHUP), signal.SIG_IGN)


def _handle(
    numbers: Iterable[signal.Signals],
    handler: Callable[[int, FrameType | None], object] | signal.Handlers,
) -> None:
    for number in numbers:
        signal.signal(number, handler)
