"""Work in a process of its own, on the servers' core: its memory is its alone."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import ParamSpec, TypeVar

from bench.servers import SERVER_CORE

P = ParamSpec("P")
T = TypeVar("T")


def run(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What ``work`` returns."""
    return run_on(SERVER_CORE, work, *args, **kwargs)


def run_on(core: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same, on another core."""
    with ProcessPoolExecutor(
        max_workers=1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=os.sched_setaffinity,
        initargs=(0, {core}),
    ) as pool:
        return pool.submit(work, *args, **kwargs).result()
