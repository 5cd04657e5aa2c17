"""OpenTelemetry traces: one span for a request, and one in it for each call to an upstream.

Imported only when tracing is configured: the libraries are optional, and cost 20 MB.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Final, Self

from aiohttp import web
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import (
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import config
import providers
from gateway.browser.routes import route
from gateway.span_export import Exporter
from providers import Meter, Rejected, current_trace

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"})
_INSTANCE: Final = str(uuid.uuid4())  # this process
_PROPAGATOR: Final = TraceContextTextMapPropagator()


class Tracing:
    """Make it on the event loop; ``close`` it to send what is left."""

    def __init__(self, settings: config.Tracing, meter: Meter) -> None:
        self._exporter = Exporter(settings, meter)
        provider = TracerProvider(
            sampler=ParentBasedTraceIdRatio(settings.sample),
            resource=Resource({"service.name": settings.service, "service.instance.id": _INSTANCE}),
            shutdown_on_exit=False,
        )
        provider.add_span_processor(self._exporter)
        self._tracer = provider.get_tracer("messenger-auth-gateway")

    async def check(self) -> list[str]:
        """Try the collector, without a span; return what is wrong, a line each."""
        return await self._exporter.check()

    async def close(self) -> None:
        """Send what is left, for a short while."""
        await self._exporter.close()

    async def answer(
        self,
        request: web.BaseRequest,
        handler: Callable[[web.BaseRequest], Awaitable[web.Response]],
        *,
        is_trusted: bool,
    ) -> web.Response:
        """Answer a request in a span of its own.

        It goes on with the trace that the request names, if whoever sends it ``is_trusted``:
        anybody else could have everything recorded.
        """
        method = request.method if request.method in _METHODS else "_OTHER"
        where = route(request.path)
        span = self._tracer.start_span(
            f"{'HTTP' if method == '_OTHER' else method} {where}".rstrip(),
            _named_by(request) if is_trusted else Context(),
            SpanKind.SERVER,
            {"http.request.method": method, **({"http.route": where} if where else {})},
        )
        with _Trace(span, self._tracer) as trace:
            response = await handler(request)
            trace.set("http.response.status_code", response.status)
            if response.status >= 500:
                trace.fail(str(response.status))
        return response


def _named_by(request: web.BaseRequest) -> Context:
    """The trace that a request belongs to; an empty context, if it names none, or badly."""
    parents = request.headers.getall("traceparent", [])
    if len(parents) != 1:
        return Context()
    states = request.headers.getall("tracestate", [])
    return _PROPAGATOR.extract({"traceparent": parents, "tracestate": states}, Context())


class _Span:
    """See ``providers.Span``."""

    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def headers(self) -> Mapping[str, str]:
        """See ``providers.Span``."""
        headers: dict[str, str] = {}
        _PROPAGATOR.inject(headers, set_span_in_context(self._span, Context()))
        return headers

    def set(self, attribute: str, value: str | int) -> None:
        """See ``providers.Span``."""
        self._span.set_attribute(attribute, value)

    def fail(self, kind: str) -> None:
        """See ``providers.Span``."""
        self._span.set_attribute("error.type", kind)
        self._span.set_status(StatusCode.ERROR)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None and not isinstance(error, Rejected):
            self.fail(type(error).__name__)  # its text may repeat what a person typed
        self._span.end()


class _Trace(_Span):
    """See ``providers.Trace``."""

    def __init__(self, span: Span, tracer: Tracer) -> None:
        super().__init__(span)
        self._tracer = tracer
        context = span.get_span_context()
        self.id = format_trace_id(context.trace_id)
        self._is_sampled = context.trace_flags.sampled
        self._context = set_span_in_context(span, Context())

    def rename(self, name: str) -> None:
        """See ``providers.Trace``."""
        self._span.update_name(name)

    def call(self, name: str, attributes: providers.Attributes) -> providers.Span:
        """See ``providers.span``."""
        if not self._is_sampled:
            return _Span(self._span)  # whoever is called is told that nothing is recorded
        return _Span(self._tracer.start_span(name, self._context, SpanKind.CLIENT, attributes))

    def __enter__(self) -> Self:
        self._token = current_trace.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        current_trace.reset(self._token)
        super().__exit__(kind, error, traceback)
