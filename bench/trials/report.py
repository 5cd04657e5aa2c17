"""Results as tables in Markdown, and whether that holds which must hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bench.trials import load
from bench.trials.faults import Fault
from bench.trials.trial import Result

NOTHING: Final = "-"
GROWS: Final = 10.0  # MiB at most

HEADER: Final = (
    "| | requests | failures | codes lost | handed out twice | made twice | answers lost"
    " | ID tokens used up | no message | p99 ms before / during / after | well again after"
    " | last one through after |\n"
    "| --- |" + " ---: |" * 11
)


def row(what: str, result: Result) -> str:
    """A line of the table of faults."""
    tally = result.tally
    cells = [
        what,
        f"{result.requests:,}",
        _kinds(result.failures),
        *map(str, (tally.codes_lost, tally.handed_out_twice, tally.made_twice)),
        *map(str, (tally.answers_lost, tally.tokens_used_up, tally.no_message)),
        " / ".join(NOTHING if each is None else f"{each * 1000:,.0f}" for each in result.p99),
        f"{result.well_after:.1f} s",
        f"{result.through_after:.1f} s",
    ]
    return f"| {' | '.join(cells)} |"


def _kinds(failures: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in sorted(failures.items())) or "0"


def endurance(result: Result, minutes: float, rate: float, capacity: float | None) -> str:
    """The table of the endurance run."""
    growth, tally = result.growth, result.tally
    share = f" ({rate / capacity:.0%} of {capacity:,.0f})" if capacity else ""
    [p99] = result.p99
    lines = {
        "minutes": f"{minutes:g}",
        "people per second": f"{rate:,.0f}{share}",
        "sign-ins": f"{tally.sign_ins:,}",
        "requests": f"{result.requests:,}",
        "failures": _kinds(result.failures),
        "codes lost": str(tally.codes_lost),
        "handed out twice": str(tally.handed_out_twice),
        "made twice": str(tally.made_twice),
        "p99": NOTHING if p99 is None else f"{p99 * 1000:.0f} ms",
        "memory of the process that grew most": (
            NOTHING
            if growth is None
            else f"{growth.first:.1f} MiB in the first third, {growth.last:.1f} MiB in the last"
        ),
    }
    return "\n".join(["| | |", "| --- | ---: |", *(f"| {k} | {v} |" for k, v in lines.items())])


def faults_of_endurance(result: Result) -> Iterator[str]:
    """What must not be, in the endurance run."""
    yield from _faults(result)
    if result.failures:
        yield f"requests failed: {_kinds(result.failures)}"
    if result.tally.made_twice:
        yield f"{result.tally.made_twice} tokens were made twice"
    if result.growth is not None and result.growth.mib > GROWS:
        yield f"a process grew by {result.growth.mib:.1f} MiB"


def faults_of(fault: Fault, result: Result) -> Iterator[str]:
    """What must not be, where a fault struck."""
    yield from _faults(result)
    if fault.harmless and result.failures:
        yield f"requests failed, and none may: {_kinds(result.failures)}"


def _faults(result: Result) -> Iterator[str]:
    tally = result.tally
    if tally.codes_lost:
        yield f"{tally.codes_lost} codes were lost"
    if tally.handed_out_twice:
        yield f"{tally.handed_out_twice} tokens were handed out twice"
    if result.lag > load.BEHIND:
        yield f"the load came {result.lag:.2f} s late: not to be believed"
