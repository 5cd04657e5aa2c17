"""What tells a file from its predecessor under the same name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

State = tuple[int, ...] | None  # of a file; None: it cannot be read


def states(files: Iterable[Path]) -> dict[Path, State]:
    """The states of some files. Blocks."""
    return {path: _state(path) for path in files}


def _state(path: Path) -> State:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size
