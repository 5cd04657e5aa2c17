"""``serve``: run until SIGTERM or SIGINT, then drain; SIGHUP reloads the configuration."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Callable
from types import FrameType
from typing import Final

import structlog

from config import load
from gateway import logs, pem
from gateway.app import Gateway
from gateway.plan import plan
from gateway.reload import Reloader

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger()


def run(options: argparse.Namespace) -> int:
    """Serve the configuration. Raises ``ConfigError``."""
    loaded = load(options.config)
    settings = loaded.settings
    logs.configure(settings.logging.level, settings.logging.format)
    for warning in loaded.document.warnings:
        log.warning(warning)
    planned = plan(loaded)
    pem.require(loaded)

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        # Not the loop's own handlers: with the loop's end they would be gone before the process is.
        _handle(lambda _number, _frame: loop.call_soon_threadsafe(stop.set))
        gateway = await Gateway.start(planned, options.listen, options.admin)
        reloader = Reloader(options.config, planned, gateway.reload, gateway.metrics)
        signal.signal(signal.SIGHUP, lambda *_: loop.call_soon_threadsafe(reloader.ask))
        reloading = asyncio.create_task(reloader.run())
        try:
            print(f"listening on {gateway.url}", flush=True)
            if gateway.admin_url:
                print(f"admin on {gateway.admin_url}", flush=True)
            await stop.wait()
            log.info("draining")
        finally:
            reloading.cancel()
            await gateway.stop()
            # It is about to end by itself, with the right status.
            _handle(signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve())
    except OSError as error:
        print(f"cannot listen: {error.strerror or error}")
        return 1
    return 0


def _handle(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    for number in STOPPING:
        signal.signal(number, handler)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster event loop, where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
