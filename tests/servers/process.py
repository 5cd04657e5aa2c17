"""A server process for a test: started in the foreground, waited for, and gone at the end.

Standard library only.
"""

from __future__ import annotations

import ctypes
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

HOST = "127.0.0.1"
# Below the range that the kernel takes outgoing connections' ports from (32768 and up), so that
# none of those gets the port before the server does.
PORTS = range(20_000, 32_000)
PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a process gets when its parent dies

_libc = ctypes.CDLL(None, use_errno=True)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of the loopback that nobody uses at the moment."""
    for _ in range(100):
        port = random.choice(PORTS)
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port between {PORTS.start} and {PORTS.stop}")


class Process:
    """One child process with its own folder; its output goes to ``NAME.log`` there.

    It is killed when the test run dies, however that ends.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        folder: Path,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.argv = argv
        self.folder = folder
        self.log = folder / f"{name}.log"
        self._env = os.environ | dict(env or {})
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def child(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._child

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start the program; raises ``RuntimeError`` if it is not installed."""
        try:
            with self.log.open("ab") as output:
                self._child = self._spawn(output)
        except FileNotFoundError:
            raise RuntimeError(
                f"{self.argv[0]} is not installed; `make servers` installs what the tests need"
            ) from None

    def _spawn(self, output: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.argv,
            cwd=self.folder,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # signals go to the server and its children, and nobody else
            preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
        )

    def wait(self, ready: Callable[[], object], timeout: float = 30.0) -> None:
        """Poll until ``ready`` says so (an ``OSError`` means: not yet)."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not self.running:
                raise RuntimeError(f"{self.name} ended ({self.child.returncode}):\n{self.tail()}")
            try:
                if ready():
                    return
            except OSError:
                pass
            time.sleep(0.01)
        raise RuntimeError(f"{self.name} is not ready after {timeout:g} s:\n{self.tail()}")

    def tail(self, size: int = 2500) -> str:
        """The end of what the process has printed."""
        return self.log.read_text(errors="replace")[-size:]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and its children."""
        if self.running:
            os.killpg(self.child.pid, number)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.signal(signal.SIGKILL)
        self.child.wait()

    def stop(self, grace: float = 5.0) -> None:
        """End it in order, and by force if that takes too long. Harmless when it has ended."""
        if self._child is None:
            return
        self.signal(signal.SIGCONT)  # a stopped process hears nothing else
        self.signal(signal.SIGTERM)
        try:
            self.child.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill()
