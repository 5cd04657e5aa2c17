"""What processes count in files of their own, another one adds up."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from gateway.sheets import Key, SharedSheet, Totals

A: Key = ("a_total", "x", 'quo"te\\ \n', "")
B: Key = ("b_seconds", "ü")
WIDE = 14


@pytest.fixture
def totals() -> Iterator[Totals]:
    totals = Totals()
    yield totals
    for file in [*totals.files]:
        totals.leave(file, lambda _name: False)


def told(totals: Totals) -> dict[Key, list[float]]:
    return {key: [*numbers] for key, numbers in totals.totals()}


def count(file: IO[bytes]) -> None:
    sheet = SharedSheet(file.fileno())
    sheet.row(A, 1)[0] += 1
    wide = sheet.row(B, WIDE)
    for at in range(WIDE):
        wide[at] += at + 0.5


def test_of_one_process(totals: Totals) -> None:
    count(totals.follow())
    assert told(totals) == {A: [1.0], B: [at + 0.5 for at in range(WIDE)]}


def test_sums_are_of_all_and_of_what_is_counted_here(totals: Totals) -> None:
    totals.row(A, 1)[0] += 5
    for _ in range(3):
        count(totals.follow())
    assert told(totals) == {A: [8.0], B: [3 * at + 1.5 for at in range(WIDE)]}


def test_rows_are_read_while_they_are_counted_in(totals: Totals) -> None:
    row = SharedSheet(totals.follow().fileno()).row(A, 1)
    for expected in range(100):
        assert told(totals) == {A: [expected]}
        row[0] += 1


def test_key_has_one_row(totals: Totals) -> None:
    sheet = SharedSheet(totals.follow().fileno())
    for _ in range(10):
        sheet.row(A, 1)[0] += 1
    assert told(totals) == {A: [10.0]}


@pytest.mark.parametrize("length", [1, 7, 8, 9, 1000, 300_000, 600_000])
def test_files_grow(totals: Totals, length: int) -> None:
    sheet = SharedSheet(totals.follow().fileno())
    keys = [("a_total", f"{number:0{length}}") for number in range(2 + 1_000_000 // (length + 100))]
    rows = [sheet.row(key, 1 + number % 3) for number, key in enumerate(keys)]
    for number, row in enumerate(rows):
        row[-1] += number
    assert told(totals) == {key: [0.0] * (number % 3) + [number] for number, key in enumerate(keys)}


def test_what_lasts_of_a_process_that_is_gone(totals: Totals) -> None:
    gone, alive = totals.follow(), totals.follow()
    for file in (gone, alive):
        count(file)
    totals.leave(gone, lambda name: name == A[0])
    assert gone.closed
    assert told(totals) == {A: [2.0], B: [at + 0.5 for at in range(WIDE)]}
    totals.leave(alive, lambda name: name == A[0])
    assert told(totals) == {A: [2.0]}


def test_what_a_process_counted_that_was_killed(totals: Totals) -> None:
    file = totals.follow()
    code = (
        "import sys, time; from gateway.sheets import SharedSheet\n"
        f"SharedSheet(int(sys.argv[1])).row({A!r}, 1)[0] += 7\n"
        "print(flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(file.fileno())]
    with subprocess.Popen(command, pass_fds=[file.fileno()], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        process.kill()
        assert process.wait() == -signal.SIGKILL
    totals.leave(file, lambda _name: True)
    assert told(totals) == {A: [7.0]}


def test_row_that_is_being_made_is_not_there_yet(totals: Totals) -> None:
    file = totals.follow()
    count(file)
    os.pwrite(file.fileno(), b"\0\0\0\0", 0)  # the size of the first key
    assert told(totals) == {}


def test_without_room_counting_goes_on(totals: Totals, capsys: pytest.CaptureFixture[str]) -> None:
    file = totals.follow()
    sheet = SharedSheet(file.fileno())
    full = os.fstat(file.fileno()).st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (full, before[1]))
        rows = [sheet.row(("a_total", str(number)), 5000) for number in range(8)]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    for row in rows:
        row[-1] += 1
    assert 0 < len(told(totals)) < len(rows)
    assert "no room for metrics" in capsys.readouterr().out
    assert os.fstat(file.fileno()).st_size == full


def test_without_any_room_no_process_begins() -> None:
    with Path("/dev/full").open("wb") as full, pytest.raises(OSError, match="No space left"):
        SharedSheet(full.fileno())
