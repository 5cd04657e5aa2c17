"""Traces in the process: whose failure a span tells of, and what it does not tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs

from config import Tracing as Settings
from gateway.tracing import Tracing
from providers import Rejected, Unavailable, UnknownIdentity, current_trace, span
from tests.providers.sending import Recorder
from tests.servers.otlp import Collector, Recorded

SECRET = "123456"
Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]


class Scene:
    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._tracing = Tracing(Settings(endpoint=collector.url), Recorder())

    async def answer(self, handler: Handler) -> web.Response:
        request = make_mocked_request("POST", "/")
        return await self._tracing.answer(request, handler, is_trusted=False)

    async def spans(self) -> dict[str, Recorded]:
        await self._tracing.close()
        return {span.name: span for span in self._collector.spans}


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    with Collector() as collector:
        yield Scene(collector)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Rejected(SECRET), None),
        (UnknownIdentity(SECRET), None),
        (Unavailable("directory", SECRET), "Unavailable"),
        (TimeoutError(SECRET), "TimeoutError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_span_fails_unless_it_is_the_persons_failure(
    scene: Scene, error: Exception, kind: str | None
) -> None:
    async def handler(request: web.BaseRequest) -> web.Response:
        with pytest.raises(type(error)), span("directory", {}):
            raise error
        return web.Response()

    await scene.answer(handler)
    asked = (await scene.spans())["directory"]
    assert (asked.failed, asked.attributes.get("error.type")) == (kind is not None, kind)
    assert (asked.text, asked.events) == ("", 0)
    assert SECRET not in str(asked)


async def test_request_that_breaks_off_is_a_span_that_failed(scene: Scene) -> None:
    async def handler(request: web.BaseRequest) -> web.Response:
        raise ConnectionResetError(SECRET)

    with pytest.raises(ConnectionResetError):
        await scene.answer(handler)
    (login,) = (await scene.spans()).values()
    assert login.attributes["error.type"] == "ConnectionResetError"
    assert SECRET not in str(login)


@pytest.mark.parametrize(("status", "failed"), [(200, False), (404, False), (500, True)])
async def test_only_our_own_failure_is_one(scene: Scene, status: int, failed: bool) -> None:
    async def handler(request: web.BaseRequest) -> web.Response:
        return web.Response(status=status)

    assert (await scene.answer(handler)).status == status
    (login,) = (await scene.spans()).values()
    assert (login.attributes["http.response.status_code"], login.failed) == (status, failed)


async def test_trace_ends_with_its_request(scene: Scene) -> None:
    async def handler(request: web.BaseRequest) -> web.Response:
        trace = current_trace.get()
        assert trace is not None
        seen.append(trace.id)
        return web.Response()

    seen: list[str] = []
    await scene.answer(handler)
    await scene.answer(handler)
    assert current_trace.get() is None
    with span("later", {}) as later:
        assert later.headers == {}
    assert "later" not in await scene.spans()
    assert len(set(seen)) == 2


async def test_what_goes_on_after_the_answer_is_part_of_the_trace(scene: Scene) -> None:
    answered = asyncio.Event()

    async def errand() -> None:
        await answered.wait()
        with span("sender", {}):
            pass

    async def handler(request: web.BaseRequest) -> web.Response:
        tasks.append(asyncio.create_task(errand()))
        return web.Response()

    tasks: list[asyncio.Task[None]] = []
    await scene.answer(handler)
    answered.set()
    await tasks[0]
    spans = await scene.spans()
    assert (spans["sender"].trace, spans["sender"].parent) == (
        spans["POST"].trace,
        spans["POST"].id,
    )


async def test_nothing_is_sent_when_there_is_nothing(scene: Scene) -> None:
    with capture_logs() as lines:
        assert await scene.spans() == {}
    assert lines == []
    assert scene._collector.calls == []
