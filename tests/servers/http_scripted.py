"""A site whose every answer a test may replace: by another one, or by a fault of http_faults.

``script(path, Reply(...))`` or ``script(path, "http503", times=1)``; ``sound()`` ends all scripts.
"""

from __future__ import annotations

import asyncio
import copy
import json
import ssl
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from aiohttp import web

from tests.servers import http_faults
from tests.servers.http_fake import Call
from tests.servers.loop_thread import LoopThread
from tests.servers.reserved_port import ReservedPort

BLOCK = b" " * 65536


@dataclass(frozen=True, slots=True)
class Visit(Call):
    """One request, as it arrived."""

    @property
    def parameters(self) -> dict[str, str]:
        """What the query says. Raises ``ValueError`` if it says a thing twice."""
        return once(self.query)

    @property
    def form(self) -> dict[str, str]:
        """What the form in the body says. Raises ``ValueError`` if it says a thing twice."""
        return once(self.body.decode())


def once(text: str) -> dict[str, str]:
    """Read a query or form that says each thing once. Raises ``ValueError`` if it does not."""
    pairs = parse_qsl(text, keep_blank_values=True)
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a parameter comes twice")
    return found


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent: ``body`` as it is if it is bytes, otherwise as JSON."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)  # the Content-Type is JSON unless here
    delay: float = 0.0  # seconds
    blanks: int = 0  # bytes of white space that come after the body, which then has no length

    @property
    def bytes(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class HttpScripted(ABC):
    """Runs in a thread of its own, on a free port of localhost; steered by synchronous calls."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._reserved = ReservedPort()
        self._changed = threading.Condition()
        self._scripts: dict[str, tuple[Reply | str, int | None]] = {}
        self._visits: list[Visit] = []
        self._thread: LoopThread | None = None
        self._runner: web.AppRunner | None = None
        self.state: Any = None  # what requests change; a request that fails in vain leaves no trace

    @abstractmethod
    def respond(self, visit: Visit) -> Reply | None:
        """Return the sound answer; None: there is no such page. May change ``state``."""

    @property
    def port(self) -> int:
        return self._reserved.number

    @property
    def url(self) -> str:
        """Where it is, without a path."""
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}"

    # -- listening

    def start(self) -> Self:
        """Listen; after ``stop`` on the same port again."""
        self._thread = LoopThread(type(self).__name__)
        self._thread.run(self._listen())
        return self

    async def _listen(self) -> None:
        app = web.Application(client_max_size=1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.05
        )
        await self._runner.setup()
        await web.SockSite(self._runner, self._reserved.bind(), ssl_context=self._tls).start()

    def stop(self) -> None:
        """Refuse connections and drop the ones there are; what was recorded stays."""
        if self._thread is not None and self._runner is not None:
            self._thread.run(self._refuse(self._runner))
            self._thread.close()
        self._thread = None

    async def _refuse(self, runner: web.AppRunner) -> None:
        for site in list(runner.sites):
            await site.stop()
        # Not politely: with TLS that takes until the client says good-bye, too.
        for connection in runner.server.connections if runner.server else ():
            if connection.transport is not None and not connection.transport.is_closing():
                http_faults.reset(connection.transport)
        await runner.cleanup()

    def close(self) -> None:
        """Stop and give the port back."""
        self.stop()
        self._reserved.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    # -- the script

    def script(self, path: str, answer: Reply | str, times: int | None = None) -> None:
        """Answer the next ``times`` requests to ``path`` (None: all) so.

        ``path`` may be one that there otherwise is not. Raises ``ValueError`` for an unknown fault.
        """
        if isinstance(answer, str):
            http_faults.find(answer)  # raises now, not in the server's thread
        with self._changed:
            self._scripts[path] = answer, times

    def sound(self) -> None:
        """Be sound again, everywhere."""
        with self._changed:
            self._scripts.clear()

    def _scripted(self, path: str) -> Reply | str | None:
        answer, times = self._scripts.get(path, (None, None))
        if times == 1:
            del self._scripts[path]
        elif answer is not None and times is not None:
            self._scripts[path] = answer, times - 1
        return answer

    # -- the record

    def visits(self, path: str | None = None) -> list[Visit]:
        """Every request (to ``path``), in order."""
        with self._changed:
            return [each for each in self._visits if path in (None, each.path)]

    def wait_visits(self, count: int, path: str | None = None, timeout: float = 5.0) -> list[Visit]:
        """Wait until there are so many; return all. Raises ``TimeoutError``. Blocks."""
        self._wait(lambda: len(self.visits(path)) >= count, timeout, f"{count} requests")
        return self.visits(path)

    def forget(self) -> None:
        """Let the record begin anew."""
        with self._changed:
            self._visits.clear()

    def _wait(self, reached: Callable[[], bool], timeout: float, what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(reached, timeout):
                raise TimeoutError(f"no {what} within {timeout:g} s")

    # -- serving

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        visit = Visit(
            at=time.monotonic(),
            method=request.method,
            path=request.path,
            query=request.rel_url.raw_query_string,
            headers=tuple(
                (k.decode("latin-1"), v.decode("latin-1")) for k, v in request.raw_headers
            ),
            body=await request.read(),
        )
        with self._changed:
            scripted = self._scripted(visit.path)
            sound = self._answer(visit, scripted)
            self._visits.append(visit)
            self._changed.notify_all()
        if isinstance(scripted, str):
            return await http_faults.find(scripted)(request, sound.bytes)
        return await _send(request, sound)

    def _answer(self, visit: Visit, scripted: Reply | str | None) -> Reply:
        if isinstance(scripted, Reply):
            return scripted
        before = copy.deepcopy(self.state)
        page = "<h1>404 Not Found</h1>"
        answer = self.respond(visit) or html(page, 404)
        if scripted is not None and not http_faults.answer_lost(scripted):
            self.state = before
        return answer


def html(page: str, status: int = 200) -> Reply:
    return Reply(page.encode(), status, {"Content-Type": "text/html; charset=utf-8"})


async def _send(request: web.Request, reply: Reply) -> web.StreamResponse:
    await asyncio.sleep(reply.delay)
    headers = {"Content-Type": "application/json"} | dict(reply.headers)
    if not reply.blanks:
        return web.Response(body=reply.bytes, status=reply.status, headers=headers)
    response = web.StreamResponse(status=reply.status, headers=headers)
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(reply.bytes)
    for _ in range(-(-reply.blanks // len(BLOCK))):
        await response.write(BLOCK)
    return response
