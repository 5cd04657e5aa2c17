import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.servers.fault_proxy import FaultProxy, Faults


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            while data := self.request.recv(65536):
                self.request.sendall(data)


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture
def upstream() -> Iterator[int]:
    with EchoServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(upstream: int) -> Iterator[FaultProxy]:
    with FaultProxy(upstream) as proxy:
        yield proxy


@contextlib.contextmanager
def client(proxy: FaultProxy, timeout: float = 5.0) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout) as connection:
        yield connection


def receive(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count and (data := connection.recv(65536)):
        received += data
    return received


def until_reset(connection: socket.socket) -> bytes:
    received = b""
    try:
        while data := connection.recv(65536):
            received += data
    except ConnectionResetError:
        return received
    pytest.fail("the connection was closed, not reset")


def echo(connection: socket.socket, data: bytes = b"ping") -> bytes:
    connection.sendall(data)
    return receive(connection, len(data))


def test_without_faults_everything_passes(proxy: FaultProxy) -> None:
    data = bytes(range(256)) * 4096
    with client(proxy) as connection:
        sender = threading.Thread(target=connection.sendall, args=(data,))
        sender.start()
        assert receive(connection, len(data)) == data
        sender.join()
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert proxy.accepted == 1


def test_either_side_can_end_while_the_other_goes_on() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        FaultProxy(listener.getsockname()[1]) as proxy,
        client(proxy) as connection,
        listener.accept()[0] as server,
    ):
        server.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
        connection.sendall(b"ping")
        assert receive(server, 4) == b"ping"


def test_refuse_lets_nobody_in_and_open_connections_go_on(proxy: FaultProxy) -> None:
    with client(proxy) as connection:
        assert echo(connection) == b"ping"
        proxy.set(Faults(refuse=True))
        with pytest.raises(ConnectionRefusedError), client(proxy):
            pass
        assert echo(connection) == b"ping"
    proxy.heal()
    with client(proxy) as connection:
        assert echo(connection) == b"ping"


def test_reset_accepts_and_resets(proxy: FaultProxy) -> None:
    proxy.set(Faults(reset=True))
    # The reset may come so soon that it already meets the connecting.
    with pytest.raises(ConnectionResetError), client(proxy) as connection:
        connection.recv(1)
    assert proxy.accepted == 1


def test_reset_all_cuts_open_connections_and_takes_new_ones(proxy: FaultProxy) -> None:
    with client(proxy) as connection:
        assert echo(connection) == b"ping"
        proxy.reset_all()
        assert until_reset(connection) == b""
    with client(proxy) as connection:
        assert echo(connection) == b"ping"


def test_a_black_hole_keeps_the_connection_and_delivers_when_healed(proxy: FaultProxy) -> None:
    with client(proxy) as connection:
        assert echo(connection) == b"ping"
        proxy.set(Faults(black_hole=True))
        connection.sendall(b"pong")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        proxy.heal()
        connection.settimeout(5.0)
        assert receive(connection, 4) == b"pong"


def test_latency_counts_both_ways(proxy: FaultProxy) -> None:
    proxy.set(Faults(latency=0.1))
    with client(proxy) as connection:
        began = time.monotonic()
        assert echo(connection) == b"ping"
        assert time.monotonic() - began >= 0.2


def test_jitter_adds_to_it(proxy: FaultProxy) -> None:
    proxy.set(Faults(jitter=0.2))
    with client(proxy) as connection:
        began = time.monotonic()
        assert [echo(connection) for _ in range(3)] == [b"ping"] * 3
        assert time.monotonic() - began > 0.01


def test_rate_limits_what_comes_back(proxy: FaultProxy) -> None:
    proxy.set(Faults(rate=1000))
    with client(proxy) as connection:
        began = time.monotonic()
        assert echo(connection, b"x" * 400) == b"x" * 400
        assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("limit", [0, 3])
def test_cut_after_resets_instead_of_the_next_byte(proxy: FaultProxy, limit: int) -> None:
    proxy.set(Faults(cut_after=limit))
    with client(proxy) as connection:
        connection.sendall(b"ping")
        assert until_reset(connection) == b"ping"[:limit]


def test_a_dead_upstream_is_a_reset() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with (
            FaultProxy(nobody.getsockname()[1]) as proxy,
            pytest.raises(ConnectionResetError),
            client(proxy) as connection,
        ):
            connection.recv(1)


def test_closing_drops_connections_that_are_held_up(upstream: int) -> None:
    with FaultProxy(upstream) as proxy, contextlib.ExitStack() as stack:
        connection = stack.enter_context(client(proxy))
        assert echo(connection) == b"ping"
        proxy.set(Faults(black_hole=True))
        connection.sendall(b"ping")
        proxy.close()
        assert until_reset(connection) == b""


def test_a_proxy_that_does_not_run_cannot_be_steered(upstream: int) -> None:
    proxy = FaultProxy(upstream)
    with pytest.raises(RuntimeError, match="not running"):
        proxy.heal()
    proxy.close()


def test_what_clients_send_is_recorded_if_asked_for(upstream: int) -> None:
    with FaultProxy(upstream, record=True) as proxy, client(proxy) as connection:
        connection.sendall(b"hello")
        assert receive(connection, 5) == b"hello"
        assert proxy.recorded == b"hello"
