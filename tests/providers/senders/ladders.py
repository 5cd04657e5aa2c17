"""What the tests of ladders share: several vendors, and a ladder of senders to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from providers._senders import Ladder, Message
from tests.servers.sms import SmsVendor

NAMES = ("first", "second", "third")
SUCCESS = {"status": [202], "json": {"status": "accepted"}}
REFUSED = {"status": [400], "json": {"code": "invalid_number"}}


class Clock:
    """Stands still."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Scripted:
    """A sender that does what no vendor does on demand."""

    def __init__(self, name: str, script: Callable[[float], Awaitable[str | None]]) -> None:
        self.name = name
        self._script = script

    async def send(self, message: Message, within: float) -> str | None:
        return await self._script(within)

    async def close(self) -> None: ...

    async def check(self) -> list[str]:
        return [f"{self.name}: cannot work"]


def stop_clocks(ladder: Ladder) -> Clock:
    """Give the ladder's breakers one clock that only the test moves."""
    clock = Clock()
    for rung in ladder._rungs:
        rung.breaker._clock = clock
    return clock


def sent(vendors: list[SmsVendor]) -> list[int]:
    """Return how many messages left each vendor."""
    return [len(vendor.messages) for vendor in vendors]


def asked(vendors: list[SmsVendor]) -> list[int]:
    """Return how many requests reached each vendor."""
    return [len(vendor.calls) for vendor in vendors]
