"""A circuit breaker: an upstream that fails again and again is left alone for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable

from providers import Unavailable


class Breaker:
    """Opens after ``threshold`` failures in a row; after ``pause`` seconds one call may try.

    Only failures to answer count: an answer that says no costs nothing to ask for.
    """

    def __init__(
        self,
        upstream: str,
        *,
        threshold: int = 10,
        pause: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._upstream = upstream
        self._threshold = threshold
        self._pause = pause
        self._clock = clock
        self._failures = 0
        self._closed_again = 0.0  # when the next call may try

    def enter(self) -> None:
        """Ask before a call. Raises ``Unavailable`` while open."""
        if self._failures < self._threshold:
            return
        wait = self._closed_again - self._clock()
        if wait > 0:
            raise Unavailable(self._upstream, "left alone after repeated failures", wait)
        # This call is the probe; the others go on waiting for its result.
        self._closed_again = self._clock() + self._pause

    def succeeded(self) -> None:
        """The upstream answered."""
        self._failures = 0

    def failed(self) -> None:
        """The upstream did not answer."""
        self._failures += 1
        if self._failures >= self._threshold:
            self._closed_again = self._clock() + self._pause
