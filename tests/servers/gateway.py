"""The gateway itself as a real process, and HTTP without a client library's opinions."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import yaml

from tests.servers.output import Output

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "gateway", "serve")


class GatewayProcess:
    """``python -m gateway serve`` on a configuration, from ``start`` to ``stop``.

    ``config`` is the content of gateway.yaml; without ``listen`` and ``admin`` free ports are used.
    ``env`` is added to the environment, from which every GATEWAY_ variable is taken away. The
    process is killed when the thread that started it ends, however that comes about.
    """

    def __init__(
        self,
        directory: Path,
        config: Mapping[str, Any],
        *,
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.config_file = directory / "gateway.yaml"
        self._env = {k: v for k, v in os.environ.items() if not k.startswith("GATEWAY_")}
        self._env.update(env or {})
        self._command = command
        self._output = Output()
        self._codes: dict[str, list[str]] = {}
        self._addresses: dict[str, str] = {}
        self._process: subprocess.Popen[str] | None = None
        self._ended = False
        self.write(config)

    def write(self, config: Mapping[str, Any]) -> None:
        """Replace the configuration file in one step; a running gateway may notice."""
        free_ports = {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0"}
        fresh = self.config_file.with_suffix(".new")
        fresh.write_text(yaml.safe_dump({**free_ports, **config}, sort_keys=False))
        fresh.replace(self.config_file)
        no_admin = config.get("admin", ...) is None
        self._expected = {"listening"} if no_admin else {"listening", "admin"}

    def start(self, timeout: float = 20.0) -> Self:
        """Start, and wait until the addresses are printed.

        Raises ``TimeoutError`` with what was printed instead, at once if the process ends.
        """
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *self._command, "--config", str(self.config_file)],
            cwd=ROOT,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # its workers end with it
        )
        if self._process.stdout is not None:
            self._output.follow("stdout", self._process.stdout, self._note)
        if self._process.stderr is not None:
            self._output.follow("stderr", self._process.stderr, lambda line: None)
        try:
            self._wait(lambda: self._expected <= self._addresses.keys(), timeout, "address line")
        except BaseException:
            self.kill()
            raise
        return self

    def _note(self, line: str) -> None:
        if address := re.fullmatch(r"(listening|admin) on (https?://\S+)\n", line):
            self._addresses[address[1]] = address[2]
        if code := re.fullmatch(r"code for (\S+): ([0-9]+)\n", line):
            self._codes.setdefault(code[1], []).append(code[2])

    def _wait(self, reached: Callable[[], bool], timeout: float, what: str) -> None:
        if not self._output.wait(reached, timeout):
            raise TimeoutError(f"no {what}\n{self.stdout[-2000:]}\n{self.stderr[-4000:]}")

    # -- what it says

    @property
    def url(self) -> str:
        return self._addresses["listening"]

    @property
    def admin_url(self) -> str:
        return self._addresses["admin"]

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def stdout(self) -> str:
        return self._output.text("stdout")

    @property
    def stderr(self) -> str:
        return self._output.text("stderr")

    def code_for(self, number: str, timeout: float = 5.0, at_least: int = 1) -> str:
        """Wait until the console sender printed ``at_least`` codes for it; return the last."""
        self._wait(
            lambda: len(self._codes.get(number, ())) >= at_least, timeout, f"code for {number}"
        )
        return self._codes[number][-1]

    # -- its end

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError("the gateway was never started")
        return self._process

    def stop(self, timeout: float = 30.0) -> int:
        """Ask it to stop (SIGTERM) and return its exit status.

        After ``timeout`` it is killed and ``TimeoutError`` raised.
        """
        process = self._running()
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired as late:
            raise TimeoutError(
                f"still running {timeout} s after SIGTERM\n{self.stderr[-4000:]}"
            ) from late
        finally:
            self.kill()

    def kill(self) -> None:
        """Kill it and all its workers."""
        process = self._running()
        if self._ended:  # its number may be another's by now
            return
        self._ended = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._output.join(5.0)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.stop()


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response, headers in order and as they came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)


Headers = Mapping[str, str] | Sequence[tuple[str, str]]


def post(
    url: str,
    body: bytes | str | Mapping[str, Any] = b"",
    headers: Headers | None = None,
    path: str = "/",
    method: str = "POST",
    timeout: float = 15.0,
    tls: ssl.SSLContext | None = None,
) -> Reply:
    """Send one request to the server at ``url`` on a connection of its own.

    A mapping goes as JSON with its Content-Type, unless ``headers`` has another. Nothing else is
    added but Host and Content-Length, and these only if ``headers`` lacks them.
    """
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers or ())
    names = {name.lower() for name, _ in pairs}
    if isinstance(body, Mapping):
        body = json.dumps(body)
        if "content-type" not in names:
            pairs.append(("Content-Type", "application/json"))
    content = body.encode() if isinstance(body, str) else body
    if not names & {"content-length", "transfer-encoding"}:
        pairs.append(("Content-Length", str(len(content))))
    target = urlsplit(url)
    https = partial(http.client.HTTPSConnection, context=tls)
    connect = https if target.scheme == "https" else http.client.HTTPConnection
    connection = connect(target.netloc, timeout=timeout)
    with contextlib.closing(connection):
        connection.putrequest(method, path, skip_host="host" in names, skip_accept_encoding=True)
        for name, value in pairs:
            connection.putheader(name, value)
        # A server may refuse a body unread and close; its answer is there all the same.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.endheaders(content)
        response = connection.getresponse()
        return Reply(response.status, response.getheaders(), response.read())


def raw(host: str, port: int, data: bytes, timeout: float = 5.0) -> bytes:
    """Send bytes; return what comes until the end, or until nothing came for ``timeout`` seconds.

    Ask for ``Connection: close`` in the last request to get the answer at once.
    """
    received = b""
    with socket.create_connection((host, port), timeout) as connection:
        connection.settimeout(timeout)
        with contextlib.suppress(TimeoutError, ConnectionError):
            connection.sendall(data)
            while chunk := connection.recv(65536):
                received += chunk
    return received
