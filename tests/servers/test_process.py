from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers.process import Process, free_port

ROOT = Path(__file__).parents[2]
SLEEPER = """
import sys, time
from pathlib import Path
from tests.servers.process import Process
process = Process("sleeper", ["sleep", "60"], Path(sys.argv[1]))
process.start()
print(process.child.pid, flush=True)
time.sleep(60)
"""


def test_a_program_that_is_not_installed_is_named(tmp_path: Path) -> None:
    process = Process("server", ["no-such-server"], tmp_path)
    with pytest.raises(RuntimeError, match="no-such-server is not installed"):
        process.start()
    process.stop()


def test_a_program_that_ends_at_once_says_why(tmp_path: Path) -> None:
    process = Process("server", ["sh", "-c", "echo bad configuration; exit 3"], tmp_path)
    process.start()
    with pytest.raises(RuntimeError, match=r"server ended \(3\):\nbad configuration"):
        process.wait(lambda: False)


def test_a_program_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    process = Process("server", ["sleep", "60"], tmp_path)
    process.start()
    with pytest.raises(RuntimeError, match=r"not ready after 0\.05 s"):
        process.wait(lambda: False, timeout=0.05)
    process.stop()
    assert not process.running


def test_a_program_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    process = Process("server", ["sh", "-c", "trap '' TERM; touch ready; sleep 60"], tmp_path)
    process.start()
    process.wait((tmp_path / "ready").exists)
    process.stop(grace=0.05)
    assert not process.running


def test_a_program_dies_with_the_test_run(tmp_path: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert run.stdout is not None
    pid = int(run.stdout.readline())
    os.kill(pid, 0)  # it is there
    run.kill()
    run.communicate()
    deadline = time.monotonic() + 10
    while _running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _running(pid: int) -> bool:
    """Whether a process runs; one that is dead and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_free_port_is_below_those_of_outgoing_connections() -> None:
    assert 20_000 <= free_port() < 32_000
