"""Deliveries that nobody waits for: what becomes of them is in the log.

From outside none of them can be told from another, so whatever happens to one takes nothing back:
its challenge stays pending and its budgets are spent, as those of somebody unknown.
"""

from __future__ import annotations

import asyncio
import random
from typing import Final

import structlog

from gateway import audit
from gateway.method import Method
from providers import Errand, LoginError, Unavailable

MAX_RUNNING: Final = 1024  # of one provider
DEADLINE: Final = 25.0  # seconds: the last resort over the deadlines of senders
RETRY_AFTER: Final = 1.0  # seconds: some will have ended
# Seconds, up to which each waits at random. Sending is work: begun at once, it would let the next
# request wait for as long as it takes, and whoever sent that would know.
SPREAD: Final = 0.25

_random = random.SystemRandom()
log = structlog.get_logger()


class Errands:
    """All deliveries of a gateway that go on after their answers."""

    def __init__(self, spread: float = SPREAD) -> None:
        self._spread = spread
        self._of: dict[str, set[asyncio.Task[None]]] = {}  # those that run, by provider

    def begin(self, method: Method, errand: Errand, request_id: str) -> None:
        """Run in the background. Raises ``Unavailable`` when too many of that provider do."""
        name = method.provider.name
        running = self._of.setdefault(name, set())
        if len(running) >= MAX_RUNNING:
            raise Unavailable(name, "too many messages are on their way", RETRY_AFTER)
        delay = _random.uniform(0.0, self._spread)
        task = asyncio.create_task(_run(method, errand, request_id, delay))
        running.add(task)
        task.add_done_callback(running.discard)

    async def finish(self, within: float) -> None:
        """Let them end, for so many seconds; then cut them off."""
        running = set().union(*self._of.values())
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=within)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def _run(method: Method, errand: Errand, request_id: str, delay: float) -> None:
    line = log.bind(request_id=request_id, provider=method.provider.name)

    try:
        await asyncio.sleep(delay)
        async with asyncio.timeout(DEADLINE):
            receipt = await method.ask(errand.run)
    except LoginError as error:
        line.warning("message", outcome="failed", detail=str(error))
    except TimeoutError:
        line.warning("message", outcome="failed", detail=f"not done within {DEADLINE:g} s")
    except asyncio.CancelledError:
        line.warning("message", outcome="failed", detail="cut off by the end of the gateway")
        raise
    else:
        if receipt is None:
            line.info("message", outcome="nobody")
        else:
            line.info("message", outcome="sent", **audit.message(receipt))
