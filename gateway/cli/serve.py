"""``serve``: run until SIGTERM or SIGINT, then drain."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Callable
from typing import Final

import structlog

from config import load
from gateway import logs, pem
from gateway.app import Gateway
from gateway.plan import plan

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
        for number in STOPPING:
            loop.add_signal_handler(number, stop.set)
        gateway = await Gateway.start(planned, options.listen, options.admin)
        try:
            print(f"listening on {gateway.public_url}", flush=True)
            if gateway.admin_url:
                print(f"admin on {gateway.admin_url}", flush=True)
            await stop.wait()
            log.info("draining")
        finally:
            await gateway.stop()
            for number in STOPPING:  # it is about to end by itself, with the right status
                loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_IGN)

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve())
    except OSError as error:
        print(f"cannot listen: {error.strerror or error}")
        return 1
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster event loop, where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
