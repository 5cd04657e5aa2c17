"""What a process prints, read as it comes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import IO

LINES_KEPT = 100_000  # of each pipe, the newest


class Output:
    """Pipes, each read by a thread until its end; ``note`` gets every line under the lock."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._lines: dict[str, deque[str]] = {}
        self._readers: list[threading.Thread] = []
        self._open = 0

    def follow(self, name: str, pipe: IO[str], note: Callable[[str], None]) -> None:
        self._lines[name] = deque(maxlen=LINES_KEPT)
        self._open += 1
        reader = threading.Thread(target=self._read, args=(name, pipe, note), daemon=True)
        self._readers.append(reader)
        reader.start()

    def _read(self, name: str, pipe: IO[str], note: Callable[[str], None]) -> None:
        with pipe:
            for line in pipe:
                with self._changed:
                    self._lines[name].append(line)
                    note(line)
                    self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def text(self, name: str) -> str:
        with self._changed:
            return "".join(self._lines.get(name, ()))

    def wait(self, reached: Callable[[], bool], timeout: float) -> bool:
        """Wait until ``reached`` or the end of all pipes or ``timeout``; say whether reached."""
        with self._changed:
            self._changed.wait_for(lambda: reached() or not self._open, timeout)
            return reached()

    def join(self, timeout: float) -> None:
        """Wait for the end of the pipes, so that nothing that was printed is missed."""
        for reader in self._readers:
            reader.join(timeout)
