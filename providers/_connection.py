"""One HTTP/1.1 connection to somebody else's server (RFC 9112), one exchange at a time.

Each step of a login waits for one such exchange, on which a general client spent about a quarter of
the step's processor time; this one does what an exchange of two small messages needs and no more.
Messages are parsed by llhttp.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Final, NamedTuple, cast

import httptools

from providers._outbox import Outbox

MAX_HEAD: Final = 65536  # bytes
MAX_BODY: Final = 65536  # bytes; most answers that we read are no longer than a few hundred

_LENGTHS: Final = frozenset((b"content-length", b"transfer-encoding"))


class BrokenError(Exception):
    """The exchange cannot be completed: the text says why."""


class UnsentError(BrokenError):
    """Nothing of the request went out."""


class Reply(NamedTuple):
    """An answer: status, body, the seconds of a ``Retry-After`` (RFC 9110 10.2.3), the ``Date``."""

    status: int
    body: bytes
    retry_after: float | None = None
    date: bytes | None = None  # as it came


class Connection(asyncio.Protocol):
    """``idle`` is called with the connection when it can be used again."""

    def __init__(
        self, idle: Callable[[Connection], None], outbox: Outbox, max_body: int = MAX_BODY
    ) -> None:
        self._idle = idle
        self._outbox = outbox
        self._request = b""
        self._max_body = max_body
        self._max_size = MAX_HEAD + 2 * max_body  # chunks and trailers are not endless either
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Reply] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0  # loop time
        self._expect_head()
        self.idle_since = 0.0  # monotonic seconds

    def _expect_head(self) -> None:
        self._body.clear()
        self._size = 0  # bytes of the whole answer
        self._body_size = 0
        self._has_head = False
        self._ends_with_connection = True
        self._retry_after: float | None = None
        self._date: bytes | None = None

    @property
    def closed(self) -> bool:
        """Whether no further exchange is possible."""
        return self._transport is None or self._transport.is_closing()

    async def exchange(self, request: bytes, within: float) -> Reply:
        """Send a request and wait for its answer, at most ``within`` seconds.

        Raises ``BrokenError`` or ``TimeoutError``; the connection is closed then.
        """
        if self._transport is None:
            raise UnsentError("connection closed")
        self._expect_head()
        self._waiter = waiter = self._loop.create_future()
        self._watch(self._loop.time() + within)
        self._request = request
        self._outbox.add(self._send)
        try:
            reply: Reply = await waiter
        except BaseException:
            self.close()
            raise
        # Not before: until here the timer or a caller that leaves closes the connection.
        if not self.closed:
            self.idle_since = time.monotonic()
            self._idle(self)
        return reply

    def _send(self) -> None:
        if not self.closed and self._transport is not None:
            self._transport.write(self._request)
            self._request = b""

    def _watch(self, deadline: float) -> None:
        """See that the exchange ends in time, by the timer of one before if that is early enough:
        hardly any timer is ever needed.
        """
        self._deadline = deadline
        if self._timer is not None and self._timer.when() > deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() < self._deadline:
            self._watch(self._deadline)
        else:
            self._fail(TimeoutError())

    def close(self) -> None:
        """Close at once."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def _fail(self, error: Exception) -> None:
        self.close()
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._waiter is None or self._request:  # nobody asked, or not yet
            self._fail(UnsentError("an answer came before its request"))
            return
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(BrokenError(f"not HTTP ({type(error).__name__})"))
        # Not before: the body may have come together with its head.
        if self._size > (self._max_size if self._has_head else MAX_HEAD):
            self._fail(BrokenError("the answer is too long"))

    def connection_lost(self, exc: Exception | None) -> None:
        """An answer without a length ends here; any other is cut short."""
        self._transport = None
        if self._waiter is not None:
            if exc is None and self._has_head and self._ends_with_connection:
                self._complete()
            else:
                kind = UnsentError if self._request else BrokenError
                self._fail(kind("connection closed before the answer was complete"))
        del self._parser  # it refers to us: in a cycle both would wait for a collection

    # llhttp's callbacks

    def on_message_begin(self) -> None:
        """Start afresh; what nobody asked for ends the connection."""
        if self._waiter is None:
            self.close()
        self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """See how the answer ends, when to ask again, and what time it is there."""
        name = name.lower()
        if name in _LENGTHS:
            self._ends_with_connection = False
        elif name == b"retry-after" and re.fullmatch(rb"[0-9]{1,9}[ \t]*", value):
            self._retry_after = float(value)
        elif name == b"date":
            self._date = value

    def on_headers_complete(self) -> None:
        """Expect the body from here."""
        self._has_head = True

    def on_body(self, chunk: bytes) -> None:
        """Gather the body."""
        self._body_size += len(chunk)
        if self._body_size > self._max_body:
            self._fail(BrokenError("the answer is too long"))
        else:
            self._body.append(chunk)

    def on_message_complete(self) -> None:
        """Hand the answer over, unless it only says that one will come."""
        if self._parser.get_status_code() >= 200:
            self._complete()

    def _complete(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is None or waiter.done():
            return
        status = self._parser.get_status_code()
        waiter.set_result(Reply(status, b"".join(self._body), self._retry_after, self._date))
        if not self._parser.should_keep_alive():
            self.close()
