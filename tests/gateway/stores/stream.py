"""Logins, one after the other by several people at once, while something happens to the store."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from typing import Any

from gateway.stores import Store, StoreUnavailable
from tests.gateway.stores.values import LEASE_MS, RIGHT, pending, window, wrong

PEOPLE = 8
LIMIT = 1_000_000


class Stream:
    """People who sign in over and over, and what comes of it.

    A login is a code asked for, a wrong try, the right code, a token, and the same code once more.
    Whoever hears that the store is unavailable asks the same again, as an app would.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self.tokens: Counter[bytes] = Counter()
        self.lost: list[bytes] = []  # whose code was gone before it was used
        self.failures: list[float] = []  # when calls failed (monotonic)
        self.slowest = 0.0  # seconds until a call failed or was answered
        self.texts: Counter[str] = Counter()
        self.others: list[BaseException] = []
        self.successes: list[float] = []  # when tokens were handed out

    async def __aenter__(self) -> Stream:
        self._tasks = [asyncio.create_task(self._person()) for _ in range(PEOPLE)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def _person(self) -> None:
        while not self._stopping:
            await self._login(os.urandom(16))

    async def _login(self, key: bytes) -> None:
        ip, failures = [window("ip", LIMIT)], [window(key.hex(), LIMIT)]
        spend = [window("sms", LIMIT), window(f"sms {key.hex()}", LIMIT)]
        await self._ask("start", key, pending(), count=ip, check=failures, spend=spend)
        limits = {"lease_ms": LEASE_MS, "count": ip, "failures": failures}
        await self._ask("take", key, wrong(), lease=os.urandom(8), **limits)
        for first in (True, False):
            lease = os.urandom(8)
            verdict = await self._ask("take", key, RIGHT, lease=lease, **limits)
            if verdict is None or verdict.busy:  # leased by a try that nobody answered
                return
            if verdict.leased and await self._ask("finish", key, lease, forget=failures):
                self.tokens[key] += 1
                self.successes.append(time.monotonic())
            elif first and not self._stopping:
                self.lost.append(key)

    async def _ask(self, name: str, *args: Any, **options: Any) -> Any:
        """Ask until there is an answer; None if the stream ends before."""
        while not self._stopping:
            try:
                return await self._timed(name, *args, **options)
            except StoreUnavailable:
                await asyncio.sleep(0.02)
        return None

    async def _timed(self, name: str, *args: Any, **options: Any) -> Any:
        began = time.monotonic()
        try:
            return await getattr(self._store, name)(*args, **options)
        except StoreUnavailable as error:
            self.failures.append(time.monotonic())
            self.texts[str(error)] += 1
            raise
        except Exception as error:
            self.others.append(error)
            raise
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)
