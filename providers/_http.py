"""Somebody else's HTTP server, bounded in every direction."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from typing import Final

from yarl import URL

from providers import _sockets
from providers._base import Meter, Unavailable
from providers._connection import MAX_BODY, BrokenError, Connection, Reply, UnsentError
from providers._outbox import Outbox
from providers._spans import Attributes, span
from providers._tls import system_authorities

CONNECT_TIMEOUT: Final = 3.0  # seconds
# Seconds that a connection may wait for its next request: below what servers and load balancers in
# between allow, since a request on a connection that is just being closed is lost.
KEEP_ALIVE: Final = 15.0
MAX_IN_FLIGHT: Final = 4096  # requests to one upstream


class NotSent(Unavailable):
    """Nothing can have reached the server: no connection, or no TLS."""


class NotPublic(NotSent):
    """The server's address is not out in the Internet, and it has to be."""


class Overloaded(NotSent):
    """Too much is under way already; the server was not asked."""


class Broken(Unavailable):
    """The connection broke before the answer: the server may have acted on the request."""


class Upstream:
    """One server, by the origin of ``url``. ``name`` stands for it in errors and metrics, since an
    URL may hold credentials.

    Connections are kept and used again; certificates are verified, by ``tls`` if given and by the
    system's authorities otherwise; no redirect is followed. More than ``max_in_flight`` requests at
    once are refused on the spot, so that a slow server cannot gather everybody's requests. With
    ``public_only``, the server has to be out in the Internet: see ``_sockets.connect``.
    """

    def __init__(
        self,
        name: str,
        url: URL,
        meter: Meter,
        *,
        tls: ssl.SSLContext | None = None,
        max_in_flight: int = MAX_IN_FLIGHT,
        max_body: int = MAX_BODY,
        public_only: bool = False,
    ) -> None:
        if url.scheme not in ("http", "https") or not url.raw_host:
            raise ValueError("must be an http:// or https:// URL")
        self.name = name
        self._host = url.raw_host
        self._port = url.port
        self._tls = (tls or system_authorities()) if url.scheme == "https" else None
        default_port = url.is_default_port()
        authority = url.host_subcomponent or ""
        self._authority = authority if default_port else f"{authority}:{url.port}"
        self._server: Attributes = {"server.address": url.raw_host, "server.port": url.port or 0}
        self._meter = meter
        self._max_in_flight = max_in_flight
        self._max_body = max_body
        self._public_only = public_only
        self._in_flight = 0
        self._idle: list[Connection] = []
        self._outbox = Outbox()
        self._last: tuple[str, str, Mapping[str, str]] | None = None
        self._head = b""  # of the last request, but for the length of its body

    async def exchange(
        self,
        method: str,
        target: str,
        *,
        within: float,
        headers: Mapping[str, str] | None = None,
        data: bytes = b"",
    ) -> Reply:
        """Send one request and read the answer within so many seconds.

        ``target`` is a path with its query. Raises ``NotSent`` when nothing can have reached the
        server; ``Broken``, or ``Unavailable`` for a time-out, when it may have acted on it.
        """
        with span(self.name, self._server) as call:
            call.set("http.request.method", method)
            sent = {**(headers or {}), **call.headers}
            reply = await self._exchange(self._request(method, target, sent, data), within)
            call.set("http.response.status_code", reply.status)
            if reply.status >= 400:
                call.fail(str(reply.status))
        return reply

    def _request(self, method: str, target: str, headers: Mapping[str, str], data: bytes) -> bytes:
        what = method, target, headers
        if what != self._last:  # hardly ever: most requests to a server differ in their bodies only
            self._head = self._head_of(*what)
            self._last = what
        if not data and method == "GET":
            return self._head + b"\r\n"
        return b"%bContent-Length: %d\r\n\r\n%b" % (self._head, len(data), data)

    def _head_of(self, method: str, target: str, headers: Mapping[str, str]) -> bytes:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._authority}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join(lines)
        breaks = len(lines) - 1
        if head.count("\r") != breaks or head.count("\n") != breaks or "\0" in head:
            raise ValueError("a line break inside a header field")
        return head.encode("latin-1") + b"\r\n"

    async def _exchange(self, request: bytes, within: float) -> Reply:
        if self._in_flight >= self._max_in_flight:
            raise Overloaded(self.name, f"{self._in_flight} requests are under way already", 1.0)
        started = time.monotonic()
        outcome = "failed"
        self._in_flight += 1
        try:
            connection = self._kept(started) or await self._connected(within)
            left = started + within - time.monotonic()
            reply = await connection.exchange(request, left)
            outcome = "answered"
        except TimeoutError:
            raise Unavailable(self.name, f"no answer within {within:.1f} s") from None
        except UnsentError as error:
            raise NotSent(self.name, str(error)) from None
        except BrokenError as error:
            raise Broken(self.name, str(error)) from None
        finally:
            self._in_flight -= 1
            self._meter.upstream(self.name, outcome, time.monotonic() - started)
        return reply

    async def _connected(self, within: float) -> Connection:
        try:
            return await self._connect(within)
        except TimeoutError:
            raise NotSent(self.name, "no connection in time") from None
        except ssl.SSLCertVerificationError as error:
            raise NotSent(self.name, f"certificate refused: {error.verify_message}") from None
        except _sockets.NotPublicError:
            raise NotPublic(self.name, "not at a public address") from None
        except OSError as error:
            raise NotSent(self.name, f"no connection ({type(error).__name__})") from None

    def _kept(self, now: float) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()  # the latest: the others may end
            if not connection.closed and now - connection.idle_since < KEEP_ALIVE:
                return connection
            connection.close()
        return None

    async def _connect(self, within: float) -> Connection:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(min(within, CONNECT_TIMEOUT)):
            connected = await _sockets.connect(
                self._host, self._port, public_only=self._public_only
            )
            with _sockets.handed_over(connected):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._idle.append, self._outbox, self._max_body),
                    sock=connected,
                    ssl=self._tls,
                    server_hostname=self._host if self._tls else None,
                )
        return connection

    async def close(self) -> None:
        """Close the connections that wait. To be called when no exchange is under way."""
        while self._idle:
            self._idle.pop().close()
