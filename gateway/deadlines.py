"""A deadline for what takes longer than anything should, at next to no cost for all else."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Final

LOOKS: Final = 25  # in the time of a deadline: what is late ends so much later at most


class Deadline:
    """Ends what takes more than ``seconds``, as ``asyncio.timeout`` does, but for the timers.

    There is one timer for all: hardly anything is ever late.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._running: dict[_Watched, None] = {}  # what began first is first
        self._running_loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self) -> _Watched:
        """Watch the current task inside a ``with`` block; the block raises ``TimeoutError``."""
        if self._running_loop is None:  # asking for it is a system call
            self._running_loop = asyncio.get_running_loop()
        loop = self._running_loop
        if self._timer is None:
            self._look_later(loop)
        return _Watched(self._running, asyncio.current_task(loop), loop.time())

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self.seconds / LOOKS, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        due = loop.time() - self.seconds
        for watched in self._running:
            if watched.began > due:
                break
            watched.cancel()
        if self._running:
            self._look_later(loop)


class _Watched:
    """See ``Deadline``."""

    __slots__ = ("_cancelling", "_is_late", "_running", "_task", "began")

    def __init__(
        self, running: dict[_Watched, None], task: asyncio.Task[Any] | None, began: float
    ) -> None:
        if task is None:
            raise RuntimeError("not in a task")
        self._running = running
        self._task = task
        self._cancelling = task.cancelling()
        self._is_late = False
        self.began = began  # loop time

    def cancel(self) -> None:
        """It is late."""
        if not self._is_late:
            self._is_late = True
            self._task.cancel()

    def __enter__(self) -> None:
        self._running[self] = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        del self._running[self]
        if not self._is_late:
            return
        from_here = self._task.uncancel() <= self._cancelling
        if from_here and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error
