"""The public listener: one handler for every path."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from aiohttp import HttpVersion11, web
from multidict import CIMultiDict

from config import Settings
from gateway import clients, errors, pages, posts, wire
from gateway.audit import Audit
from gateway.browser.routes import CALLBACK, SIGNIN, Browser
from gateway.connections import Connection
from gateway.login import Engine
from gateway.outcomes import Outcome
from gateway.posts import Post
from providers import current_trace

if TYPE_CHECKING:
    from gateway.tracing import Tracing

_PROCESS: Final = os.urandom(4).hex()
_COUNTER: Final = itertools.count()
BODY_TIMEOUT: Final = 15.0  # seconds
ADMIN_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})


@dataclass(slots=True)
class Caller:
    """What a request tells of whom it comes from, beside its body."""

    peer: str
    posts: bool
    origin: str | None
    agent: str
    forwarded_for: Sequence[str]
    forwarded: Sequence[str]


class Api:
    """Requests to answers."""

    def __init__(
        self, engine: Engine, audit: Audit, settings: Settings, tracing: Tracing | None = None
    ) -> None:
        cors_origins = settings.cors_origins
        self._engine = engine
        self._browser = Browser(engine, settings.public_url)
        self._audit = audit
        self._tracing = tracing
        self._trusted = tuple(settings.trusted_proxies)
        self._any_origin = "*" in cors_origins
        self._headers = CIMultiDict(wire.HEADERS)
        if self._any_origin:
            self._headers["Access-Control-Allow-Origin"] = "*"
        else:
            self._headers["Vary"] = "Origin"
        self._origins = frozenset(cors_origins)
        self._allow_get = settings.allow_get
        self._head = posts.head(self._headers.items())

    def takes(self, path: str) -> bool:
        """Whether what is posted to ``path`` is for ``post``; all else is for ``handle``."""
        is_op = path not in ADMIN_PATHS and not path.startswith((SIGNIN, CALLBACK))
        return is_op and self._tracing is None

    async def post(self, post: Post, peer: str) -> bytes:
        """Answer a post that came in one piece."""
        headers = post.headers
        caller = Caller(
            peer,
            True,
            headers.get("origin"),
            headers.get("user-agent", ""),
            [headers["x-forwarded-for"]] if "x-forwarded-for" in headers else (),
            [headers["forwarded"]] if "forwarded" in headers else (),
        )
        try:
            body = await self._op(caller, post.body, None)
        except wire.BadRequest:
            body = wire.encode_error("login", errors.BADREQUEST, boolean=False)
        head = self._head
        if caller.origin is not None and caller.origin in self._origins and not self._any_origin:
            head += posts.header("Access-Control-Allow-Origin", caller.origin)
        return posts.answer(head, body, keep_alive=post.keep_alive)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer any request to the public listener."""
        connection = _connection(request)
        connection.head_arrived()
        try:
            if self._tracing is None:
                return await self._answer(request)
            is_trusted = clients.is_trusted(request.remote or "", self._trusted)
            return await self._tracing.answer(request, self._answer, is_trusted=is_trusted)
        finally:
            connection.work_ended()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.method == "POST":
            return await self._post(request)
        if request.method == "OPTIONS":
            return self._preflight(request)
        if request.path in ADMIN_PATHS:
            return self._refuse(request, status=404)
        if self._browser.claims(request):
            return await self._page(request, b"")
        if request.method in ("GET", "HEAD") and request.path == "/" and "op" not in request.query:
            return pages.home()
        if self._allow_get and request.method == "GET" and request.query_string:
            return await self._reply_to_op(request, b"", request.query_string)
        return self._refuse(request)

    async def _post(self, request: web.BaseRequest) -> web.Response:
        if request.path in ADMIN_PATHS:
            return self._refuse(request, status=404)
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            return self._refuse(request, status=415)
        if (request.content_length or 0) > wire.MAX_BODY:
            return self._refuse(request, status=413)
        expect = request.headers.get("Expect", "").lower()
        if expect == "100-continue" and request.version >= HttpVersion11:
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # nothing of the answer has been sent yet
        try:
            body = await _read(request)
        except TimeoutError:
            return self._refuse(request, close=True)
        except web.HTTPRequestEntityTooLarge:
            return self._refuse(request, status=413)
        if self._browser.claims(request) and not self._browser.is_op(request, body):
            return await self._page(request, body)
        query = request.query_string if self._allow_get and not body else None
        return await self._reply_to_op(request, body, query or None)

    async def _page(self, request: web.BaseRequest, body: bytes) -> web.Response:
        _connection(request).work_began()
        return await self._browser.answer(
            request, body, self._client(_caller(request)), _request_id()
        )

    async def _reply_to_op(
        self, request: web.BaseRequest, body: bytes, query: str | None
    ) -> web.Response:
        _connection(request).work_began()
        try:
            return self._reply(request, await self._op(_caller(request), body, query))
        except wire.BadRequest:
            return self._refuse(request)

    async def _op(self, caller: Caller, body: bytes, query: str | None) -> bytes:
        """Do what is asked for. Raises ``BadRequest``."""
        try:
            call = wire.parse(body, query)
        except wire.BadRequest:
            self._audit.unreadable(self._client(caller), _request_id())
            raise
        if (trace := current_trace.get()) is not None:
            trace.rename(call.op if call.op in ("login", "logout") else "unknown op")
        if call.op == "logout":
            return wire.encode_ok("logout", boolean=self._boolean(caller, call))
        if call.op != "login":
            return wire.encode_error(call.op, errors.BADOP, boolean=self._boolean(caller, call))
        call.login.client = self._client(caller)
        call.login.request_id = _request_id()
        outcome = await self._engine.login(call.login)
        return self._encode(caller, call, outcome)

    def _encode(self, caller: Caller, call: wire.Call, outcome: Outcome) -> bytes:
        app = self._engine.apps.find(call.login.app)
        extras = app.extras if app is not None else {}
        return wire.encode(call, outcome, extras, boolean=self._boolean(caller, call))

    def _boolean(self, caller: Caller, call: wire.Call) -> bool:
        """Whether ``result`` is a boolean, as documented, or the string that apps can read."""
        app = self._engine.apps.find(call.login.app)
        if app is not None and app.result != "auto":
            return app.result == "boolean"
        if call.relaxed:
            return True
        by_browser = caller.origin is not None or "Mozilla/" in caller.agent
        return caller.posts and not call.marked and not by_browser

    def _client(self, caller: Caller) -> str:
        return clients.client(caller.peer, caller.forwarded_for, caller.forwarded, self._trusted)

    def _refuse(
        self, request: web.BaseRequest, status: int = 200, *, close: bool = False
    ) -> web.Response:
        """What cannot be read as an op: apps that are crashed by a boolean may have sent it."""
        if self._browser.claims(request):
            response = self._browser.refuse(request, 400 if status == 200 else status)
        else:
            body = wire.encode_error("login", errors.BADREQUEST, boolean=False)
            response = self._reply(request, body, status)
        if close or status in (413, 415):
            response.force_close()  # the rest of the body is not read
        return response

    def _reply(self, request: web.BaseRequest, body: bytes, status: int = 200) -> web.Response:
        response = web.Response(status=status, body=body, headers=self._headers)
        self._allow_origin(request, response)
        return response

    def _allow_origin(self, request: web.BaseRequest, response: web.Response) -> None:
        if not self._any_origin:
            origin = request.headers.get("Origin")
            if origin in self._origins:
                response.headers["Access-Control-Allow-Origin"] = origin

    def _preflight(self, request: web.BaseRequest) -> web.Response:
        headers = self._headers.copy()
        del headers["Content-Type"]
        headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        headers["Access-Control-Allow-Headers"] = "content-type"
        headers["Access-Control-Max-Age"] = "86400"
        response = web.Response(status=204, headers=headers)
        self._allow_origin(request, response)
        return response


def _caller(request: web.BaseRequest) -> Caller:
    headers = request.headers
    return Caller(
        request.remote or "local",
        request.method == "POST",
        headers.get("Origin"),
        headers.get("User-Agent", ""),
        headers.getall("X-Forwarded-For", ()),
        headers.getall("Forwarded", ()),
    )


def _connection(request: web.BaseRequest) -> Connection:
    return cast(Connection, request.protocol)  # see connections.Server


def _request_id() -> str:
    """Unique over all gateways; it grants nothing, so it may be guessed."""
    return f"{_PROCESS}{next(_COUNTER):08x}"


async def _read(request: web.BaseRequest) -> bytes:
    """The body, at most ``MAX_BODY`` bytes of it, within ``BODY_TIMEOUT``."""
    stream = request.content
    if stream.is_eof():  # arrived together with the head: no timer needed
        body = stream.read_nowait()
    else:
        chunks = bytearray()
        async with asyncio.timeout(BODY_TIMEOUT):
            while len(chunks) <= wire.MAX_BODY and (chunk := await stream.readany()):
                chunks += chunk
        body = bytes(chunks)
    if len(body) > wire.MAX_BODY:
        raise web.HTTPRequestEntityTooLarge(max_size=wire.MAX_BODY, actual_size=len(body))
    return body
