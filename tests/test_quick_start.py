"""The README's quick start, as it is written: `make run`, then its two requests."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.gateway import post
from tests.servers.output import Output

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


class MakeRun:
    """`make run`, but on free ports and in the virtual environment that the tests run in."""

    def __init__(self) -> None:
        arguments = "ARGS=--listen 127.0.0.1:0 --admin 127.0.0.1:0"
        self.output = Output()
        self.process = subprocess.Popen(
            ["make", "run", f"VENV={sys.prefix}", arguments],
            cwd=ROOT,
            env={key: value for key, value in os.environ.items() if not key.startswith("MAKE")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        if self.process.stdout is not None:
            self.output.follow("all", self.process.stdout, lambda line: None)

    def printed(self, pattern: str) -> str:
        """Wait for a line and return the group in it."""
        found = re.compile(f"^{pattern}$", re.MULTILINE)
        assert self.output.wait(lambda: bool(found.search(self.text)), 60.0), self.text
        match = found.search(self.text)
        assert match is not None
        return match[1]

    @property
    def text(self) -> str:
        return self.output.text("all")


@pytest.fixture
def make_run() -> Iterator[MakeRun]:
    running = MakeRun()
    yield running
    if running.process.poll() is None:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()
    running.output.join(5.0)


def test_documented_requests_work_against_make_run_at_once(make_run: MakeRun) -> None:
    first, second = re.findall(r"^curl -X POST .*--data '([^']*)'", README, re.MULTILINE)
    url = make_run.printed(r"listening on (http://\S+)")
    headers = {"Content-Type": "application/json"}
    assert post(url, first, headers).json["challenge"]["kind"] == "code"
    code = make_run.printed(r"code for 18005551234: (\d{6})")
    answer = post(url, re.sub(r"(?<=otp: \")\d+", code, second), headers).json
    assert answer["result"] is True
    assert answer["token"]


@pytest.mark.parametrize(
    ("number", "to_group"),
    [(signal.SIGTERM, False), (signal.SIGTERM, True), (signal.SIGINT, True)],
    ids=["kill", "kill the group", "Ctrl-C"],
)
def test_signal_to_make_drains_the_gateway(
    make_run: MakeRun, number: signal.Signals, to_group: bool
) -> None:
    url = make_run.printed(r"listening on (http://\S+)")
    (os.killpg if to_group else os.kill)(make_run.process.pid, number)
    make_run.process.wait(15.0)
    make_run.output.join(5.0)
    assert "draining" in make_run.text
    with pytest.raises(ConnectionRefusedError):
        post(url)
