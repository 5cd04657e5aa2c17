"""What the fakes of HTTP services share: a real loopback socket, a record, switchable failures."""

from __future__ import annotations

import json
import ssl
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Generic, Self, TypeVar

from aiohttp import web

from tests.servers import http_faults
from tests.servers.loop_thread import LoopThread
from tests.servers.reserved_port import HOST, ReservedPort


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as it arrived."""

    at: float  # time.monotonic()
    method: str
    path: str
    query: str  # raw, without the question mark
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Answer(Generic[E]):
    """What a sound service says, and the effect that it has by then had."""

    body: Mapping[str, Any]
    status: int = 200
    effect: E | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def bytes(self) -> bytes:
        return json.dumps(self.body, separators=(",", ":")).encode()


class HttpFake(ABC, Generic[E]):
    """An HTTP service with its own thread and loop, steered by plain synchronous calls.

    Waiting calls block: in a test that runs what it tests on the test's own loop, wait with
    ``await asyncio.to_thread(fake.wait_calls, 1)``.
    """

    path: str  # failures happen here; every other path but those of ``probes`` is a 404 page
    probes: tuple[str, ...] = ()  # paths of calls that change nothing, which ``answer`` knows, too
    # The failures of this very service: the sound answer in, the failed one out. Any other name is
    # looked up in http_faults.
    failures: ClassVar[Mapping[str, Callable[[Answer[Any]], Answer[Any]]]] = {}

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._reserved = ReservedPort()
        self._changed = threading.Condition()
        self._calls: list[Call] = []
        self._effects: list[E] = []
        self._mode: str | None = None
        self._remaining: int | None = None
        self._thread: LoopThread | None = None
        self._runner: web.AppRunner | None = None

    @abstractmethod
    def answer(self, call: Call) -> Answer[E]:
        """Return what the sound service answers."""

    @property
    def port(self) -> int:
        return self._reserved.number

    @property
    def url(self) -> str:
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://{HOST}:{self.port}{self.path}"

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
            self._thread.run(self._runner.cleanup())
            self._thread.close()
        self._thread = None

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

    # -- failing

    def fail(self, mode: str, times: int | None = None) -> None:
        """Fail the next ``times`` calls (None: all until ``ok``) in this way."""
        if mode not in self.failures:
            http_faults.find(mode)  # raises now, not in the server's thread
        with self._changed:
            self._mode, self._remaining = mode, times

    def ok(self) -> None:
        """Be sound again."""
        with self._changed:
            self._mode = self._remaining = None

    def _take_mode(self) -> str | None:
        if self._remaining is None:
            return self._mode
        self._remaining -= 1
        return self._mode if self._remaining >= 0 else None

    # -- the record

    @property
    def calls(self) -> list[Call]:
        """Every request, in order, also those that were failed."""
        with self._changed:
            return list(self._calls)

    @property
    def effects(self) -> list[E]:
        """What the service did, also where the answer was lost."""
        with self._changed:
            return list(self._effects)

    @property
    def redirected(self) -> int:
        """How many requests followed a redirect."""
        return sum(call.path == http_faults.REDIRECTED for call in self.calls)

    def wait_calls(self, count: int, timeout: float = 5.0) -> list[Call]:
        """Wait until there are ``count`` calls; return all. Raises ``TimeoutError``."""
        self._wait(lambda: len(self._calls) >= count, timeout, f"{count} calls")
        return self.calls

    def _wait(self, reached: Callable[[], bool], timeout: float, what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(reached, timeout):
                raise TimeoutError(f"no {what} within {timeout} s; {len(self._calls)} calls came")

    # -- serving

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = Call(
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
            mode = self._take_mode() if call.path == self.path else None
            known = (self.path, http_faults.REDIRECTED, *self.probes)
            sound = self.answer(call) if call.path in known else None
            self._calls.append(call)
            if sound and sound.effect is not None and (not mode or http_faults.answer_lost(mode)):
                self._effects.append(sound.effect)
            self._changed.notify_all()
        if sound is None:
            return web.Response(text="<h1>404 Not Found</h1>", content_type="text/html", status=404)
        if mode is None:
            return _response(sound)
        if failure := self.failures.get(mode):
            return _response(failure(sound))
        return await http_faults.find(mode)(request, sound.bytes)


def _response(answer: Answer[Any]) -> web.Response:
    response = http_faults.json_reply(answer.bytes, answer.status)
    response.headers.update(answer.headers)
    return response
