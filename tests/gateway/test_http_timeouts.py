"""How long a connection may take, in gateways that give it less time than usual (C10)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest

from gateway import connections, server
from tests.gateway.conftest import Site, StartSite, login_request, password_login
from tests.gateway.raw_http import Wire, check, request

HEAD, BODY, IDLE = 0.3, 0.3, 0.7
LATE = 1.0  # seconds that a busy machine may add


@pytest.fixture(scope="module")
def impatient_site(start_site: StartSite) -> Site:
    tuned = {"gateway.connections.HEAD_TIMEOUT": HEAD, "gateway.server.BODY_TIMEOUT": BODY}
    return start_site(tuned)


@pytest.fixture
def impatient(impatient_site: Site, site: Site) -> Site:
    return impatient_site


def drip(wire: Wire, data: Iterator[bytes], every: float = 0.05) -> float:
    """Send piece by piece until the server closes; return after how many seconds it did."""
    started = time.monotonic()
    while wire.is_open(within=every):
        assert time.monotonic() - started < 10
        wire.send(next(data))
    return time.monotonic() - started


def endless_head() -> Iterator[bytes]:
    yield b"POST / HTTP/1.1\r\nHost: x\r\n"
    while True:
        yield b"X"


def empty_lines() -> Iterator[bytes]:
    while True:
        yield b"\r\n"


def nothing() -> Iterator[bytes]:
    while True:
        yield b""


@pytest.mark.parametrize("data", [endless_head, empty_lines, nothing])
def test_a41_a43_head_has_to_be_there_in_time(
    impatient: Site, data: Callable[[], Iterator[bytes]]
) -> None:
    with impatient.connect() as wire:
        assert HEAD - 0.1 < drip(wire, data()) < HEAD + LATE


def test_a41_later_head_on_a_connection_has_no_more_time(impatient: Site) -> None:
    with impatient.connect() as wire:
        wire.send(login_request())
        check(wire.reply())
        assert HEAD - 0.1 < drip(wire, endless_head()) < HEAD + LATE


def test_c10_connection_may_be_idle_longer_than_a_head_may_take(impatient: Site) -> None:
    with impatient.connect() as wire:
        wire.send(login_request())
        check(wire.reply())
        assert wire.is_open(within=HEAD + 0.15)


def test_c10_idle_connection_is_closed_in_the_end_and_a_busy_one_is_not(
    site: Site, start_site: StartSite
) -> None:
    tuned = {"gateway.connections.HEAD_TIMEOUT": 0.2, "gateway.connections.KEEP_ALIVE": IDLE}
    impatient = start_site(tuned)
    site.mesibo.fail(f"slow:{IDLE + 0.3}")
    with impatient.connect() as idle, impatient.connect() as busy:
        busy.send(request(json.dumps(password_login())))
        idle.send(login_request())
        check(idle.reply())
        assert IDLE - 0.2 < drip(idle, nothing()) < IDLE + LATE
        assert "token" in check(busy.reply()).json
        assert busy.is_open()


def test_c10_nobody_is_given_more_time_than_is_required() -> None:
    assert connections.HEAD_TIMEOUT <= 10
    assert server.BODY_TIMEOUT <= 15
    assert connections.KEEP_ALIVE <= 75


@pytest.mark.parametrize("part", [b'{"op":"login"', b""], ids=["a part", "nothing"])
def test_c10_body_has_to_be_there_in_time(impatient: Site, part: bytes) -> None:
    with impatient.connect() as wire:
        wire.send(request(part, length=1000))
        reply = check(wire.reply())
        assert BODY - 0.1 < time.monotonic() - wire.opened < BODY + LATE
        assert (reply.json["error"], reply.header("Connection")) == ("BADREQUEST", "close")


@pytest.mark.parametrize("chunks", [True, False])
def test_c10_dripping_body_gets_no_more_time(impatient: Site, chunks: bool) -> None:
    with impatient.connect() as wire:
        head = request(b"", "Transfer-Encoding: chunked", length=-1)
        wire.send(head if chunks else request(b"", length=1000))
        seconds = 0.0
        wire.socket.settimeout(0.05)
        while seconds < BODY - 0.1:
            wire.send(b"1\r\nx\r\n" if chunks else b"x")
            time.sleep(0.05)  # the pace of the attack
            seconds = time.monotonic() - wire.opened
        wire.socket.settimeout(5.0)
        assert check(wire.reply()).json["error"] == "BADREQUEST"
        assert time.monotonic() - wire.opened < BODY + LATE
