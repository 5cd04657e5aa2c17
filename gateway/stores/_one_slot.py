"""The single steps of which calls to a cluster are made: each is atomic, its keys in one slot."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.stores import Limited, Started, Window, _scripts
from gateway.stores._scripts import limits, of_challenge, of_windows
from gateway.stores.redis import RedisStore, limited_by


class OneSlot(RedisStore):
    """See ``Store``; all keys of a call must be in one slot. Further steps are added."""

    async def look(self, windows: Sequence[Window]) -> Limited | None:
        """What ``count`` would say, without counting."""
        full = await self._run(_scripts.LOOK, of_windows(windows), limits(windows), repeatable=True)
        return limited_by(full, windows) if full else None

    async def peek(self, key: bytes) -> Started | None:
        """What ``start`` would say, if nothing is to be delivered."""
        found = await self._run(_scripts.PEEK, of_challenge(key)[:1], repeatable=True)
        if not found:
            return None
        _, _, turn, expires_ms, resend_ms, memo = found
        return Started(False, False, memo, expires_ms, resend_ms, turn)

    async def claim(self, windows: Sequence[Window]) -> Limited | list[int]:
        """Count one event in each window, or none; return how many ms each of them goes on."""
        reply: list[int] = await self._run(_scripts.CLAIM, of_windows(windows), limits(windows))
        return limited_by((reply[0], reply[1]), windows) if reply[-1] < 0 else reply

    async def take_back(self, windows: Sequence[Window], left_ms: Sequence[int]) -> None:
        """Undo what ``claim`` did, where the same window is still open."""
        await self._run(_scripts.TAKE_BACK, of_windows(windows), *left_ms)

    async def try_out(self, tag: bytes) -> None:
        """Raise ``StoreUnavailable`` unless all can be done in the slot of ``tag``."""
        await self._run(_scripts.PING, _scripts.named(tag), repeatable=True)
