"""A collector of traces: OTLP over HTTP, its protobuf decoded by OpenTelemetry's own code.

https://opentelemetry.io/docs/specs/otlp/#otlphttp. The body of an answer is not protobuf but empty
JSON: those who send traces may leave it unread.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.servers.http_fake import Answer, Call, HttpFake

PROTOBUF = "application/x-protobuf"


class Parent(NamedTuple):
    """A ``traceparent`` taken to pieces (https://www.w3.org/TR/trace-context/)."""

    trace: str
    span: str
    sampled: bool

    @classmethod
    def of(cls, call: Call) -> Parent | None:
        header = call.header("traceparent")
        if header is None:
            return None
        version, trace, span, flags = header.split("-")
        assert (version, len(trace), len(span), len(flags)) == ("00", 32, 16, 2)
        return cls(trace, span, bool(int(flags, 16) & 1))


@dataclass(frozen=True, slots=True)
class Recorded:
    """One span."""

    name: str
    kind: Literal["server", "client"]
    trace: str
    id: str
    parent: str  # empty: there is none
    attributes: dict[str, Any]
    failed: bool
    text: str  # of the status
    events: int
    state: str
    seconds: float
    resource: dict[str, Any]


class Collector(HttpFake[bytes]):
    """Takes traces. With ``headers`` every request must bring these."""

    path = "/v1/traces"

    def __init__(
        self, headers: Mapping[str, str] | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(tls)
        self._headers = headers or {}

    def answer(self, call: Call) -> Answer[bytes]:
        if any(call.header(name) != value for name, value in self._headers.items()):
            return Answer({"message": "who are you?"}, 401)
        if call.method != "POST" or call.header("Content-Type") != PROTOBUF:
            return Answer({"message": "not OTLP"}, 415)
        try:
            ExportTraceServiceRequest.FromString(call.body)
        except DecodeError:
            return Answer({"message": "not protobuf"}, 400)
        return Answer({}, effect=call.body)

    @property
    def spans(self) -> list[Recorded]:
        """All that were taken, in order."""
        return [span for body in self.effects for span in _spans(body)]

    @property
    def bytes(self) -> bytes:
        """All that was sent here, also in vain: bodies and header fields."""
        parts = [part for call in self.calls for field in call.headers for part in field]
        return b"\n".join([*(part.encode() for part in parts), *(c.body for c in self.calls)])

    def wait_spans(self, count: int, timeout: float = 5.0) -> list[Recorded]:
        """Wait until there are ``count`` spans; return all. Raises ``TimeoutError``."""

        def enough() -> bool:
            return sum(len([*_spans(body)]) for body in self._effects) >= count

        self._wait(enough, timeout, f"{count} spans")
        return self.spans


def _spans(body: bytes) -> Iterable[Recorded]:
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in group.scope_spans:
            for span in scope.spans:
                yield _recorded(span, group.resource)


def _recorded(span: Span, resource: Resource) -> Recorded:
    kinds = {Span.SPAN_KIND_SERVER: "server", Span.SPAN_KIND_CLIENT: "client"}
    return Recorded(
        name=span.name,
        kind=cast(Literal["server", "client"], kinds[span.kind]),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        attributes=_values(span.attributes),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        text=span.status.message,
        events=len(span.events),
        state=span.trace_state,
        seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        resource=_values(resource.attributes),
    )


def _values(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, str(pair.value.WhichOneof("value"))) for pair in pairs}
