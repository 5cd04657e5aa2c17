"""Connections that do not get on with it are cut.

aiohttp limits the size of a request's head but not how long it may take, and the number of requests
but not of connections. A connection has ``HEAD_TIMEOUT`` for the head of each request; when there
are too many, from one address or in all, the one that has been silent longest makes room.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any, Final, Protocol

import structlog
from aiohttp import web

from gateway import clients, errors, logs, wire

HEAD_TIMEOUT: Final = 10.0  # seconds, from the first byte of a request (or the connection)
KEEP_ALIVE: Final = 75.0  # seconds between requests
UNWINDING: Final = 0.5  # seconds for a request that is given up to give back what it took

log = structlog.get_logger()


class Limited(Protocol):
    """A connection as limits see it."""

    address: str  # of the peer, as limits count it

    def cut(self) -> None:
        """Close at once."""


class Limits:
    """Who is connected, the longest silent first."""

    def __init__(self, total: int, per_address: int) -> None:
        self._total = total
        self._per_address = per_address
        self._silent: OrderedDict[Limited, None] = OrderedDict()
        self._of_address: dict[str, OrderedDict[Limited, None]] = {}
        self._counts: dict[str, int] = {}
        self._count = 0

    def enter(self, connection: Limited) -> bool:
        """Register a connection; False if there is no room even after cutting a silent one."""
        address = connection.address
        of_address = self._of_address.setdefault(address, OrderedDict())
        count = self._counts.get(address, 0)
        room = True
        if count >= self._per_address:
            room = self._make_room(of_address)
        elif self._count >= self._total:
            room = self._make_room(self._silent)
        self._counts[address] = count + 1
        self._count += 1
        if room:
            self.silent(connection)
        return room

    def _make_room(self, candidates: OrderedDict[Limited, None]) -> bool:
        longest_silent = next(iter(candidates), None)
        if longest_silent is None:
            return False
        self.busy(longest_silent)  # nobody else's room
        longest_silent.cut()
        return True

    def leave(self, connection: Limited) -> None:
        """Forget a connection."""
        self.busy(connection)
        address = connection.address
        self._count -= 1
        self._counts[address] -= 1
        if not self._counts[address]:
            del self._counts[address], self._of_address[address]

    def silent(self, connection: Limited) -> None:
        """No request is being worked on."""
        self._silent[connection] = None
        self._of_address[connection.address][connection] = None

    def busy(self, connection: Limited) -> None:
        """A request is being worked on: not to be cut."""
        self._silent.pop(connection, None)
        self._of_address[connection.address].pop(connection, None)


class Connection(web.RequestHandler):
    """aiohttp's connection, with a deadline for heads and JSON for its own errors."""

    __slots__ = ("_head_timer", "_limits", "address")

    def __init__(self, limits: Limits, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self.address = ""
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock on the first request."""
        super().connection_made(transport)
        self.address = clients.client(peer_of(transport), (), (), ())
        if self._limits.enter(self):
            self._await_head()
        else:
            self.cut()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the clock."""
        self._stop_timer()
        self._limits.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Start the clock on a further request."""
        super().data_received(data)
        if self._head_timer is None and not self._request_in_progress and not self._messages:
            self._await_head()

    def head_arrived(self) -> None:
        """The head is complete: called by the handler."""
        self._stop_timer()

    def work_began(self) -> None:
        """The body is there, too: not to be cut from here."""
        if self.transport is not None:  # else the client has left, and is forgotten
            self._limits.busy(self)

    def work_ended(self) -> None:
        """The answer is on its way."""
        if self.transport is not None:
            self._limits.silent(self)

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - overrides
        """Let a request finish, for ``timeout`` seconds; aiohttp's own would wait twice as long."""
        if self._task_handler is not None:
            _, late = await asyncio.wait([self._task_handler], timeout=timeout)
            for task in late:
                task.cancel()
        await super().shutdown(UNWINDING)

    def cut(self) -> None:
        """Close at once."""
        if self.transport is not None:
            self.transport.abort()

    def _await_head(self) -> None:
        self._head_timer = self._loop.call_later(HEAD_TIMEOUT, self.cut)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what aiohttp refuses (a broken head) or could not handle, readably for apps."""
        word = errors.BADREQUEST
        if status >= 500:
            word, status = errors.UNAVAILABLE, 200  # apps look at nothing but a body with 200
            report(exc)
        response = web.Response(
            status=status,
            body=wire.encode_error("login", word, boolean=False),
            headers=wire.HEADERS,
        )
        response.force_close()
        return response


def peer_of(transport: asyncio.BaseTransport) -> str:
    """The address at the other end of a connection, without the port."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else "local"


def report(error: BaseException | None) -> None:
    """Log what went wrong with a request, unless it is that the client has left."""
    if not isinstance(error, ConnectionError | None):
        log.error("request failed", error=type(error).__name__, where=logs.origin(error))
