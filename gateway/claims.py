"""Failures that are counted before a proof is tried, and taken back if it does not fail."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from gateway import errors
from gateway.stores import Store, StoreUnavailable, Window
from gateway.throttle import Throttle


class Claims:
    """What one login with one provider has counted in advance."""

    def __init__(self, store: Store, throttle: Throttle, provider: str) -> None:
        self.windows: list[Window] = []
        self._store = store
        self._throttle = throttle
        self._provider = provider

    async def count(self, failures: Sequence[Window], requests: Sequence[Window] = ()) -> None:
        """Count a failure, and a request that stays counted. Raises ``Refusal``."""
        full = await self._store.count([*requests, *failures])
        if full is not None:
            raise errors.TooMany(full)
        self.windows += failures

    async def account(self, account: str) -> None:
        """See ``Attempt.claim``. However often it is told, a login counts once."""
        windows = self._throttle.account_failures(self._provider, account)
        if not windows or windows[0] in self.windows:
            return
        try:
            await self.count(windows)
        except StoreUnavailable as error:
            raise errors.refusal(error) from error  # providers let it through

    async def take_back(self) -> None:
        """It was no failure."""
        windows, self.windows = self.windows, []
        if windows:
            with contextlib.suppress(StoreUnavailable):
                await self._store.uncount(windows)
