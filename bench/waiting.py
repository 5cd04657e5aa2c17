"""Requests that wait for their answers on plain sockets: nothing runs meanwhile."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Final, Self

from bench import http1

TIMEOUT: Final = 30.0  # seconds


class Waiting:
    """Each of ``messages`` is sent to the server at ``url`` over a connection of its own."""

    def __init__(self, url: str, messages: Sequence[bytes]) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._address = host, int(port)
        self._messages = messages
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        for message in self._messages:
            connection = socket.create_connection(self._address, TIMEOUT)
            self._sockets.append(connection)
            connection.sendall(message)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for connection in self._sockets:
            connection.close()

    def answers(self) -> Iterator[bytes]:
        """The bodies, each as soon as it is there; empty where the connection ended before."""
        for connection in self._sockets:
            received = b""
            while (message := http1.split(received)) is None:
                more = connection.recv(65536)
                if not more:
                    break
                received += more
            yield message[1] if message else b""
