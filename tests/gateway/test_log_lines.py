"""Log lines that nobody takes are lost, and nothing else is."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import resource
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from select import PIPE_BUF

import pytest
import structlog

from gateway import log_lines, logs
from gateway.log_lines import PIPE, Lines
from tests.gateway.conftest import Site, site_config
from tests.gateway.waiting import until
from tests.servers.gateway import COMMAND, GatewayProcess

LINE = b"x" * 99
LONG = b"y" * 10_000  # more than a pipe takes in one piece


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Lines]]:
    """A file in which lines get, and what ``Lines`` says of itself."""
    path = tmp_path / "log"
    with path.open("wb") as file:
        monkeypatch.setattr(logs, "STANDARD_ERROR", file.fileno())
        logs.configure("info", "json")
        yield path, log_lines.to(file.fileno())
    structlog.reset_defaults()
    log_lines.to.cache_clear()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    for end in (reading, writing):
        try:
            os.close(end)
        except OSError:  # closed by the test
            continue


def everything(reading: int) -> bytes:
    taken = b""
    while True:
        try:
            more = os.read(reading, 1 << 16)
        except BlockingIOError:
            return taken
        if not more:
            return taken
        taken += more


def fill(lines: Lines, line: bytes = LINE) -> int:
    """Write more than fits; return how many lines."""
    count = 3 * PIPE // (len(line) + 1)
    for _ in range(count):
        lines.msg(line)
    return count


@pytest.mark.parametrize("line", [LINE, LONG], ids=["short", "long"])
def test_pipe_that_nobody_reads_holds_nobody_up(pipe: tuple[int, int], line: bytes) -> None:
    reading, writing = pipe
    lines = Lines(writing)
    written = fill(lines, line)
    kept = everything(reading).split(b"\n")
    assert PIPE / 2 < len(line) * len(kept) <= PIPE
    assert set(kept[:-1]) == {line}
    lines.msg(b"afterwards")  # behind the rest of a line that was begun
    lines.msg(b"again")
    rest = (kept[-1] + everything(reading)).split(b"\n")
    assert rest[-3:] == [b"afterwards", b"again", b""]
    assert set(rest[:-3]) <= {line}
    assert len(kept) - 1 + len(rest) - 3 < written


def test_other_writers_of_the_pipe_still_wait(pipe: tuple[int, int]) -> None:
    Lines(pipe[1])
    assert os.get_blocking(pipe[1])


def test_socket_that_nobody_reads_holds_nobody_up() -> None:
    reading, writing = socket.socketpair()
    with reading, writing:
        lines = Lines(writing.fileno())
        fill(lines)
        assert writing.getblocking()
        reading.setblocking(False)
        assert set(everything(reading.fileno()).split(b"\n")[:-1]) == {LINE}
        lines.msg(b"afterwards")
        assert everything(reading.fileno()).endswith(b"afterwards\n")
        assert isinstance(lines._write, functools.partial)
        lines._write.args[0].close()  # outside of tests it is open as long as the process lives


def test_reader_that_is_gone_is_no_error(pipe: tuple[int, int]) -> None:
    lines = Lines(pipe[1])
    os.close(pipe[0])
    fill(lines)


def test_full_disk_is_no_error() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        fill(Lines(full))
    finally:
        os.close(full)


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_how_many_were_lost_is_told_once_lines_get_through(log: tuple[Path, Lines]) -> None:
    path, lines = log
    with files_of_at_most(0):
        for _ in range(7):
            lines.msg(LINE)
    assert path.read_bytes() == b""
    with files_of_at_most(3):  # what is told is lost, too
        lines.msg(b"{}")
    lines.msg(b"{}")
    lines.msg(b"{}")
    told = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.get("lines") for line in told] == [None, None, 8, None]
    assert (told[2]["event"], told[2]["level"]) == ("log lines were lost", "error")


# -- the gateway


StartLogging = Callable[[str, str], Site]


@pytest.fixture
def start_logging(shared_site: Site, tmp_path: Path) -> Iterator[StartLogging]:
    """Start a gateway whose log goes to a file, in a style."""
    with contextlib.ExitStack() as running:

        def start(file: str, style: str) -> Site:
            mesibo, sms = shared_site.mesibo, shared_site.sms
            config = site_config(mesibo, sms, logging={"format": style})
            command = ("sh", "-c", f'exec "$@" 2>{file}', "sh", *COMMAND)
            gateway = GatewayProcess(tmp_path, config, command=command)
            return Site(running.enter_context(gateway), mesibo, sms)

        yield start


@pytest.mark.parametrize("style", ["json", "console"])
def test_gateway_signs_in_with_a_full_disk(start_logging: StartLogging, style: str) -> None:
    site = start_logging("/dev/full", style)
    assert all(site.logs_in() for _ in range(20))
    assert site.gateway.stop() == 0


@pytest.fixture
def unread(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A pipe that somebody has open and does not read from, and that is full after ``fill_up``."""
    path = tmp_path / "unread"
    os.mkfifo(path)
    both = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    yield path, both
    os.close(both)


def fill_up(both: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(both, b"x" * 4096)


@pytest.mark.parametrize("style", ["json", "console"])
def test_gateway_signs_in_though_nobody_reads_its_log(
    start_logging: StartLogging, unread: tuple[Path, int], style: str
) -> None:
    path, both = unread
    site = start_logging(str(path), style)
    fill_up(both)
    assert all(site.logs_in() for _ in range(20))
    everything(both)
    assert site.logs_in()
    taken = b""

    def told() -> bool:
        nonlocal taken
        taken += everything(both)
        return b"log lines were lost" in taken

    until(told)
    assert site.gateway.stop() == 0


@pytest.fixture
async def gathering(pipe: tuple[int, int]) -> AsyncIterator[tuple[int, Lines]]:
    reading, writing = pipe
    lines = Lines(writing)
    lines.gather(asyncio.get_running_loop())
    yield reading, lines
    lines.gather(None)


async def test_lines_of_one_turn_are_written_together(gathering: tuple[int, Lines]) -> None:
    reading, lines = gathering
    lines.msg(b"one")
    lines.msg(b"two")
    assert everything(reading) == b""
    await asyncio.sleep(0)
    assert everything(reading) == b"one\ntwo\n"
    lines.msg(b"three")
    await asyncio.sleep(0)
    assert everything(reading) == b"three\n"


async def test_what_is_written_together_is_no_more_than_what_stays_together(
    gathering: tuple[int, Lines], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, lines = gathering
    written: list[bytes] = []

    def write(data: bytes) -> int:
        written.append(data)
        return len(data)

    monkeypatch.setattr(lines, "_write", write)
    for _ in range(100):
        lines.msg(LINE)
    lines.msg(LONG)
    lines.msg(LINE)
    await asyncio.sleep(0)
    *most, long, last = written
    assert all(len(data) <= PIPE_BUF for data in most)
    assert len(most) == 3  # of 4,096 bytes
    assert b"".join(most) == (LINE + b"\n") * 100
    assert (long, last) == (LONG + b"\n", LINE + b"\n")


async def test_each_line_that_is_lost_counts(
    gathering: tuple[int, Lines], log: tuple[Path, Lines], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, lines = gathering

    def full(data: bytes) -> int:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(lines, "_write", full)
        for _ in range(3):
            lines.msg(LINE)
        await asyncio.sleep(0)
    lines.msg(b"afterwards")
    await asyncio.sleep(0)
    assert everything(reading) == b"afterwards\n"
    assert b'"lines":3' in log[0].read_bytes()


async def test_line_of_another_thread_waits_for_nobody(gathering: tuple[int, Lines]) -> None:
    reading, lines = gathering
    other = threading.Thread(target=lines.msg, args=(b"there",))
    other.start()
    other.join()
    assert everything(reading) == b"there\n"


async def test_nothing_is_left_when_gathering_ends(gathering: tuple[int, Lines]) -> None:
    reading, lines = gathering
    lines.msg(b"last")
    lines.gather(None)
    assert everything(reading) == b"last\n"
    lines.msg(b"at once")
    assert everything(reading) == b"at once\n"
