"""A real Redis on a free port of the loopback, with nothing kept on disk."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis

from tests.servers.process import HOST, Process, free_port
from tests.servers.tls import Authority


def free_ports(count: int) -> list[int]:
    """Ports for servers that are started together: each another one."""
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)


class RedisServer:
    """``start`` and ``stop`` it as often as you like: it keeps its port.

    ``settings`` are further lines of redis.conf, ``options`` of the command line. With an
    ``authority`` it speaks TLS, to its like as well.
    """

    def __init__(
        self,
        folder: Path,
        settings: Sequence[str] = (),
        options: Sequence[str] = (),
        authority: Authority | None = None,
        port: int | None = None,
    ) -> None:
        self.port = port or free_port()
        self._authority = authority
        scheme = "rediss" if authority else "redis"
        self.url = f"{scheme}://{HOST}:{self.port}/0"
        lines = [f"bind {HOST}", f"dir {folder}", 'save ""', "appendonly no"]
        lines += _tls(self.port, authority) if authority else [f"port {self.port}"]
        config = folder / "redis.conf"
        config.write_text("\n".join([*lines, *settings, ""]))
        self.process = Process("redis", ["redis-server", str(config), *options], folder)

    @property
    def masters(self) -> list[RedisServer]:
        """Where everything is."""
        return [self]

    def start(self) -> None:
        self.process.start()
        self.process.wait(self._answers)

    def _answers(self) -> bool:
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(socket.create_connection((HOST, self.port), timeout=5))
            if self._authority:
                tls = self._authority.client().wrap_socket(connection, server_hostname=HOST)
                connection = stack.enter_context(tls)
            connection.sendall(b"PING\r\n")
            # With access control -NOAUTH; that, too, is the sign of a Redis that is up.
            return connection.recv(64)[:1] in (b"+", b"-")

    def ask(self, *words: str | int) -> Any:
        """Send a command over a connection of its own."""
        options = f"?ssl_ca_certs={self._authority.ca_file}" if self._authority else ""
        with redis.Redis.from_url(self.url + options, decode_responses=True) as client:
            return client.execute_command(*words)

    def is_master(self) -> bool:
        if not self.process.running:
            return False
        try:
            return bool(self.ask("ROLE")[0] == "master")
        except redis.ConnectionError:  # a server that changes its role drops its clients
            return False

    def kill(self) -> None:
        """End it as ``kill -9`` would."""
        self.process.kill()

    def stop(self) -> None:
        self.process.stop()


def _tls(port: int, authority: Authority) -> list[str]:
    files = authority.files()
    return [
        "port 0",
        f"tls-port {port}",
        f"tls-cert-file {files.certificate}",
        f"tls-key-file {files.private_key}",
        f"tls-ca-cert-file {authority.ca_file}",
        "tls-auth-clients no",
        "tls-replication yes",
        "tls-cluster yes",
    ]
