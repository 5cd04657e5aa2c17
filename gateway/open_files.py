"""How many files may be open: each connection is one."""

from __future__ import annotations

import contextlib
import os
import resource
from typing import Final

import structlog

SHARE: Final = 2  # a login needs its client's connection, and one to an upstream

log = structlog.get_logger()


def fill_standard() -> None:
    """Open the null device where standard input, output or error is closed.

    Else a connection would get such a number, and what is meant for a terminal with it.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def raise_limit() -> None:
    """Allow this process, and those that it starts, as many as the system lets it have.

    What it starts with, often 1,024, is for programs with ``select``, which can take no more.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # a system may allow less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def room_for(connections: int) -> int:
    """How many of so many clients' connections there are files for.

    When there are too many, the one that has been silent longest makes room. If files ran out
    first, new ones would be turned away instead, and upstreams could not be reached.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY or connections * SHARE <= files:
        return connections
    room = files // SHARE
    log.warning(
        "fewer connections than configured: raise the hard limit of open files (ulimit -n)",
        connections=room,
        configured=connections,
        files=files,
    )
    return room
