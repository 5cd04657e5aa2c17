"""Refusals take alike, so that their time does not tell who is in the directory."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from typing import Final

REMEMBERED: Final = 64
BLUR: Final = 0.004  # seconds: timers of the event loop go by milliseconds

_random: Final = secrets.SystemRandom()


class Pace:
    """Lets each refusal take as long as most refusals of wrong passwords did of late.

    A server needs time to look at a password, and none for a name that it has not. A fixed time
    would be right for one server only, and a bind as a decoy would be in that server's audit log.
    """

    def __init__(self) -> None:
        self._refusals: deque[float] = deque(maxlen=REMEMBERED)  # seconds
        self._successes: deque[float] = deque(maxlen=REMEMBERED)

    def succeeded(self, seconds: float) -> None:
        """Somebody signed in, in so many seconds."""
        self._successes.append(seconds)

    async def refused(self, seconds: float, *, compared: bool) -> None:
        """Wait as long as is left, after so many seconds that a refusal took.

        ``compared``: a password was, for sure. Others come sooner: remembered, they would make
        unknown names stand out. Where servers do not tell, nothing but what successes took is to be
        gone by.
        """
        if compared:
            self._refusals.append(seconds)
        taken = sorted(self._refusals or self._successes)
        if taken:
            most = taken[len(taken) * 9 // 10]  # but not the few that found a server down
            await asyncio.sleep(most - seconds + _random.uniform(0, BLUR))
