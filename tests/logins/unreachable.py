"""An address that lets clients wait: their connections are neither accepted nor refused."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

HOST = "127.0.0.1"


@contextlib.contextmanager
def unreachable() -> Iterator[str]:
    """Give the ``HOST:PORT`` of a listener whose queue is full, so that the kernel drops SYNs."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.create_server((HOST, 0), backlog=0))
        address: tuple[str, int] = listener.getsockname()
        for _ in range(100):
            client = sockets.enter_context(socket.socket())
            client.settimeout(0.2)
            try:
                client.connect(address)
            except TimeoutError:
                yield f"{HOST}:{address[1]}"
                return
    raise RuntimeError("the kernel goes on accepting connections")
