"""The servers of a benchmark: started on loopback, each on its core, ended with the benchmark."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

from bench import proc

ROOT: Final = Path(__file__).resolve().parents[1]
LISTENING: Final = r"listening on (https?://\S+)\n"
START_TIMEOUT: Final = 20.0  # seconds
STOP_TIMEOUT: Final = 30.0

_CORES: Final = sorted(os.sched_getaffinity(0))
SERVER_CORE: Final = _CORES[0]
LOAD_CORE: Final = _CORES[1 % len(_CORES)]
UPSTREAM_CORE: Final = _CORES[2] if len(_CORES) > 2 else LOAD_CORE
SPARE_CORE: Final = _CORES[3] if len(_CORES) > 3 else LOAD_CORE

_NEEDED: Final = {
    "redis-server": "redis-server",
    "slapd": "slapd",
    "taskset": "util-linux",
    "setpriv": "util-linux",
}  # program: Debian package


class Missing(Exception):
    """Something to install first."""


def check_programs() -> None:
    """Raises ``Missing``."""
    packages = {package for program, package in _NEEDED.items() if shutil.which(program) is None}
    if packages:
        raise Missing(f"install first: apt-get install {' '.join(sorted(packages))}")


class Server:
    """A process that says on standard output when it is ready.

    ``ready`` is the pattern of that line; its groups are ``addresses``. ``core`` may be several:
    "0,1". Standard error goes to ``errors``, or to the file descriptor ``stderr``.
    """

    def __init__(
        self,
        command: Sequence[str],
        core: int | str,
        ready: str,
        directory: Path,
        name: str,
        stderr: int | None = None,
    ) -> None:
        self.errors = directory / f"{name}.err"
        output = directory / f"{name}.out"
        with output.open("wb") as out, self.errors.open("wb") as err:
            self._process = subprocess.Popen(
                # The kernel kills it when this process dies, however that comes about.
                ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", str(core), *command],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err if stderr is None else stderr,
            )
        try:
            self.addresses = self._wait(output, ready, name)
        except BaseException:
            self.stop()
            raise

    def _wait(self, output: Path, ready: str, name: str) -> tuple[str, ...]:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self._process.poll() is None:
            found = re.search(ready, output.read_text())
            if found:
                return found.groups()
            time.sleep(0.002)
        raise RuntimeError(f"{name} did not start\n{output.read_text()}{self.errors.read_text()}")

    @property
    def url(self) -> str:
        return self.addresses[0]

    @property
    def pid(self) -> int:
        return self._process.pid

    def cpu_seconds(self) -> float:
        return proc.cpu_seconds(self._process.pid)

    def open_files(self) -> int:
        return proc.open_files(self._process.pid)

    def resident_mib(self) -> float:
        return proc.resident_mib(self._process.pid)

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@contextlib.contextmanager
def on(core: int) -> Iterator[None]:
    """This thread stays on ``core`` meanwhile, and the processes that it starts ever after."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, mine)


def stub(directory: Path) -> Server:
    command = [sys.executable, "-m", "bench.stub"]
    return Server(command, UPSTREAM_CORE, LISTENING, directory, "stub")


def floor(directory: Path, kind: str, redis_url: str, upstream: str) -> Server:
    command = [sys.executable, "-m", "bench.floor", kind, redis_url, upstream]
    return Server(command, SERVER_CORE, LISTENING, directory, f"{kind}-floor")


def redis(directory: Path, name: str = "redis") -> Server:
    port = _free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    command = ["redis-server", *options]
    server = Server(command, UPSTREAM_CORE, "Ready to accept connections", directory, name)
    server.addresses = (f"redis://127.0.0.1:{port}",)
    return server


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
