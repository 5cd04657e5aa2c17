"""A TCP port on the loopback that stays ours while nothing listens on it."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"


class ReservedPort:
    """A free port. Connections to it are refused until somebody listens on ``bind()``.

    A server that stops and starts again on its port would otherwise lose the port, now and then, to
    the outgoing connection of some other process.
    """

    def __init__(self) -> None:
        self._holder = self._socket(0)
        self.number: int = self._holder.getsockname()[1]

    @staticmethod
    def _socket(port: int) -> socket.socket:
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # Sockets that share a port get connections only if they listen; the holder never does.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((HOST, port))
        return bound

    def bind(self) -> socket.socket:
        """Return a socket on the port, not listening yet; the caller closes it."""
        return self._socket(self.number)

    def close(self) -> None:
        self._holder.close()
