"""A circuit breaker: an upstream that fails again and again is left alone for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable

from providers._base import Unavailable


class Breaker:
    """Opens after ``threshold`` failures in a row; after ``pause`` seconds one call may try.

    Only failures to answer count: an answer that says no costs nothing to ask for. Each such try
    that fails doubles the pause, up to ``longest`` seconds (by default it stays as it is).
    """

    def __init__(
        self,
        upstream: str,
        *,
        threshold: int = 10,
        pause: float = 2.0,
        longest: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._upstream = upstream
        self._threshold = threshold
        self._first_pause = self._pause = pause
        self._longest = max(pause, longest)
        self._clock = clock
        self._failures = 0
        self._probing = False
        self._next_try = 0.0  # when a call may try; counts while open

    @property
    def wait(self) -> float:
        """Seconds until a call may try; 0 while closed, or when one may try now."""
        if self._failures < self._threshold:
            return 0.0
        return max(0.0, self._next_try - self._clock())

    def enter(self) -> None:
        """Ask before a call. Raises ``Unavailable`` while open."""
        if self._failures < self._threshold:
            return
        wait = self.wait
        if wait > 0:
            raise Unavailable(self._upstream, "left alone after repeated failures", wait)
        # This call is the probe; the others go on waiting for its result.
        self._probing = True
        self._next_try = self._clock() + self._pause

    def succeeded(self) -> None:
        """The upstream answered."""
        self._failures = 0
        self._probing = False
        self._pause = self._first_pause

    def failed(self) -> None:
        """The upstream did not answer."""
        self._failures += 1
        if self._probing:
            self._pause = min(self._pause * 2, self._longest)
        elif self._failures != self._threshold:
            return  # too few yet, or under way since before it opened
        self._probing = False
        self._next_try = self._clock() + self._pause
