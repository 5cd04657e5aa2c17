from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from tests.servers.gateway import post
from tests.servers.otlp import PROTOBUF, Collector

TYPE = {"Content-Type": PROTOBUF}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector({"x-key": "secret"}) as collector:
        yield collector


def send(collector: Collector, body: bytes, **headers: str) -> int:
    return post(collector.url, body, {**TYPE, "x-key": "secret", **headers}, collector.path).status


def test_spans_are_decoded(collector: Collector) -> None:
    span = Span(
        trace_id=bytes.fromhex("0af7651916cd43dd8448eb211c80319c"),
        span_id=bytes.fromhex("b7ad6b7169203331"),
        name="login",
        kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=1_000_000_000,
        end_time_unix_nano=1_500_000_000,
        status=Status(code=Status.STATUS_CODE_ERROR, message="why"),
        trace_state="a=1",
    )
    span.attributes.add(key="port").value.int_value = 1
    group = ResourceSpans(scope_spans=[ScopeSpans(spans=[span])])
    group.resource.attributes.add(key="service.name").value.string_value = "gateway"
    body = ExportTraceServiceRequest(resource_spans=[group]).SerializeToString()
    assert send(collector, body + body) == 200  # two messages in one, as protobuf has it
    one, two = collector.wait_spans(2)
    assert one == two
    assert (one.trace, one.id) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert (one.name, one.kind, one.parent, one.seconds) == ("login", "server", "", 0.5)
    assert (one.failed, one.text, one.state, one.events) == (True, "why", "a=1", 0)
    assert (one.attributes, one.resource) == ({"port": 1}, {"service.name": "gateway"})
    assert b"secret" in collector.bytes
    assert b"login" in collector.bytes


def test_nonsense_is_refused(collector: Collector) -> None:
    assert send(collector, b"") == 200
    assert send(collector, b"\xff") == 400
    assert send(collector, b"", **{"Content-Type": "application/json"}) == 415
    assert send(collector, b"", **{"x-key": "another"}) == 401
    assert collector.spans == []


def test_waiting_ends(collector: Collector) -> None:
    with pytest.raises(TimeoutError, match="1 spans"):
        collector.wait_spans(1, timeout=0.05)
