"""HTTP/1.1 on a bare socket: what a client library would never send, and all that comes back."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.servers.gateway import Reply
from tests.servers.stock_clients import check_reply

LOOPBACK = "127.0.0.1"
WITHOUT_BODY = {100, 204, 304}
SAFE = {
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "X-Content-Type-Options": "nosniff",
    "Server": "messenger-auth-gateway",
}


class Wire:
    """One connection to the server at ``url``, from another loopback address if ``source`` is."""

    def __init__(
        self, url: str, *, source: str = LOOPBACK, tls: ssl.SSLContext | None = None
    ) -> None:
        target = urlsplit(url)
        self.opened = time.monotonic()
        address = (target.hostname or "", target.port or 0)
        self.socket = socket.create_connection(address, 15.0, source_address=(source, 0))
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=target.hostname)
        self._received = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        """Send all of it. A server that has answered and closed need not read it."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def reply(self, *, head: bool = False) -> Reply:
        """Read one response; ``head``: to a HEAD request."""
        version, status = self._line().split(" ", 2)[:2]
        assert version in ("HTTP/1.1", "HTTP/1.0")
        headers = []
        while line := self._line():
            name, colon, value = line.partition(":")
            assert colon, line
            assert name == name.strip() != "", line
            headers.append((name, value.strip()))
        reply = Reply(int(status), headers, b"")
        if head or reply.status in WITHOUT_BODY:
            return reply
        length = reply.header("Content-Length")
        assert length is not None, reply
        body = self._received.read(int(length))
        assert len(body) == int(length)
        return Reply(reply.status, headers, body)

    def _line(self) -> str:
        line = self._received.readline()
        assert line.endswith(b"\r\n"), line
        return line[:-2].decode("latin-1")

    def rest(self) -> bytes:
        """Read until the server closes; a reset is an end, too."""
        try:
            return self._received.read()
        except ConnectionResetError:
            return b""

    def is_open(self, within: float = 0.1) -> bool:
        """Whether the server has neither closed nor said anything more for so many seconds."""
        return are_open([self], within)[0]

    def close(self) -> None:
        self._received.close()
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()


def are_open(wires: Sequence[Wire], within: float = 0.1) -> list[bool]:
    """Say for each connection whether the server has left it open, and silent, so long."""
    open_ones = {wire.socket for wire in wires}
    deadline = time.monotonic() + within
    while open_ones and (left := deadline - time.monotonic()) > 0:
        open_ones -= {*select.select(list(open_ones), [], [], left)[0]}
    return [wire.socket in open_ones for wire in wires]


def request(
    body: bytes | str = b"",
    *headers: str,
    line: str = "POST / HTTP/1.1",
    length: int | None = None,
) -> bytes:
    """Compose a request. ``headers`` are whole lines; Host and Content-Length are added.

    ``length`` says another length than the body has; below 0, none.
    """
    content = body.encode() if isinstance(body, str) else body
    lines = [line, "Host: gateway.example", *headers]
    size = len(content) if length is None else length
    if size >= 0:
        lines.append(f"Content-Length: {size}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def chunked(*pieces: bytes) -> bytes:
    """Encode pieces as the body of a ``Transfer-Encoding: chunked`` request."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))


def check(reply: Reply, status: int = 200, **flags: bool) -> Reply:
    """Hold a reply to what all replies to ops have in common; return it.

    ``flags`` are those of ``check_reply``; by default it is a login's.
    """
    assert reply.status == status, reply
    assert reply.header("Content-Type") == "application/json; charset=utf-8"
    complaints = check_reply(reply.body, **{"op_login": True, **flags})
    assert complaints == [], reply
    for name, value in SAFE.items():
        assert reply.header(name) == value, name
    assert reply.header("Set-Cookie") is None
    assert reply.header("Access-Control-Allow-Credentials") is None
    return reply
