import json
import os
import socket
import sys
import textwrap
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.gateway import GatewayProcess, post, raw
from tests.servers.http_fake import Answer, Call, HttpFake

# Says what the gateway says and stops as it stops, so that the process is tested without one.
STAND_IN = """
    import os, signal, sys, time, yaml
    config = yaml.safe_load(open(sys.argv[sys.argv.index("--config") + 1]))
    print("hello from", os.environ.get("NAME"), os.environ.get("GATEWAY_SECRET"), file=sys.stderr)
    if config.get("broken"):
        sys.exit("gateway.yaml:1:1: broken: it is")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(config.get("status", 0)))
    print("listening on http://127.0.0.1:40123", flush=True)
    if config["admin"]:
        print("admin on http://127.0.0.1:40124", flush=True)
    if config.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for line in config.get("lines", []):
        print(line, flush=True)
    print("code for 666: 666666", file=sys.stderr, flush=True)
    while True:
        time.sleep(1)
"""


def stand_in(directory: Path, config: Mapping[str, Any]) -> GatewayProcess:
    script = directory / "stand_in.py"
    script.write_text(textwrap.dedent(STAND_IN))
    return GatewayProcess(
        directory, config, env={"NAME": "world"}, command=[sys.executable, str(script)]
    )


def test_free_ports_are_the_default_and_the_rest_is_written_down(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path, {"apps": {"*": {"providers": ["phone"]}}})
    assert yaml.safe_load(gateway.config_file.read_text()) == {
        "listen": "127.0.0.1:0",
        "admin": "127.0.0.1:0",
        "apps": {"*": {"providers": ["phone"]}},
    }


def test_it_knows_the_printed_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_SECRET", "of the tester")
    with stand_in(tmp_path, {}) as gateway:
        assert gateway.url == "http://127.0.0.1:40123"
        assert gateway.admin_url == "http://127.0.0.1:40124"
        os.kill(gateway.pid, 0)
    assert gateway.stdout.startswith("listening on http://127.0.0.1:40123\n")
    assert gateway.stderr.startswith("hello from world None\n")


def test_admin_can_be_off(tmp_path: Path) -> None:
    with stand_in(tmp_path, {"admin": None}) as gateway:
        assert gateway.url == "http://127.0.0.1:40123"


def test_a_gateway_that_does_not_start_says_why_at_once(tmp_path: Path) -> None:
    gateway = stand_in(tmp_path, {"broken": True})
    with pytest.raises(TimeoutError, match="broken: it is"):
        gateway.start(timeout=60.0)


def test_stop_returns_the_exit_status_and_may_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stand_in(tmp_path, {"status": 3}) as gateway:
        assert gateway.stop() == 3
        with pytest.raises(ProcessLookupError):
            os.kill(gateway.pid, 0)
        monkeypatch.setattr(os, "killpg", lambda *_: pytest.fail("killed somebody else's group"))
        assert gateway.stop() == 3


def test_a_gateway_that_does_not_stop_is_killed_and_reported(tmp_path: Path) -> None:
    gateway = stand_in(tmp_path, {"deaf": True, "lines": ["code for 1: 1"]}).start()
    gateway.code_for("1")  # by then it is deaf
    with pytest.raises(TimeoutError, match="still running"):
        gateway.stop(timeout=0.2)
    with pytest.raises(ProcessLookupError):
        os.kill(gateway.pid, 0)


def test_kill_ends_it_without_asking(tmp_path: Path) -> None:
    gateway = stand_in(tmp_path, {}).start()
    gateway.kill()
    assert gateway.stop() == -9


def test_it_dies_with_the_thread_that_started_it(tmp_path: Path) -> None:
    gateway = stand_in(tmp_path, {})
    starting = threading.Thread(target=gateway.start)
    starting.start()
    starting.join()
    gateway._output.join(5.0)
    assert gateway.stop() == -9


def test_the_last_code_for_a_number_is_read_off_stdout(tmp_path: Path) -> None:
    lines = ["code for 1: 111111", "code for 2: 000002", "code for 1: 012345", "no code for 1: 9"]
    with stand_in(tmp_path, {"lines": lines}) as gateway:
        assert gateway.code_for("1", at_least=2) == "012345"
        assert gateway.code_for("2") == "000002"
        with pytest.raises(TimeoutError, match="no code for 666"):
            gateway.code_for("666", timeout=0.2)


class Echo(HttpFake[None]):
    path = "/echo"

    def answer(self, call: Call) -> Answer[None]:
        return Answer({"method": call.method}, status=201)


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as echo:
        yield echo


def test_post_adds_nothing_but_host_and_length(echo: Echo) -> None:
    reply = post(echo.url, "grüße", [("X-A", "1"), ("X-A", "2")], path="/echo?a=b")
    (call,) = echo.calls
    assert call.headers == (
        ("Host", f"127.0.0.1:{echo.port}"),
        ("X-A", "1"),
        ("X-A", "2"),
        ("Content-Length", "7"),
    )
    assert (call.body.decode(), call.query) == ("grüße", "a=b")
    assert (reply.status, reply.json) == (201, {"method": "POST"})
    assert reply.header("content-type") == "application/json; charset=utf-8"
    assert reply.header("Set-Cookie") is None


@pytest.mark.parametrize(
    ("headers", "kind"), [((), "application/json"), ({"content-type": "x/y"}, "x/y")]
)
def test_post_sends_a_mapping_as_json(echo: Echo, headers: Any, kind: str) -> None:
    post(echo.url, {"op": "login"}, headers, path="/echo", method="PUT")
    (call,) = echo.calls
    assert (call.method, call.json, call.header("Content-Type")) == ("PUT", {"op": "login"}, kind)


def test_post_lets_host_and_length_be_set(echo: Echo) -> None:
    post(echo.url, b"abc", {"host": "evil", "content-length": "3"}, path="/echo")
    post(echo.url, b"3\r\nabc\r\n0\r\n\r\n", {"Transfer-Encoding": "chunked"}, path="/echo")
    plain, chunked = echo.calls
    assert plain.headers == (("host", "evil"), ("content-length", "3"))
    assert chunked.header("Content-Length") is None
    assert plain.body == chunked.body == b"abc"


def test_post_hears_a_refusal_that_comes_before_the_body_was_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(10)
                connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}")
                connection.shutdown(socket.SHUT_RDWR)

        refusing = threading.Thread(target=refuse)
        refusing.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert post(url, b"x" * 100).status == 413
        refusing.join()


def test_raw_returns_all_that_comes_until_the_end(echo: Echo) -> None:
    request = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
    last = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\ny"
    answer = raw("127.0.0.1", echo.port, request + last)
    assert answer.count(b"HTTP/1.1 201 Created\r\n") == 2
    assert [json.loads(part) for part in answer.split(b"\r\n\r\n")[2:]] == [{"method": "POST"}]


def test_raw_returns_what_came_when_the_connection_stays_open(echo: Echo) -> None:
    request = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    assert raw("127.0.0.1", echo.port, request, timeout=0.3).endswith(b'{"method":"POST"}')
