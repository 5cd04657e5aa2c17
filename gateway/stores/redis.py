"""The store of several processes: Redis, one round trip for each method.

Time is Redis' own, as the time to live of the keys. The scripts and the names of keys are in
``_scripts``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Sequence
from typing import Final, Protocol

from redis.exceptions import NoScriptError, ResponseError

from gateway.stores import (
    WRONG,
    Limited,
    Pending,
    Started,
    StoreUnavailable,
    Verdict,
    Window,
    _record,
    _scripts,
)
from gateway.stores._channel import Reply
from gateway.stores._pipeline import Pipeline, Word
from gateway.stores._redis_url import SENTINEL, RedisUrl, connection_pool
from gateway.stores._scripts import Script, limits, of_challenge, of_windows
from gateway.stores._sentinel import master_pool
from providers import current_trace, span

_ATTRIBUTES: Final = {"db.system.name": "redis"}


class Link(Protocol):
    """The way to a server."""

    def send(self, *words: Word, repeatable: bool = False) -> Awaitable[Reply]:
        """See ``Pipeline.send``."""

    async def close(self) -> None:
        """See ``Pipeline.close``."""


class RedisStore:
    """See ``Store``."""

    def __init__(self, link: Link, name: str) -> None:
        self._link = link
        self._name = name

    @classmethod
    def connect(cls, url: RedisUrl, *, timeout: float) -> RedisStore:
        """See ``open_store``."""
        if url.scheme == SENTINEL:
            name = f"redis {url.service}"
            pool = master_pool(url, connections=1, timeout=timeout)
        else:
            address = url.addresses[0]
            name = f"redis {address}"
            pool = connection_pool(address, url.login, connections=1, connect_timeout=timeout / 2)
        return cls(Pipeline(pool, name=name, timeout=timeout), name)

    async def start(
        self,
        key: bytes,
        pending: Pending,
        *,
        count: Sequence[Window],
        check: Sequence[Window],
        spend: Sequence[Window],
    ) -> Started | Limited:
        """See ``Store``."""
        windows = [*count, *check, *spend]
        reply = await self._run(
            _scripts.START,
            of_challenge(key) + of_windows(windows),
            _record.pack(pending),
            pending.lifetime_ms,
            pending.resend_ms,
            len(count),
            len(check),
            limits(windows),
        )
        if len(reply) == 2:
            return limited_by(reply, windows)
        deliver, fresh, turn, expires_ms, resend_ms, memo = reply
        return Started(bool(deliver), bool(fresh), memo, expires_ms, resend_ms, turn)

    async def read(self, key: bytes) -> bytes | None:
        """See ``Store``."""
        record = await self._run_command("redis read", b"GET", of_challenge(key)[0])
        return _record.memo(record) if record else None

    async def withdraw(self, key: bytes, *, fresh: bool, spent: Sequence[Window]) -> None:
        """See ``Store``."""
        await self._run(_scripts.WITHDRAW, of_challenge(key) + of_windows(spent), int(fresh))

    async def take(
        self,
        key: bytes,
        digest: bytes,
        *,
        lease: bytes,
        lease_ms: int,
        count: Sequence[Window],
        failures: Sequence[Window],
    ) -> Verdict | Limited:
        """See ``Store``."""
        windows = [*count, *failures]
        reply = await self._run(
            _scripts.TAKE,
            of_challenge(key) + of_windows(windows),
            digest,
            lease,
            lease_ms,
            len(count),
            limits(windows),
        )
        if not reply:
            return WRONG
        if isinstance(reply[0], int):
            return limited_by(reply, windows)
        memo, leased = reply
        return Verdict(leased=bool(leased), busy=not leased, memo=memo)

    async def finish(self, key: bytes, lease: bytes, *, forget: Sequence[Window]) -> bool:
        """See ``Store``."""
        keys = of_challenge(key) + of_windows(forget)
        return bool(await self._run(_scripts.FINISH, keys, lease, repeatable=True))

    async def release(self, key: bytes, lease: bytes) -> None:
        """See ``Store``."""
        await self._run(_scripts.RELEASE, of_challenge(key)[1:], lease, repeatable=True)

    async def count(self, windows: Sequence[Window]) -> Limited | None:
        """See ``Store``."""
        full = await self._run(_scripts.COUNT, of_windows(windows), limits(windows))
        return limited_by(full, windows) if full else None

    async def uncount(self, windows: Sequence[Window], by: int = 1) -> None:
        """See ``Store``."""
        await self._run(_scripts.UNCOUNT, of_windows(windows), by)

    async def forget(self, windows: Sequence[Window]) -> None:
        """See ``Store``."""
        if windows:
            await self._run_command("redis forget", b"DEL", *of_windows(windows))

    async def open(self) -> None:
        """See ``Store``."""
        with contextlib.suppress(StoreUnavailable):
            await self.ping()

    async def ping(self) -> None:
        """See ``Store``."""
        await self._run(_scripts.PING, _scripts.named(b"ping"), repeatable=True)

    async def close(self) -> None:
        """See ``Store``."""
        await self._link.close()

    async def _run(
        self, script: Script, keys: list[bytes], *args: Word, repeatable: bool = False
    ) -> Reply:
        step, words = script.step, (len(keys), *keys, *args)
        try:
            try:
                return await self._send(step, b"EVALSHA", script.sha, *words, repeatable=repeatable)
            except NoScriptError:  # Redis was restarted; EVAL teaches it the script again
                return await self._send(step, b"EVAL", script.text, *words, repeatable=repeatable)
        except ResponseError as error:
            raise self._refused(error) from error

    async def _run_command(self, step: str, *words: Word) -> Reply:
        try:
            return await self._send(step, *words, repeatable=True)
        except ResponseError as error:
            raise self._refused(error) from error

    def _send(self, step: str, *words: Word, repeatable: bool) -> Awaitable[Reply]:
        if current_trace.get() is None:  # mostly: spare a coroutine
            return self._link.send(*words, repeatable=repeatable)
        return self._send_traced(step, words, repeatable)

    async def _send_traced(self, step: str, words: tuple[Word, ...], repeatable: bool) -> Reply:
        with span(step, _ATTRIBUTES):
            return await self._link.send(*words, repeatable=repeatable)

    def _refused(self, error: ResponseError) -> StoreUnavailable:
        return StoreUnavailable(f"{self._name}: {error}")


def limited_by(full: tuple[int, int], windows: Sequence[Window]) -> Limited:
    """What ``full`` of ``windows.lua`` says; the windows were the last keys of the script."""
    retry_after_ms, place = full
    return Limited(retry_after_ms, windows[place])
