"""``python -m gateway`` as people run it: to its end, or at a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from tests.servers.gateway import ROOT

COMMAND = (sys.executable, "-m", "gateway")


def environment(added: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process' environment without GATEWAY_ variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    return {**kept, **(added or {})}


def run(
    *arguments: str, typed: str = "", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, ``typed`` on its standard input."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=environment(env),
        input=typed,
        capture_output=True,
        text=True,
        timeout=30.0,
        check=False,
    )


class Terminal:
    """A command at a terminal of its own, from ``with`` to its end."""

    def __init__(self, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=ROOT,
            env=environment(),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.shown = ""
        self._seen = 0

    def wait_for(self, text: str, within: float = 15.0) -> None:
        """Wait until ``text`` is shown, after what was waited for before."""
        deadline = time.monotonic() + within
        while (found := self.shown.find(text, self._seen)) < 0:
            left = deadline - time.monotonic()
            assert left > 0, f"no {text!r}: {self.shown!r}"
            assert self._read(left), f"ended without {text!r}: {self.shown!r}"
        self._seen = found + len(text)

    def _read(self, within: float) -> bool:
        if not select.select([self._master], [], [], within)[0]:
            return True
        try:
            chunk = os.read(self._master, 65536)
        except OSError:  # the other side is closed
            return False
        self.shown += chunk.decode(errors="replace")
        return bool(chunk)

    def enter(self, text: str) -> None:
        os.write(self._master, f"{text}\n".encode())

    def interrupt(self) -> int:
        """Send what Ctrl-C sends; wait for the end and return the exit status.

        A signal that comes just before Python waits for input has an effect only after it: so it
        is sent again.
        """
        for _ in range(10):
            self._process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self._process.wait(1.0)
        raise TimeoutError(self.shown)

    def end(self, within: float = 15.0) -> int:
        """Wait for the end and return the exit status."""
        deadline = time.monotonic() + within
        while self._read(0.1):
            assert time.monotonic() < deadline, self.shown
        return self._process.wait(within)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        os.close(self._master)
        self._process.kill()
        self._process.wait()
