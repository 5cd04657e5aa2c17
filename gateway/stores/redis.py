"""The store of several processes: Redis, one round trip for each method.

All keys begin with ``gw:``, followed by 22 characters that are a digest in base64::

    gw:{DIGEST}     a pending challenge, see ``_record``; ends with the challenge
    gw:{DIGEST}:l   its lease; ends with the lease
    gw:n:DIGEST     a counter; ends with its window

Time is Redis' own, as the time to live of the keys. The scripts are in ``lua/``.
"""

from __future__ import annotations

import binascii
import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from redis.asyncio.connection import ConnectionPool
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
)
from gateway.stores._pipeline import Pipeline, Reply, Word
from gateway.stores._redis_url import connection_pool, server_name


class _Script(NamedTuple):
    text: bytes
    sha: bytes


def _script(name: str) -> _Script:
    folder = Path(__file__).with_name("lua")
    text = b"".join((folder / f"{part}.lua").read_bytes() for part in ("windows", name))
    # SHA-1 is how Redis names a script; nothing is secured by it.
    return _Script(text, hashlib.sha1(text, usedforsecurity=False).hexdigest().encode())


_START: Final = _script("start")
_WITHDRAW: Final = _script("withdraw")
_TAKE: Final = _script("take")
_FINISH: Final = _script("finish")
_RELEASE: Final = _script("release")
_COUNT: Final = _script("count")
_UNCOUNT: Final = _script("uncount")


class RedisStore:
    """See ``Store``."""

    def __init__(self, pool: ConnectionPool, name: str, *, timeout: float, lanes: int) -> None:
        self._name = name
        self._pipeline = Pipeline(pool, name=name, timeout=timeout, lanes=lanes)

    @classmethod
    def from_url(cls, url: str, *, timeout: float, lanes: int) -> RedisStore:
        """See ``open_store``."""
        name = server_name(url)
        pool = connection_pool(url, connections=lanes, connect_timeout=timeout / 2)
        return cls(pool, name, timeout=timeout, lanes=lanes)

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
            _START,
            [*_challenge(key), *_names(windows)],
            _record.pack(pending),
            pending.lifetime_ms,
            pending.resend_ms,
            len(count),
            len(check),
            *_limits(windows),
        )
        if len(reply) == 2:
            return _limited(reply, windows)
        deliver, fresh, turn, expires_ms, resend_ms, memo = reply
        return Started(bool(deliver), bool(fresh), memo, expires_ms, resend_ms, turn)

    async def read(self, key: bytes) -> bytes | None:
        """See ``Store``."""
        record = await self._send(b"GET", _challenge(key)[0], repeatable=True)
        return _record.memo(record) if record else None

    async def withdraw(self, key: bytes, *, fresh: bool, spent: Sequence[Window]) -> None:
        """See ``Store``."""
        await self._run(_WITHDRAW, [*_challenge(key), *_names(spent)], int(fresh))

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
            _TAKE,
            [*_challenge(key), *_names(windows)],
            digest,
            lease,
            lease_ms,
            len(count),
            *_limits(windows),
        )
        if not reply:
            return WRONG
        if isinstance(reply[0], int):
            return _limited(reply, windows)
        memo, leased = reply
        return Verdict(leased=bool(leased), busy=not leased, memo=memo)

    async def finish(self, key: bytes, lease: bytes, *, forget: Sequence[Window]) -> bool:
        """See ``Store``."""
        keys = [*_challenge(key), *_names(forget)]
        return bool(await self._run(_FINISH, keys, lease, repeatable=True))

    async def release(self, key: bytes, lease: bytes) -> None:
        """See ``Store``."""
        await self._run(_RELEASE, _challenge(key)[1:], lease, repeatable=True)

    async def count(self, windows: Sequence[Window]) -> Limited | None:
        """See ``Store``."""
        full = await self._run(_COUNT, _names(windows), *_limits(windows))
        return _limited(full, windows) if full else None

    async def uncount(self, windows: Sequence[Window], by: int = 1) -> None:
        """See ``Store``."""
        await self._run(_UNCOUNT, _names(windows), by)

    async def forget(self, windows: Sequence[Window]) -> None:
        """See ``Store``."""
        if windows:
            await self._send(b"DEL", *_names(windows), repeatable=True)

    async def open(self) -> None:
        """See ``Store``."""
        with contextlib.suppress(StoreUnavailable):
            await self.ping()

    async def ping(self) -> None:
        """See ``Store``."""
        await self._send(b"PING", repeatable=True)

    async def close(self) -> None:
        """See ``Store``."""
        await self._pipeline.close()

    async def _run(
        self, script: _Script, keys: list[bytes], *args: Word, repeatable: bool = False
    ) -> Reply:
        words = (len(keys), *keys, *args)
        try:
            return await self._send(b"EVALSHA", script.sha, *words, repeatable=repeatable)
        except NoScriptError:  # Redis was restarted; EVAL teaches it the script again
            return await self._send(b"EVAL", script.text, *words, repeatable=repeatable)

    async def _send(self, *words: Word, repeatable: bool) -> Reply:
        try:
            return await self._pipeline.send(*words, repeatable=repeatable)
        except NoScriptError:
            raise
        except ResponseError as error:
            raise StoreUnavailable(f"{self._name}: {error}") from error


def _challenge(key: bytes) -> list[bytes]:
    """The names of a challenge and of its lease; the braces keep them in one cluster slot."""
    name = b"gw:{%b}" % _digest(key)
    return [name, name + b":l"]


def _names(windows: Sequence[Window]) -> list[bytes]:
    return [b"gw:n:" + _digest(window.key) for window in windows]


def _digest(key: bytes) -> bytes:
    return binascii.b2a_base64(key)[:22]  # without the padding


def _limits(windows: Sequence[Window]) -> list[int]:
    return [number for window in windows for number in (window.limit, window.period_ms)]


def _limited(full: tuple[int, int], windows: Sequence[Window]) -> Limited:
    """What ``full`` of ``windows.lua`` says; the windows were the last keys of the script."""
    retry_after_ms, place = full
    return Limited(retry_after_ms, windows[place])
