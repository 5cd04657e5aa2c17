"""Random bytes without a system call for each."""

from __future__ import annotations

import os
from typing import Final

DRAWN: Final = 4096  # bytes at a time


class Randomness:
    """Bytes of ``os.urandom``, each given out once. Not to be shared with a forked process."""

    def __init__(self) -> None:
        self._drawn = b""
        self._given = 0

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes, at most ``DRAWN``."""
        end = self._given + size
        if end > len(self._drawn):
            self._drawn, end = os.urandom(DRAWN), size
        self._given = end
        return self._drawn[end - size : end]
