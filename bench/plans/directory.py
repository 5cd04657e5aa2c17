"""What a login by a directory costs, search and bind, against the same with a library alone."""

from __future__ import annotations

import functools
import gc
import itertools
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple

import uvloop

from bench import directories, fresh
from bench.directories import Directory
from bench.directory_logins import (
    IN_FLIGHT,
    Cost,
    Way,
    ldap3_in_threads,
    ldap3_one_by_one,
    provider,
    python_ldap_on_the_loop,
    run,
    somebody,
)
from bench.figures import Effort, Figure, paired
from gateway.app import GC_THRESHOLD

USERS: Final = 1_000
MANY_USERS: Final = 100_000
SHARE: Final = 5  # a run has so many fewer logins than those of other plans

WAYS: Final[Mapping[str, Callable[..., Way]]] = {
    "ld": functools.partial(provider, driver="ldap3"),
    "lp": functools.partial(provider, driver="python-ldap"),
    "lb": python_ldap_on_the_loop,
    "l1": ldap3_one_by_one,
    "l16": ldap3_in_threads,
}
_OVER: Final = {"": "", "s": ", TLS"}


def _compared(tls: str) -> tuple[Figure, ...]:
    over = _OVER[tls]
    return (
        Figure(f"T8{tls}", f"python-ldap driver{over}: CPU / bare, on the loop", "x", at_most=2.0),
        Figure(f"T9{tls}", f"python-ldap driver{over}: CPU / ldap3, 16 threads", "x", at_most=0.2),
        Figure(f"T8d{tls}", f"default driver{over}: CPU / ldap3, one by one", "x", at_most=1.0),
        Figure(f"T9d{tls}", f"default driver{over}: CPU / ldap3, 16 threads", "x"),
        Figure(f"ld{tls}", f"default driver{over}", "us"),
        Figure(f"lp{tls}", f"python-ldap driver{over}", "us"),
        Figure(f"lb{tls}", f"bare python-ldap on the loop{over}", "us"),
        Figure(f"l1{tls}", f"bare ldap3, one by one{over}", "us"),
        Figure(f"l16{tls}", f"bare ldap3, 16 threads{over}", "us"),
    )


FIGURES: Final = (
    *_compared(""),
    *_compared("s"),
    Figure("T10", "python-ldap driver: CPU, LDAPS / LDAP", "x", at_most=1.3),
    Figure("T10d", "default driver: CPU, LDAPS / LDAP", "x", at_most=1.3),
    Figure("rd", "default driver, 32 in flight", "1/s"),
    Figure("rp", "python-ldap driver, 32 in flight", "1/s"),
    Figure("rb", "bare python-ldap on the loop, 32 in flight", "1/s"),
    Figure("r16", "bare ldap3, 16 threads, 32 in flight", "1/s"),
    Figure("T24", "time of a login, 100,000 entries / 1,000", "x", at_most=1.2),
    Figure("n1k", "time of a login, one after the other, 1,000 entries", "us"),
    Figure("n100k", "the same, 100,000 entries", "us"),
)


def measure(effort: Effort) -> Mapping[str, list[float]]:
    with (
        tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder,
        directories.running(Path(folder, "few"), USERS) as few,
        directories.running(Path(folder, "many"), MANY_USERS) as many,
    ):
        costs = fresh.run(_measure, few, many, effort)
    cpu = {name: [cost.cpu_us for cost in values] for name, values in costs.items()}
    time = {name: [cost.seconds * 1e6 for cost in values] for name, values in costs.items()}
    return {
        **cpu,
        **{name: value for tls in _OVER for name, value in _ratios(cpu, tls)},
        "T10": paired(cpu["lps"], cpu["lp"]),
        "T10d": paired(cpu["lds"], cpu["ld"]),
        **{f"r{way}": [cost.rate for cost in costs[f"l{way}"]] for way in ("d", "p", "b", "16")},
        "T24": paired(time["n100k"], time["n1k"]),
        "n1k": time["n1k"],
        "n100k": time["n100k"],
    }


def _ratios(cpu: Mapping[str, list[float]], tls: str) -> Iterator[tuple[str, list[float]]]:
    yield f"T8{tls}", paired(cpu[f"lp{tls}"], cpu[f"lb{tls}"])
    yield f"T9{tls}", paired(cpu[f"lp{tls}"], cpu[f"l16{tls}"])
    yield f"T8d{tls}", paired(cpu[f"ld{tls}"], cpu[f"l1{tls}"])
    yield f"T9d{tls}", paired(cpu[f"ld{tls}"], cpu[f"l16{tls}"])


def _measure(few: Directory, many: Directory, effort: Effort) -> dict[str, list[Cost]]:
    return uvloop.run(_rounds(_parts(few, many), effort))


class Part(NamedTuple):
    """What gets its turn in each round."""

    way: Way
    directory: Directory
    in_flight: int


def _parts(few: Directory, many: Directory) -> dict[str, Part]:
    one_by_one = functools.partial(provider, driver="ldap3", tls=False)
    return {
        **{
            f"{name}{tls}": Part(way(few, tls=bool(tls)), few, IN_FLIGHT)
            for tls in _OVER
            for name, way in WAYS.items()
        },
        "n1k": Part(one_by_one(few), few, 1),
        "n100k": Part(one_by_one(many), many, 1),
    }


async def _rounds(parts: Mapping[str, Part], effort: Effort) -> dict[str, list[Cost]]:
    logins = effort.logins // SHARE
    costs: dict[str, list[Cost]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        ways = {name: await stack.enter_async_context(part.way) for name, part in parts.items()}
        gc.set_threshold(GC_THRESHOLD)  # as the gateway does when it has started
        gc.freeze()
        for turn in range(effort.rounds + 1):
            for name in list(parts)[:: 1 if turn % 2 == 0 else -1]:
                people = list(itertools.islice(somebody(parts[name].directory), logins))
                costs[name].append(await run(ways[name], people, parts[name].in_flight))
    return {name: values[1:] for name, values in costs.items()}  # the first warms up
