"""What a connection costs: to take one in, with and without TLS, and to keep it."""

from __future__ import annotations

import contextlib
import functools
import ssl
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import trustme

from bench import load, visits
from bench.bed import Bed
from bench.figures import Effort, Figure, paired, rounds
from bench.gateway import Gateway
from bench.journey import CONNECTIONS, WrongAnswers

KEPT: Final = 2_000
SHARE: Final = 2  # a run has so many fewer requests than those of other plans
KEYS: Final = {
    "e": ("ECDSA P-256", trustme.KeyType.ECDSA),
    "r": ("RSA 2048", trustme.KeyType.RSA),
}
_BODY: Final = b'{"op":"logout","dt":"1"}'
_LOGOUT: Final = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
_GOOD: Final = b'"result":"OK"'

FIGURES: Final = (
    Figure("Nk", "logout over a connection that is kept: CPU", "us"),
    Figure("Nf", "logout over a connection of its own: CPU", "us"),
    *(
        Figure(f"N{key}", f"the same, TLS 1.3, {name}: CPU", "us")
        for key, (name, _) in KEYS.items()
    ),
    *(
        Figure(f"N{key}f", f"TLS, {name}: CPU / without TLS", "x")
        for key, (name, _) in KEYS.items()
    ),
    Figure("Nm", "memory of an idle connection", "KiB"),
    Figure("Nmt", "the same with TLS", "KiB"),
)


class _Certificate(NamedTuple):
    """For the configuration of a gateway, and for who trusts it."""

    tls: dict[str, str]
    client: ssl.SSLContext


class _Door(NamedTuple):
    """How requests get in."""

    gateway: Gateway
    client: ssl.SSLContext | None = None


def measure(effort: Effort) -> Mapping[str, list[float]]:
    figures: dict[str, list[float]] = defaultdict(list)
    requests = effort.logins // SHARE
    with _doors() as doors:
        parts = [
            functools.partial(_kept, doors["f"], requests, figures["Nk"]),
            *(
                functools.partial(_fresh, door, requests, figures[f"N{name}"])
                for name, door in doors.items()
            ),
        ]
        rounds(1, parts)  # warms up
        for values in figures.values():
            values.clear()
        rounds(effort.rounds, parts)
        figures["Nm"].append(_memory(doors["f"]))
        figures["Nmt"].append(_memory(doors["e"]))
    ratios = {f"N{key}f": paired(figures[f"N{key}"], figures["Nf"]) for key in KEYS}
    return {**figures, **ratios}


@contextlib.contextmanager
def _doors() -> Iterator[dict[str, _Door]]:
    with contextlib.ExitStack() as stack:
        scratch = tempfile.TemporaryDirectory(prefix="gateway-bench-")
        folder = Path(stack.enter_context(scratch))
        bed = stack.enter_context(Bed())

        def gateway(name: str, **changes: Any) -> Gateway:
            return stack.enter_context(bed.start_gateway(redis=False, name=name, changes=changes))

        doors = {"f": _Door(gateway("plain"))}
        for key, (name, kind) in KEYS.items():
            certificate = _certificate(folder / key, kind)
            doors[key] = _Door(gateway(name, tls=certificate.tls), certificate.client)
        yield doors


def _certificate(folder: Path, kind: trustme.KeyType) -> _Certificate:
    folder.mkdir()
    authority = trustme.CA(key_type=kind)
    files = {"certificate": folder / "certificate.pem", "private_key": folder / "key.pem"}
    leaf = authority.issue_cert("127.0.0.1", key_type=kind)
    leaf.private_key_pem.write_to_path(files["private_key"])
    files["private_key"].chmod(0o600)
    leaf.cert_chain_pems[0].write_to_path(files["certificate"])
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return _Certificate({name: str(path) for name, path in files.items()}, client)


def _kept(door: _Door, requests: int, values: list[float]) -> None:
    cpu = door.gateway.cpu_seconds()
    run = load.closed(door.gateway.url, [_LOGOUT] * requests, _GOOD, CONNECTIONS)
    values.append(_cost(door, cpu, run))


def _fresh(door: _Door, requests: int, values: list[float]) -> None:
    cpu = door.gateway.cpu_seconds()
    messages = [_LOGOUT] * requests
    run = visits.closed(door.gateway.url, messages, _GOOD, CONNECTIONS, door.client)
    values.append(_cost(door, cpu, run))


def _cost(door: _Door, cpu_before: float, run: load.Run) -> float:
    """Microseconds for each request. Raises ``WrongAnswers``."""
    if run.bad:
        raise WrongAnswers(f"{run.bad} wrong answers to logout")
    return (door.gateway.cpu_seconds() - cpu_before) / len(run.latencies) * 1e6


def _memory(door: _Door) -> float:
    """KiB of a connection that has had an answer and waits for the next request."""
    before = door.gateway.resident_mib()
    with visits.staying(door.gateway.url, _LOGOUT, KEPT, door.client):
        return (door.gateway.resident_mib() - before) * 1024 / KEPT
