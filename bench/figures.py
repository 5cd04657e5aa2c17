"""Figures: values over the rounds, their medians, and what they must be."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Figure:
    """Something measured. ``at_most`` or ``at_least`` is the target; without, it only informs."""

    id: str
    what: str
    unit: str
    at_most: float | None = None
    at_least: float | None = None


@dataclass(frozen=True, slots=True)
class Effort:
    """How much work a benchmark may do."""

    rounds: int
    logins: int  # in a run
    seconds: float  # of a paced run
    entries: int  # pending challenges


def paired(values: Sequence[float], base: Sequence[float]) -> list[float]:
    """Ratios round by round: what disturbs the machine disturbs both halves of a round."""
    return [value / other for value, other in zip(values, base, strict=True)]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least ``percent`` of ``values`` do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(len(ordered) * percent / 100)) - 1]


def rounds(number: int, parts: Sequence[Callable[[], None]]) -> None:
    """Run every part once in each round, in reversed order every other round."""
    for turn in range(number):
        for part in parts if turn % 2 == 0 else reversed(parts):
            part()


def met(figure: Figure, values: Sequence[float]) -> bool:
    """Whether the median meets the target."""
    median = statistics.median(values)
    return (figure.at_most is None or median <= figure.at_most) and (
        figure.at_least is None or median >= figure.at_least
    )


HEADER: Final = f"{'':8} {'':58} {'median':>8} {'[lowest..highest]':18} {'':6} target"


def row(figure: Figure, values: Sequence[float]) -> str:
    """A line of the table."""
    median, low, high = statistics.median(values), min(values), max(values)
    must = _target(figure)
    verdict = "" if not must else "met" if met(figure, values) else "MISSED"
    spread = f"[{low:.4g}..{high:.4g}]"
    return (
        f"{figure.id:8} {figure.what:58} {median:8.4g} {spread:18} {figure.unit:6}"
        f" {must:8} {verdict}".rstrip()
    )


def _target(figure: Figure) -> str:
    if figure.at_least is not None:
        return f">= {figure.at_least:g}"
    return "" if figure.at_most is None else f"<= {figure.at_most:g}"
