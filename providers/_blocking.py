"""Calls that block, off the event loop: each in a thread of its own, and only so many at a time.

A thread cannot be stopped. Whoever waits for one may leave; the thread keeps its place until its
call ends, so that calls that are stuck never become more than there are places.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class Places:
    """At most ``size`` calls at a time; more wait for their turn."""

    def __init__(self, size: int) -> None:
        self._free = asyncio.Semaphore(size)

    async def run(self, call: Callable[[], T], discard: Callable[[T], object]) -> T:
        """Return what ``call`` returns, or raise what it raises.

        What a call returns to nobody, because the waiter was cancelled, goes to ``discard``.
        """
        await self._free.acquire()
        done: Future[T] = Future()
        done.set_running_or_notify_cancel()
        loop = asyncio.get_running_loop()
        done.add_done_callback(lambda _: _tell(loop, self._free.release))
        # A daemon: a call that is stuck must not keep the process from ending.
        thread = Thread(target=_run, args=(call, done), name="blocking", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # there may be no more threads
            done.set_exception(error)
        try:
            return await asyncio.wrap_future(done)
        except asyncio.CancelledError:
            done.add_done_callback(partial(_discard, discard))
            raise


def _run(call: Callable[[], T], done: Future[T]) -> None:
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - it is raised where the call is waited for
        done.set_exception(error)
    else:
        done.set_result(result)


def _tell(loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits
        loop.call_soon_threadsafe(what)


def _discard(discard: Callable[[T], object], done: Future[T]) -> None:
    if done.exception() is None:
        discard(done.result())
