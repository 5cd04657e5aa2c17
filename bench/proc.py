"""What Linux says of a process: /proc, see proc(5)."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_PROC: Final = Path("/proc")
_TICKS: Final = os.sysconf("SC_CLK_TCK")  # per second


class Stat(NamedTuple):
    """Two facts of /proc/PID/stat."""

    parent: int
    ticks: int  # CPU time, user and system

    @classmethod
    def parse(cls, text: str) -> Stat:
        """The name of the program, in parentheses, may hold anything."""
        fields = text[text.rindex(")") + 2 :].split()
        return cls(parent=int(fields[1]), ticks=int(fields[11]) + int(fields[12]))


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its descendants."""
    return sum(stat.ticks for _, stat in _tree(pid)) / _TICKS


def resident_mib(pid: int) -> float:
    """Resident memory of a process and its descendants."""
    return sum(resident_kib((_PROC / str(p) / "status").read_text()) for p, _ in _tree(pid)) / 1024


def open_files(pid: int) -> int:
    """Files of a process, which connections are, too."""
    return len(list((_PROC / str(pid) / "fd").iterdir()))


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [process for process, stat in _all() if stat.parent == pid]


def resident_kib(status: str) -> int:
    """``VmRSS`` of a /proc/PID/status."""
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1])


def _tree(pid: int) -> Iterator[tuple[int, Stat]]:
    stats = dict(_all())
    children: dict[int, list[int]] = defaultdict(list)
    for child, stat in stats.items():
        children[stat.parent].append(child)
    found = [pid]
    for process in found:
        yield process, stats[process]
        found += children[process]


def _all() -> Iterator[tuple[int, Stat]]:
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                yield int(folder.name), Stat.parse((folder / "stat").read_text())
            except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                continue
