"""Short names for what goes into a store."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from gateway.stores import Limited, Pending, Started, Store, Verdict, Window

MINUTE = 60_000
HOUR = 60 * MINUTE
LEASE_MS = 20_000
# A real Redis goes on while a test runs: times that it tells may be so much (ms) short.
SLACK = 5_000


def digest(of: str) -> bytes:
    return hashlib.blake2b(of.encode(), digest_size=16).digest()


ALICE = digest("challenge of alice")
BOB = digest("challenge of bob")
RIGHT = digest("the right code")
MINE = b"my lease"
YOURS = b"yr lease"


def wrong(number: int = 0) -> bytes:
    return digest(f"wrong code {number}")


def window(name: str, limit: int = 5, period_ms: int = HOUR) -> Window:
    return Window(digest(name), limit, period_ms, name)


def pending(
    *,
    code: bytes = RIGHT,
    tries: int = 5,
    lifetime_ms: int = 10 * MINUTE,
    resend_ms: int = MINUTE,
    memo: bytes = b"memo",
) -> Pending:
    return Pending(code, tries, lifetime_ms, resend_ms, memo)


async def start(store: Store, key: bytes = ALICE, **options: Any) -> Started:
    """Start a challenge that no window stands against."""
    windows = {name: options.pop(name, ()) for name in ("count", "check", "spend")}
    started = await store.start(key, pending(**options), **windows)
    assert isinstance(started, Started)
    return started


async def take(
    store: Store, code: bytes = RIGHT, *, key: bytes = ALICE, lease: bytes = MINE, **options: Any
) -> Verdict:
    """Try a code that no window stands against."""
    verdict = await try_code(store, code, key=key, lease=lease, **options)
    assert isinstance(verdict, Verdict)
    return verdict


async def try_code(
    store: Store,
    code: bytes = RIGHT,
    *,
    key: bytes = ALICE,
    lease: bytes = MINE,
    count: Sequence[Window] = (),
    failures: Sequence[Window] = (),
) -> Verdict | Limited:
    return await store.take(
        key, code, lease=lease, lease_ms=LEASE_MS, count=count, failures=failures
    )


async def room(store: Store, of: Window) -> int:
    """Count a window full; return how many events it took."""
    events = 0
    while await store.count([of]) is None:
        events += 1
    return events


def about(expected_ms: int, ms: int) -> bool:
    return expected_ms - SLACK < ms <= expected_ms


def whole_story(error: BaseException) -> str:
    """What a log would show of an exception and its causes, but for the lines of code."""
    causes = traceback.TracebackException.from_exception(error, limit=0).format()
    return "".join(causes)


async def turns() -> None:
    """A few turns of the loop, in which it sends what is to be sent and hears what there is."""
    for _ in range(3):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object]) -> None:
    """Poll a condition, which may be asynchronous, for some seconds."""
    for _ in range(2_000):
        result = condition()
        if await result if inspect.isawaitable(result) else result:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came true")
