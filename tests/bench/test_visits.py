"""Requests over connections of their own: all that goes wrong is seen here, too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench import visits
from bench.load import Run
from tests.bench.test_load import GOOD, REQUEST, Answer, server


def closed(url: str) -> Run:
    return visits.closed(url, [REQUEST] * 20, b"good", connections=3)


def paced(url: str) -> Run:
    return visits.paced(url, [REQUEST] * 20, b"good", rate=500)


WAYS = [closed, paced]
Way = Callable[[str], Run]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("answer", "answered", "bad"),
    [
        pytest.param(lambda number: GOOD, 20, 0, id="good"),
        pytest.param(lambda number: GOOD.replace(b"200", b"500"), 20, 20, id="status"),
        pytest.param(lambda number: GOOD.replace(b"good", b"else"), 20, 20, id="body"),
        pytest.param(lambda number: b"", 0, 20, id="hang up"),
    ],
)
def test_answers_are_looked_at(way: Way, answer: Answer, answered: int, bad: int) -> None:
    with server(answer) as url:
        run = way(url)
    assert (len(run.latencies), run.bad) == (answered, bad)


@pytest.mark.parametrize("way", WAYS)
def test_nobody_listening_is_bad(way: Way) -> None:
    with server(lambda number: GOOD) as url:
        pass
    assert way(url).bad == 20


def test_each_request_has_a_connection_of_its_own() -> None:
    # The server closes after each answer: on a connection that is kept every other would fail.
    with server(lambda number: GOOD.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)) as url:
        assert closed(url).bad == 0


def test_paced_requests_come_at_their_rate() -> None:
    with server(lambda number: GOOD) as url:
        assert paced(url).seconds > 0.02


def test_connections_stay_until_the_end() -> None:
    open_now = 0

    def answer(number: int) -> bytes:
        nonlocal open_now
        open_now += 1
        return GOOD

    with server(answer) as url, visits.staying(url, REQUEST, 10):
        assert open_now == 10
