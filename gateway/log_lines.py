"""Log lines to standard error that hold nobody up.

A full disk, a reader that is gone or reads no more: none of these is a reason to fail a login, or
to stop the event loop. The lines are lost then; how many is told as soon as one gets through.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import os
import socket
import stat
import threading
from collections.abc import Callable
from select import PIPE_BUF  # bytes that are never mixed with those of another process
from typing import Final

import structlog

PIPE: Final = 1 << 20  # bytes: some thousands of lines, for a reader that is slow for a moment

log = structlog.get_logger()


class Lines:
    """Writes whole lines to a file descriptor; the methods are those of a logger."""

    def __init__(self, descriptor: int) -> None:
        self._write = _without_waiting(descriptor)
        self._rest = b""  # of a line that fitted in part
        self._lost = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._gathered: list[bytes] = []

    def gather(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """From now on write together what comes in one turn of a loop, by its thread; None: don't.

        A write costs about as much as all else that a line does.
        """
        self._flush()
        self._loop = loop
        self._thread = threading.get_ident()

    def msg(self, line: bytes) -> None:
        """Write a line, or lose it."""
        if self._loop is None or threading.get_ident() != self._thread:
            self._put([line])
            return
        if not self._gathered:
            self._loop.call_soon(self._flush)
        self._gathered.append(line)

    debug = info = warning = error = critical = msg

    def _flush(self) -> None:
        lines, self._gathered = self._gathered, []
        piece: list[bytes] = []
        size = 0
        for line in lines:
            size += len(line) + 1
            if size > PIPE_BUF and piece:
                self._put(piece)
                piece, size = [], len(line) + 1
            piece.append(line)
        if piece:
            self._put(piece)

    def _put(self, lines: list[bytes]) -> None:
        data = self._rest + b"\n".join(lines) + b"\n"
        try:
            written = self._write(data)
        except OSError:
            self._lost += len(lines)
            return
        # Only the part that is missing from a line which has begun: the next one goes behind it.
        self._rest = data[written:]
        if self._lost:
            self._tell()

    def _tell(self) -> None:
        lost, self._lost = self._lost, 0
        log.error("log lines were lost", lines=lost)
        if self._lost:  # that one, too
            self._lost += lost


@functools.cache
def to(descriptor: int) -> Lines:
    """The lines of a descriptor; always the same, as each may open another descriptor."""
    return Lines(descriptor)


def _without_waiting(descriptor: int) -> Callable[[bytes], int]:
    """What writes to ``descriptor``, and raises ``BlockingIOError`` where it would have to wait.

    Others have the same open file, so it must not be changed for them: a pipe is opened once more,
    a socket is told with each write. Terminals and files are written to as they are.
    """
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(mode):
        connected = socket.socket(fileno=os.dup(descriptor))
        return functools.partial(_send, connected)
    if stat.S_ISFIFO(mode):
        # Not everywhere, and not if it belongs to another user.
        with contextlib.suppress(OSError):
            again = f"/proc/self/fd/{descriptor}"
            descriptor = os.open(again, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE)
    return functools.partial(os.write, descriptor)


def _send(connected: socket.socket, data: bytes) -> int:
    return connected.send(data, socket.MSG_DONTWAIT)
