"""Where metrics have their numbers: in memory, or in a file that another process reads.

Such a file is a sequence of rows, each one written once and counted in ever after: the size of its
key (4 bytes, padded to 8 with spaces) and how many numbers it has (4), the key (a JSON array), the
numbers (8 each, floating point). All is in the byte order of the machine. A size of 0 says that the
next row is in the next chunk, or that there is none.
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator
from operator import add
from pathlib import Path
from typing import IO, Final, TypeAlias

import structlog

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - files without a name are made in it
_CHUNK: Final = 1 << 18  # bytes; a multiple of what can be mapped
_HEAD: Final = struct.Struct("=II")

Key = tuple[str, ...]
"""The name of a metric, and the values of its labels."""

Row: TypeAlias = "list[float] | memoryview[float]"
"""Numbers to count in."""

log = structlog.get_logger()


class Sheet:
    """Rows in memory."""

    def __init__(self) -> None:
        self._rows: dict[Key, Row] = {}

    def row(self, key: Key, width: int) -> Row:
        """The row of a key, with so many numbers; at first they are 0."""
        found = self._rows.get(key)
        if found is None:
            found = self._rows[key] = self._new(key, width)
        return found

    def _new(self, _key: Key, width: int) -> Row:
        return [0.0] * width

    def totals(self) -> Iterable[tuple[Key, Row]]:
        """Every row."""
        return self._rows.items()


class SharedSheet(Sheet):
    """Rows in a file, for a process that has nobody else write to it.

    Raises ``OSError`` if there is no room for any.
    """

    def __init__(self, file: int) -> None:
        super().__init__()
        self._file = file
        self._size = os.fstat(file).st_size
        self._room = self._more(_CHUNK)

    def _more(self, needed: int) -> memoryview:
        size = -(-needed // _CHUNK) * _CHUNK
        # Written, not just made longer: where there is no room, this fails, and counting would.
        if os.pwrite(self._file, bytes(size), self._size) < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        mapped = mmap.mmap(self._file, size, offset=self._size)
        self._size += size
        return memoryview(mapped)

    def _new(self, key: Key, width: int) -> Row:
        name = json.dumps(key).encode()
        name = name.ljust(-(-len(name) // 8) * 8)
        first = _HEAD.size + len(name)
        needed = first + 8 * width
        try:
            if needed > len(self._room):
                self._room = self._more(needed)
        except OSError as error:
            # What it counts is told to nobody; what is counted goes on.
            log.warning("no room for metrics", detail=error.strerror)
            return super()._new(key, width)
        row, self._room = self._room[:needed], self._room[needed:]
        row[_HEAD.size : first] = name
        sizes = row[: _HEAD.size].cast("I")
        sizes[1] = width
        sizes[0] = len(name)  # at last: from now on it is there
        return row[first:].cast("d")


class Totals(Sheet):
    """Own rows, and those of other processes: ``totals`` are the sums."""

    def __init__(self) -> None:
        super().__init__()
        self.files: set[IO[bytes]] = set()

    def follow(self) -> IO[bytes]:
        """Make a file for another process, and count what is in it from now on."""
        in_memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
        file = tempfile.TemporaryFile(dir=in_memory)  # noqa: SIM115 - closed by ``leave``
        self.files.add(file)
        return file

    def leave(self, file: IO[bytes], lasting: Callable[[str], bool]) -> None:
        """Close the file of a process that is gone, and keep of it the metrics that last."""
        self.files.discard(file)
        with file:
            for key, numbers in _rows(file.fileno()):
                if lasting(key[0]):
                    own = self.row(key, len(numbers))
                    for at, number in enumerate(numbers):
                        own[at] += number

    def totals(self) -> Iterable[tuple[Key, Row]]:
        """See ``Sheet``."""
        sums = dict(super().totals())
        for file in self.files:
            for key, numbers in _rows(file.fileno()):
                sums[key] = [*map(add, sums[key], numbers)] if key in sums else numbers
        return sums.items()


def _rows(file: int) -> Iterator[tuple[Key, Row]]:
    content = memoryview(os.pread(file, os.fstat(file).st_size, 0))
    at = 0
    while at < len(content):
        named, width = _HEAD.unpack_from(content, at)
        if not named:
            at += _CHUNK - at % _CHUNK
            continue
        first = at + _HEAD.size + named
        at = first + 8 * width
        key = json.loads(bytes(content[first - named : first]))
        yield tuple(key), content[first:at].cast("d")
