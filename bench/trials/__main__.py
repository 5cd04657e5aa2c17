"""``make trials``: an endurance run, then each fault under load; see ../README.md."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import uvloop

from bench import servers
from bench.servers import Missing
from bench.trials import cores, report
from bench.trials.faults import FAULTS, Fault
from bench.trials.load import Pace
from bench.trials.site import USUAL, Site
from bench.trials.trial import Result, Timing, capacity, endure, run_on, suffer

SHARE: Final = 0.7  # of the capacity
FULL: Final = Timing(before=10, outage=30, after=20)
QUICK: Final = Timing(before=1, outage=2, after=2)
MEASURED: Final = 8.0  # seconds, for the capacity
THINKING: Final = 4.0  # seconds at most to type a code

T = TypeVar("T")


class Trials:
    """Runs them and keeps what they print."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._quick: bool = options.quick
        self._minutes: float = 0.1 if options.quick else options.minutes
        self._rate: float | None = options.rate
        self._capacity: float | None = None  # people per second
        self._timing = QUICK if options.quick else FULL
        self.lines: list[str] = []
        self.wrong: list[str] = []

    def endurance(self) -> None:
        rate = self._people_per_second()
        with Site(USUAL) as site:
            result = _run(self._endure(site, rate))
            self._say(report.endurance(result, self._minutes, rate, self._capacity))
            self._note(site, "endurance", report.faults_of_endurance(result))

    async def _endure(self, site: Site, rate: float) -> Result:
        async with run_on(site, THINKING) as run:
            return await endure(run, rate, self._minutes * 60)

    def _people_per_second(self) -> float:
        """As told, or by the capacity, which is measured if it is not known yet."""
        if self._rate is None:
            with Site(USUAL) as site:
                pace, busy = _run(self._measure(site))
            told = "capacity: {:,.0f} people, {:,.0f} requests per second; {:.2f} of 2 cores busy"
            print(told.format(pace.sign_ins, pace.requests, busy), file=sys.stderr)
            self._capacity = pace.sign_ins
            self._rate = pace.sign_ins * SHARE
        return self._rate

    async def _measure(self, site: Site) -> tuple[Pace, float]:
        async with run_on(site, thinking=0) as run:
            return await capacity(run, 2.0 if self._quick else MEASURED)

    def faults(self, faults: Iterable[Fault]) -> None:
        rate = self._people_per_second()
        self._say(report.HEADER)
        for fault in faults:
            with Site(fault.plan) as site:
                result = _run(self._suffer(site, fault, rate * fault.share))
                self._say(report.row(fault.what, result))
                self._note(site, fault.name, report.faults_of(fault, result))

    async def _suffer(self, site: Site, fault: Fault, rate: float) -> Result:
        async with run_on(site, THINKING / 4 if self._quick else THINKING) as run:
            return await suffer(run, fault, rate, self._timing)

    def _say(self, text: str) -> None:
        print(text, flush=True)
        self.lines.append(text)

    def _note(self, site: Site, name: str, faults: Iterable[str]) -> None:
        wrong = [f"{name}: {fault}" for fault in faults]
        if wrong:
            print(*wrong, "the logs:", *site.reasons(), sep="\n", file=sys.stderr, flush=True)
        self.wrong += wrong


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)


def main() -> int:
    """Return 0 if all held that must hold, 1 if not, 2 if something is not installed."""
    options = _parser().parse_args()
    try:
        servers.check_programs()
    except Missing as error:
        print(error, file=sys.stderr)
        return 2
    os.sched_setaffinity(0, {cores.LOAD})
    trials = Trials(options)
    if re.search(options.only, "endurance"):
        trials.endurance()
        trials.lines.append("")
    faults = [fault for fault in FAULTS if re.search(options.only, f"{fault.name} {fault.what}")]
    if faults:
        trials.faults(faults)
    if options.markdown:
        options.markdown.write_text("\n".join(trials.lines) + "\n")
    return 1 if trials.wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.trials", description="Load for minutes, and faults under load."
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="of the endurance run")
    parser.add_argument(
        "--rate", type=float, help="people per second; 70 %% of the capacity if not given"
    )
    parser.add_argument("--only", default="", metavar="REGEX", help="trials whose line matches")
    parser.add_argument("--quick", action="store_true", help="all short: to see that it runs")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
