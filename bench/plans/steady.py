"""Memory over a million logins: what has ended must be gone.

The engine with all its layers, in one process, on a clock of its own: a login each second. One in
five never types the code, so that challenges end by themselves, too. The longest window is a day.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

import uvloop

from bench import fresh, proc
from bench.figures import Effort, Figure
from config import Limit, Model
from gateway import logs
from gateway.addresses import AddressTemplate
from gateway.apps import App, Apps
from gateway.audit import Audit
from gateway.desk import Desk
from gateway.digests import Digests
from gateway.errands import Errands
from gateway.issuer import Sandbox
from gateway.login import Engine
from gateway.method import Method
from gateway.metrics import Metrics
from gateway.outcomes import CodeSent, LoginRequest, SignedIn
from gateway.places import Places
from gateway.stores.memory import MemoryStore
from gateway.throttle import Throttle
from providers import Attempt, Budget, CodeChallenge, Context, Fields, Identity, Provider

APP: Final = "com.example.messenger"
CODE: Final = "123456"
DAY: Final = 86_400.0
FORGETFUL: Final = 5  # one in so many types no code
PER_PHONE: Final = (Limit(5, 3600.0), Limit(10, DAY))

FIGURES: Final = (
    Figure("T20", "memory growth over 1,000,000 logins, steady state", "MiB", at_most=10),
)


def measure(effort: Effort) -> Mapping[str, list[float]]:
    return {"T20": [fresh.run(_growth, effort.entries)]}


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class FixedCode(Provider[Model]):
    """Phone login whose every code is the same and travels nowhere."""

    Config: ClassVar[type[Model]] = Model
    purpose = "logins without messages"
    sends_code = True

    def identify(self, fields: Fields) -> str | None:
        return fields.get("phone")

    async def begin(self, attempt: Attempt, fields: Fields) -> CodeChallenge:
        budgets = (Budget("phone", attempt.identity, PER_PHONE),)
        return CodeChallenge(_nobody, 600.0, 60.0, code=CODE, budgets=budgets)

    async def resume(self, attempt: Attempt, memo: bytes, fields: Fields) -> Identity:
        return Identity(subject=attempt.identity, phone=attempt.identity)


async def _nobody(code: str, turn: int) -> None:
    """Deliver to nobody."""


def _growth(logins: int) -> float:
    """MiB, over so many logins after two days of them."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), logs.STANDARD_ERROR)
        logs.configure("info", "json")
        return uvloop.run(_drive(logins, before=int(2 * DAY)))


async def _drive(logins: int, before: int) -> float:
    clock = Clock()
    engine = _engine(MemoryStore(clock=clock))
    await _sign_in(engine, clock, range(before))
    resident = proc.resident_mib(os.getpid())
    await _sign_in(engine, clock, range(before, before + logins))
    return proc.resident_mib(os.getpid()) - resident


def _engine(store: MemoryStore) -> Engine:
    metrics = Metrics()
    digests = Digests(b"k" * 32)
    throttle = Throttle(digests, [Limit(60, 300.0)], [Limit(5, 900.0)])
    desk = Desk.set_up(store, digests, throttle, Sandbox(), metrics, Errands())
    provider = FixedCode("phone", Model(), Context(metrics))
    method = Method(provider, AddressTemplate.parse("{phone}", "phone"), Places("phone"))
    return Engine(Apps({APP: App(APP, (method,))}), desk, Audit(metrics))


async def _sign_in(engine: Engine, clock: Clock, people: range) -> None:
    for number in people:
        clock.now += 1.0
        phone, client = f"1415{number:07}", f"10.{number % 2**16 >> 8}.{number % 2**8}.1"
        sent = await engine.login(LoginRequest(APP, None, None, {"phone": phone}, client))
        assert isinstance(sent, CodeSent), sent
        if number % FORGETFUL:
            fields: Fields = {"phone": phone, "otp": CODE}
            signed_in = await engine.login(LoginRequest(APP, None, None, fields, client))
            assert isinstance(signed_in, SignedIn), signed_in
        await asyncio.sleep(0)  # the loop's own turn: it drops timers that were cancelled
