import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench import proc
from bench.proc import Stat

pytestmark = pytest.mark.alone

STAT = "4242 ({name}) S 17 4242 4242 0 -1 4194304 9 0 0 0 31 11 5 7 20 0 1 0 12345 1 2 3"


@pytest.mark.parametrize("name", ["python", "a b", "x) R 1 (y", ")"])
def test_stat_is_read_behind_the_name_of_the_program(name: str) -> None:
    assert Stat.parse(STAT.format(name=name)) == Stat(parent=17, ticks=31 + 11)


def test_resident_memory_is_read_from_status() -> None:
    assert proc.resident_kib("Name:\tx\nVmPeak:\t  9 kB\nVmRSS:\t   63508 kB\n") == 63508


def test_cpu_time_of_this_process_agrees_with_its_own_clock() -> None:
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    counted = proc.cpu_seconds(os.getpid())
    assert counted >= 0.05
    assert abs(counted - time.process_time()) < 0.1


def test_children_count() -> None:
    alone = proc.resident_mib(os.getpid())
    child = [sys.executable, "-c", "print('ready', flush=True); input()"]
    with subprocess.Popen(child, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert proc.resident_mib(os.getpid()) > alone + 4
        process.communicate(b"\n")


def test_open_files_are_counted(tmp_path: Path) -> None:
    before = proc.open_files(os.getpid())
    with contextlib.ExitStack() as stack:
        for number in range(10):
            stack.enter_context((tmp_path / str(number)).open("w"))
        assert proc.open_files(os.getpid()) == before + 10
