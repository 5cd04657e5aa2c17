"""What docs/capacity.md reckons with: a login's cost to the gateway and to Redis, by mechanism."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench import directories, mechanisms, redis_usage
from bench.bed import Bed
from bench.figures import Effort, Figure, rounds
from bench.gateway import MEMORY, Gateway
from bench.journey import CONNECTIONS, Journey
from bench.mechanisms import Fields, IdentityProvider, with_passwords, with_tokens
from bench.servers import SPARE_CORE, on
from tests.servers.redis_cluster import RedisCluster
from tests.servers.redis_sentinel import RedisSentinel

USERS: Final = 1_000
SHARE: Final = 2  # a run has so many fewer logins than those of other plans

_LOGINS: Final = {
    "p": "phone",
    "e": "email",
    "l": "directory",
    "r": "ID token, RS256",
    "s": "ID token, ES256",
    "t": "phone, Sentinel",
    "c": "phone, Redis Cluster",
    "m": "phone, in memory",
}
_SPENT: Final = {
    "u": ("CPU of Redis, masters", "us"),
    "n": ("commands of Redis", ""),
    "b": ("bytes to and from Redis", "B"),
    "s": ("kept in Redis until windows end", "B"),
    "k": ("keys kept in Redis", ""),
}  # as the fields of Usage

FIGURES: Final = (
    *(Figure(f"K{login}", f"login by {what}: CPU", "us") for login, what in _LOGINS.items()),
    *(
        Figure(f"K{login}{spent}", f"login by {_LOGINS[login]}: {what}", unit)
        for login in _LOGINS
        if login != "m"
        for spent, (what, unit) in _SPENT.items()
    ),
)


class Part(NamedTuple):
    """Some logins, which give the CPU time of each, and the servers that they need."""

    sign_in: Callable[[int], float]
    masters: Sequence[str] = ()


def measure(effort: Effort) -> Mapping[str, list[float]]:
    figures: dict[str, list[float]] = defaultdict(list)
    with (
        tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder,
        Bed() as bed,
        _parts(bed, Path(folder)) as parts,
    ):
        turns = [functools.partial(_turn, k, p, effort, figures) for k, p in parts.items()]
        rounds(1, turns)  # warms up
        figures.clear()
        rounds(effort.rounds, turns)
    return figures


def _turn(name: str, part: Part, effort: Effort, figures: dict[str, list[float]]) -> None:
    costs: list[float] = []
    logins = effort.logins // SHARE
    usage = redis_usage.of_each(part.masters, logins, lambda: costs.append(part.sign_in(logins)))
    figures[f"K{name}"] += costs
    for spent, value in zip(_SPENT, usage, strict=True):
        figures[f"K{name}{spent}"].append(value)


@contextlib.contextmanager
def _parts(bed: Bed, folder: Path) -> Iterator[dict[str, Part]]:
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(directories.running(folder / "few", USERS, SPARE_CORE))
        idp = stack.enter_context(IdentityProvider())
        site = mechanisms.configured(bed.upstream_url, directory, idp)

        def gateway(name: str, store: str) -> Gateway:
            changes = {**site, "store": {"url": store}}
            return stack.enter_context(bed.start_gateway(redis=False, name=name, changes=changes))

        def phone(name: str, servers: RedisSentinel | RedisCluster) -> Part:
            with on(SPARE_CORE):
                stack.callback(servers.stop)
                servers.start()
            journey = bed.journey(gateway(name, servers.url))
            return Part(_by_code(journey), [server.url for server in servers.masters])

        alone, redis = gateway("alone", bed.redis_url), [bed.redis_url]
        by_phone, by_email = bed.journey(alone), bed.journey(alone, by="email")
        yield {
            "p": Part(_by_code(by_phone), redis),
            "e": Part(_by_code(by_email), redis),
            "l": Part(_at_once(by_phone, functools.partial(with_passwords, directory)), redis),
            "r": Part(_at_once(by_phone, functools.partial(with_tokens, idp, "RS256")), redis),
            "s": Part(_at_once(by_phone, functools.partial(with_tokens, idp, "ES256")), redis),
            "t": phone("sentinel", RedisSentinel(_made(folder / "sentinel"))),
            "c": phone("cluster", RedisCluster(_made(folder / "cluster"))),
            "m": Part(_by_code(bed.journey(gateway("memory", MEMORY)))),
        }


def _by_code(journey: Journey) -> Callable[[int], float]:
    def work(people: int) -> float:
        return sum(sample.cpu_us for sample in journey.both_steps(people, CONNECTIONS))

    return work


def _at_once(journey: Journey, logins: Callable[[int], Sequence[Fields]]) -> Callable[[int], float]:
    return lambda people: journey.ask(logins(people)).cpu_us


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
