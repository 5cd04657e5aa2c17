"""One LDAP connection on the event loop, for one operation at a time."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Final, cast

from providers.ldap import messages
from providers.ldap.ber import NotBer
from providers.ldap.client import (
    PASSWORD_POLICY,
    SIZE_LIMIT,
    SUCCESS,
    Bound,
    ConnectionFailed,
    ConnectionLost,
    Entry,
    Found,
    Query,
)
from providers.ldap.messages import Response, Result

# Bytes of one operation's answer.
MAX_FOUND: Final = 1 << 20
MAX_RESULT: Final = 1 << 14  # where nothing is looked for; StartTLS is answered by anybody


@dataclass(slots=True)
class _Operation:
    """What is under way."""

    id: int
    ends_with: int  # the kind of its last response
    done: asyncio.Future[Result]
    most: int  # entries
    longest: int  # bytes
    entries: list[Entry] = field(default_factory=list)
    more: bool = False  # there were more entries than ``most``
    received: int = 0  # bytes


class Wire(asyncio.Protocol):
    """See ``Connection``."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._last_id = 0
        self._operation: _Operation | None = None

    # -- operations

    async def bind(self, dn: str, password: str, within: float) -> Bound:
        """See ``Connection``."""
        operation = self._begin(messages.BIND_RESPONSE)
        request = messages.bind_request(operation.id, dn, password)
        code, message, controls = await self._exchange(request, operation, within)
        return Bound(code, message, controls.get(PASSWORD_POLICY))

    async def search(self, query: Query, within: float) -> Found:
        """See ``Connection``."""
        operation = self._begin(messages.SEARCH_DONE, query.limit)
        request = messages.search_request(operation.id, query, max(1, round(within)))
        code, message, _ = await self._exchange(request, operation, within)
        if operation.more and code == SUCCESS:
            code = SIZE_LIMIT  # there are servers that do not look at the limit
        return Found(code, operation.entries, message)

    async def start_tls(self, context: ssl.SSLContext, host: str, within: float) -> None:
        """Go on with TLS (RFC 4511 section 4.14). Raises ``ConnectionFailed``, ``OSError``."""
        operation = self._begin(messages.EXTENDED_RESPONSE)
        request = messages.start_tls_request(operation.id)
        code, _, _ = await self._exchange(request, operation, within)
        if code != SUCCESS:
            raise ConnectionFailed(f"the server refuses StartTLS (result code {code})")
        if self._transport is None:
            raise ConnectionFailed("the server went on in clear text")
        transport = await self._loop.start_tls(self._transport, self, context, server_hostname=host)
        if transport is None:
            raise ConnectionFailed("the connection broke during StartTLS")
        self._transport = transport

    def _begin(self, ends_with: int, most: int = 0) -> _Operation:
        self._last_id += 1
        longest = MAX_FOUND if ends_with == messages.SEARCH_DONE else MAX_RESULT
        done: asyncio.Future[Result] = self._loop.create_future()
        return _Operation(self._last_id, ends_with, done, most, longest)

    async def _exchange(self, request: bytes, operation: _Operation, within: float) -> Result:
        if self._transport is None or self._transport.is_closing():
            raise ConnectionLost("the server closed the connection")
        self._operation = operation
        timer = self._loop.call_later(within, self._late)
        self._transport.write(request)
        try:
            return await operation.done
        except BaseException:
            await self.close()
            raise
        finally:
            timer.cancel()

    @property
    def alive(self) -> bool:
        """See ``Connection``."""
        return self._transport is not None and not self._transport.is_closing()

    async def close(self) -> None:
        """See ``Connection``."""
        self._fail(ConnectionLost("closed"))

    def certificate(self) -> bytes | None:
        """Return what the server showed, as DER."""
        tls = self._transport and self._transport.get_extra_info("ssl_object")
        return tls.getpeercert(binary_form=True) if tls else None

    # -- asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Read messages as they become whole."""
        operation = self._operation
        if operation is None:
            self._fail(ConnectionLost("the server said something nobody asked for"))
            return
        operation.received += len(data)
        if operation.received > operation.longest:
            self._fail(ConnectionFailed("an answer that is too long"))
            return
        self._buffer += data
        try:
            self._read(operation)
        except NotBer as error:
            self._fail(ConnectionFailed(f"an answer that is no LDAP: {error}"))

    def _read(self, operation: _Operation) -> None:
        while (size := messages.size(self._buffer)) is not None:
            if size > operation.longest:
                self._fail(ConnectionFailed("an answer that is too long"))
            if self._transport is None or len(self._buffer) < size:
                return
            message = bytes(self._buffer[:size])
            del self._buffer[:size]
            self._take(messages.decode(message), operation)

    def _take(self, response: Response, operation: _Operation) -> None:
        if response.id == 0:  # Notice of Disconnection (section 4.4.1)
            self._fail(ConnectionLost("the server closes the connection"))
        elif response.id != operation.id or operation.done.done():
            self._fail(ConnectionFailed("the answer to another question"))
        elif response.kind == operation.ends_with:
            result = messages.result(response)
            if self._buffer:  # before TLS, words that somebody in between put in
                self._fail(ConnectionFailed("the answer has more after its end"))
            else:
                self._operation = None
                operation.done.set_result(result)
        elif operation.ends_with != messages.SEARCH_DONE:
            self._fail(ConnectionFailed("the answer to another question"))
        elif response.kind == messages.SEARCH_ENTRY:
            self._add(response, operation)
        elif response.kind != messages.SEARCH_REFERENCE:
            self._fail(ConnectionFailed("the answer to another question"))

    def _add(self, response: Response, operation: _Operation) -> None:
        if len(operation.entries) < operation.most:
            operation.entries.append(messages.entry(response))
        else:
            operation.more = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits need not any more."""
        self._fail(ConnectionLost("the server closed the connection"))

    def _late(self) -> None:
        self._fail(ConnectionFailed("no answer in time"))

    def _fail(self, error: Exception) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        operation, self._operation = self._operation, None
        if operation is not None and not operation.done.done():
            operation.done.set_exception(error)
