"""What the gateways wrote down of failures: to see why a trial went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import orjson

MOST: Final = 6  # reasons that are told


def reasons(logs: Iterable[Path]) -> list[str]:
    """The most frequent warnings and errors, with how often each came."""
    counted = Counter[str]()
    for path in logs:
        with path.open("rb") as log:
            counted.update(reason for line in log if (reason := _reason(line)))
    return [f"{count:,} x {reason}" for reason, count in counted.most_common(MOST)]


def _reason(line: bytes) -> str | None:
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError:
        return line.decode(errors="replace").strip() or None
    if fields["level"] not in ("warning", "error"):
        return None
    told = ("event", "provider", "detail", "why", "error", "where", "status", "lines")
    return " ".join(str(fields[key]) for key in told if key in fields)
