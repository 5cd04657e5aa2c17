"""A real Redis on a free port of the loopback, with nothing kept on disk."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

from tests.servers.process import HOST, Process, free_port


class RedisServer:
    """``start`` and ``stop`` it as often as you like: it keeps its port.

    ``settings`` are further lines of redis.conf.
    """

    def __init__(self, folder: Path, settings: Sequence[str] = ()) -> None:
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        lines = [f"bind {HOST}", f"port {self.port}", f"dir {folder}", 'save ""', "appendonly no"]
        config = folder / "redis.conf"
        config.write_text("\n".join([*lines, *settings, ""]))
        self.process = Process("redis", ["redis-server", str(config)], folder)

    def start(self) -> None:
        self.process.start()
        self.process.wait(self._answers)

    def _answers(self) -> bool:
        # With access control the answer is -NOAUTH; that, too, is the sign of a Redis that is up.
        with socket.create_connection((HOST, self.port), timeout=5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64)[:1] in (b"+", b"-")

    def kill(self) -> None:
        """End it as ``kill -9`` would."""
        self.process.kill()

    def stop(self) -> None:
        self.process.stop()
