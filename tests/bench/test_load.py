"""The load sees everything that goes wrong: a benchmark of errors would look good."""

from __future__ import annotations

import contextlib
import socketserver
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from bench import http1, load

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"

Answer = Callable[[int], bytes]  # from the number of the request; empty: hang up


@contextlib.contextmanager
def server(answer: Answer) -> Iterator[str]:
    numbers = iter(range(10**6))

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while self.request.recv(65536):
                reply = answer(next(numbers))
                if not reply:
                    return
                self.request.sendall(reply)
                if b"Connection: close" in reply:
                    return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.server_address[1]}"
        finally:
            listener.shutdown()
            thread.join()


def closed(answer: Answer, requests: int = 20, connections: int = 3) -> load.Run:
    with server(answer) as url:
        return load.closed(url, [REQUEST] * requests, b"good", connections)


def test_good_answers_are_all_counted() -> None:
    run = closed(lambda number: GOOD)
    assert (len(run.latencies), run.bad) == (20, 0)
    assert 0 < max(run.latencies) <= run.seconds


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(GOOD.replace(b"200", b"500"), id="status"),
        pytest.param(GOOD.replace(b"good", b"else"), id="body"),
        pytest.param(GOOD.replace(b"200", b"429"), id="limit"),
    ],
)
def test_wrong_answers_are_bad(wrong: bytes) -> None:
    run = closed(lambda number: wrong if number % 4 == 0 else GOOD)
    assert (len(run.latencies), run.bad) == (20, 5)


def test_hanging_up_instead_of_an_answer_is_bad() -> None:
    run = closed(lambda number: b"" if number == 5 else GOOD)
    assert (len(run.latencies), run.bad) == (19, 1)


def test_requests_that_no_connection_is_left_for_are_bad() -> None:
    run = closed(lambda number: b"" if number >= 5 else GOOD)
    assert (len(run.latencies), run.bad) == (5, 15)


def test_hanging_up_after_an_answer_is_bad() -> None:
    run = closed(lambda number: GOOD.replace(b"\r\n", b"\r\nConnection: close\r\n", 1), 2, 1)
    assert (len(run.latencies), run.bad) == (1, 1)


def test_nobody_listening_is_an_error() -> None:
    with server(lambda number: GOOD) as url:
        pass
    with pytest.raises(ConnectionRefusedError):
        load.closed(url, [REQUEST], b"good", 1)


def test_paced_requests_come_at_their_rate() -> None:
    with server(lambda number: GOOD) as url:
        run = load.paced(url, [REQUEST] * 100, b"good", 10, rate=1000)
    assert (len(run.latencies), run.bad) == (100, 0)
    assert run.seconds > 0.05


def test_a_stall_counts_for_every_request_that_fell_due_meanwhile() -> None:
    def stall(number: int) -> bytes:
        if number == 0:
            time.sleep(0.3)
        return GOOD

    with server(stall) as url:
        run = load.paced(url, [REQUEST] * 20, b"good", 1, rate=1000)
    assert min(run.latencies) > 0.1


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", None),
        (b"A\r\ncontent-length:2\r\n\r\nab", (b"A\r\ncontent-length:2", b"ab")),
        (b"GET / HTTP/1.1\r\n\r\n", (b"GET / HTTP/1.1", b"")),
    ],
)
def test_message_is_split_when_it_is_complete(
    message: bytes, parts: tuple[bytes, bytes] | None
) -> None:
    assert http1.split(message) == parts
