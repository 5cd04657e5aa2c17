"""What is wrong with a configuration file, and where: never what was written there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path as FilePath

Path = tuple[str | int, ...]
"""Keys and list indexes (from 0), from the root of the file downwards."""

_LONGEST_KEY = 64  # characters shown


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right. ``line`` and ``column`` count from 1; ``message`` holds no value."""

    file: str
    line: int
    column: int
    path: Path
    message: str

    def __str__(self) -> str:
        """Return ``FILE:LINE:COL: path.to.key: message``, in one line."""
        place = f"{self.file}:{self.line}:{self.column}: "
        if not self.path:
            return place + self.message
        return place + ".".join(_shown(part) for part in self.path) + ": " + self.message


class ConfigError(Exception):
    """The operator's failure: the configuration cannot be used. Every problem, in file order.

    ``files``: whose change may put it right, as far as known.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.files: frozenset[FilePath] = frozenset()
        self.problems = sorted(problems, key=lambda problem: (problem.line, problem.column))
        super().__init__(self.problems)

    def __str__(self) -> str:
        """Return the problems, one line each."""
        return "\n".join(str(problem) for problem in self.problems)


def _shown(part: str | int) -> str:
    """Keep a strange key from filling the screen or forging a line of its own."""
    text = str(part)
    if len(text) > _LONGEST_KEY:
        text = text[:_LONGEST_KEY] + "…"
    return text if text and text.isprintable() else json.dumps(text)
