"""Hundreds of slow and of idle connections beside people who sign in, in real time."""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Callable, Iterator

import pytest

from tests.gateway.conftest import Site
from tests.gateway.raw_http import Wire

pytestmark = pytest.mark.alone

SLOW, IDLE = 200, 500
HEAD_TIMEOUT = 10.0  # seconds
PACE = 5.0  # seconds between two bytes of a slow connection


@pytest.fixture
def connect(site: Site) -> Iterator[Callable[[], Wire]]:
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(site.connect())


def test_a41_a43_slow_and_idle_connections_are_closed_and_keep_nobody_waiting(
    site: Site, connect: Callable[[], Wire]
) -> None:
    slow = [connect() for _ in range(SLOW)]
    for wire in slow:
        wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nX-")
    wires = slow + [connect() for _ in range(IDLE)]
    opened = time.monotonic()
    open_ones = {wire.socket.fileno(): wire for wire in wires}
    poll = select.poll()
    for number in open_ones:
        poll.register(number, select.POLLIN)
    logins: list[float] = []
    ages: list[float] = []
    next_byte = PACE
    while open_ones:
        assert time.monotonic() - opened < HEAD_TIMEOUT + 3, f"{len(open_ones)} are still open"
        started = time.monotonic()
        assert site.logs_in()
        logins.append(time.monotonic() - started)
        if time.monotonic() - opened > next_byte:
            next_byte += PACE
            for wire in slow:
                wire.send(b"X")
        for number, _ in poll.poll(50):
            wire = open_ones.pop(number)
            poll.unregister(number)
            ages.append(time.monotonic() - wire.opened)
            assert wire.rest() == b""
    assert len(ages) == SLOW + IDLE
    assert min(ages) > HEAD_TIMEOUT - 0.5
    assert max(ages) < HEAD_TIMEOUT + 2.5
    assert len(logins) > 50
    assert max(logins) < 0.5
