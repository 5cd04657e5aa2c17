"""``make bench``: runs the plans and prints a line for each figure; see README.md."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import servers
from bench.figures import HEADER, Effort, Figure, met, row
from bench.journey import WrongAnswers
from bench.plans import (
    arrivals,
    capacity,
    crowd,
    directory,
    growth,
    id_tokens,
    latency,
    log_line,
    logins,
    loitering,
    many_codes,
    pending,
    process,
    slow_vendor,
    steady,
    workers,
)

FULL: Final = Effort(rounds=5, logins=10_000, seconds=4.0, entries=1_000_000)
QUICK: Final = Effort(rounds=2, logins=2_000, seconds=1.0, entries=20_000)


class Plan(Protocol):
    """A module of ``bench.plans``."""

    @property
    def FIGURES(self) -> Sequence[Figure]:  # noqa: N802 - a constant of the module
        """What it measures."""

    def measure(self, effort: Effort) -> Mapping[str, list[float]]:
        """Return the values of each figure, by its id."""


PLANS: Final[Sequence[Plan]] = (
    logins,
    latency,
    slow_vendor,
    directory,
    id_tokens,
    crowd,
    loitering,
    workers,
    process,
    pending,
    many_codes,
    steady,
    growth,
    log_line,
    capacity,
    arrivals,
)


def main() -> int:
    """Return 0 if every target was met, 1 if not, 2 if something is not installed."""
    options = _parser().parse_args()
    try:
        servers.check_programs()
        measured = _measure(QUICK if options.quick else FULL, options.only)
    except servers.Missing as error:
        print(error, file=sys.stderr)
        return 2
    except WrongAnswers as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1))
    return 0 if all(entry["met"] for entry in measured) else 1


def _measure(effort: Effort, only: str) -> list[dict[str, Any]]:
    """Print each figure as soon as it is there, and return them all."""
    print(HEADER)
    measured: list[dict[str, Any]] = []
    for plan in PLANS:
        wanted = [f for f in plan.FIGURES if re.search(only, f"{f.id} {f.what}")]
        values = plan.measure(effort) if wanted else {}
        for figure in wanted:
            print(row(figure, values[figure.id]), flush=True)
            measured.append(_document(figure, values[figure.id]))
    return measured


def _document(figure: Figure, values: Sequence[float]) -> dict[str, Any]:
    return {
        "id": figure.id,
        "what": figure.what,
        "unit": figure.unit,
        "at_most": figure.at_most,
        "at_least": figure.at_least,
        "values": values,
        "met": met(figure, values),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure what a login costs.")
    parser.add_argument(
        "--quick", action="store_true", help="two short rounds: to see that it runs"
    )
    parser.add_argument("--only", default="", metavar="REGEX", help="figures whose line matches")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all values there, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
