"""Traces: which spans there are, what they tell, what goes on to upstreams, whose are believed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.conftest import StartGateway
from tests.gateway.conftest import (
    APP,
    PASSWORD,
    Site,
    StartRedis,
    StartSite,
    password_login,
    phone_login,
    site_config,
)
from tests.gateway.traced import PARENT, SPAN, TRACE, TRUSTING, one_trace, sign_in, traced
from tests.gateway.waiting import audit_lines
from tests.servers.gateway import post
from tests.servers.otlp import Collector, Parent

SECRET = "tell-the-collector-only"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


# What there is


def test_phone_login_is_two_traces_with_their_upstreams(
    start_site: StartSite, start_redis: StartRedis, collector: Collector
) -> None:
    store = {"secret": "s" * 32, "store": {"url": start_redis().url}}
    site = traced(start_site, collector, **store, logging={"format": "json"})
    sign_in(site)
    site.gateway.stop()
    spans = collector.spans
    sent, signed_in = dict.fromkeys(span.trace for span in spans)
    begun = {s.name: s for s in spans if s.trace == sent}
    ended = {s.name: s for s in spans if s.trace == signed_in}
    assert begun.keys() == {"login", "redis start", "http"}
    assert ended.keys() == {"login", "redis take", "issuer", "redis finish"}
    for trace in (begun, ended):
        login = trace.pop("login")
        assert (login.kind, login.parent) == ("server", "")
        assert {span.kind for span in trace.values()} == {"client"}
        assert {span.parent for span in trace.values()} == {login.id}
        assert all(0 < span.seconds <= login.seconds for span in trace.values())
    lines = audit_lines(site.gateway, 2)
    assert [line["trace_id"] for line in lines] == [sent, signed_in]


def test_spans_tell_what_conventions_say(start_site: StartSite, collector: Collector) -> None:
    site = traced(start_site, collector, tracing={"service": "sign-in"})
    sign_in(site)
    spans = collector.wait_spans(4)
    login = next(span for span in spans if span.attributes.get("gateway.outcome") == "success")
    request_id = login.attributes.pop("gateway.request_id")
    assert re.fullmatch("[0-9a-f]{16}", request_id)
    assert login.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "gateway.app": APP,
        "gateway.provider": "phone",
        "gateway.outcome": "success",
    }
    issuer = next(span for span in spans if span.name == "issuer")
    assert issuer.attributes == {
        "server.address": "127.0.0.1",
        "server.port": site.mesibo.port,
        "http.request.method": "POST",
        "http.response.status_code": 200,
    }
    assert not any(span.failed for span in spans)
    (service,) = {span.resource.pop("service.name") for span in spans}
    assert service == "sign-in"
    (resource,) = {tuple(span.resource) for span in spans}
    assert resource == ("service.instance.id",)


@pytest.mark.parametrize(
    ("method", "path", "name", "route"),
    [
        ("GET", "/", "GET", None),
        ("GET", "/signin?app=18005551234", "GET /signin", "/signin"),
        ("GET", "/signin/18005551234", "GET /signin/{id}", "/signin/{id}"),
        ("GET", "/signin/signin.css?v=1", "GET /signin/{asset}", "/signin/{asset}"),
        ("GET", "/callback/18005551234?code=1", "GET /callback/{provider}", "/callback/{provider}"),
        ("GET", "/18005551234", "GET", None),
        ("OPTIONS", "/18005551234", "OPTIONS", None),
        ("POST", "/18005551234", "POST", None),
        ("PROPFIND", "/", "HTTP", None),
    ],
)
def test_names_are_few_and_of_ours(
    shared: tuple[Site, Collector], method: str, path: str, name: str, route: str | None
) -> None:
    site, collector = shared
    before = len(collector.spans)
    post(site.url, path=path, method=method)
    (span,) = collector.wait_spans(before + 1)[before:]
    assert (span.name, span.attributes.get("http.route")) == (name, route)
    assert span.attributes["http.request.method"] == ("_OTHER" if name == "HTTP" else method)
    assert b"18005551234" not in collector.bytes


@pytest.mark.parametrize(
    ("op", "name"), [("logout", "logout"), ("Login", "login"), ("x18005551234", "unknown op")]
)
def test_ops_are_called_by_their_names(shared: tuple[Site, Collector], op: str, name: str) -> None:
    site, collector = shared
    before = len(collector.spans)
    post(site.url, {"op": op, "token": "secret-token", "dt": "1"})
    (span,) = collector.wait_spans(before + 1)[before:]
    assert span.name == name
    assert b"secret-token" not in collector.bytes


@pytest.fixture(scope="module")
def shared(start_site: StartSite) -> Iterator[tuple[Site, Collector]]:
    with Collector() as collector:
        yield traced(start_site, collector), collector


def test_failing_upstream_is_seen_in_its_span_and_in_that_of_the_login(
    start_site: StartSite, collector: Collector, site: Site
) -> None:
    traced_site = traced(start_site, collector)
    site.mesibo.fail("http500")
    traced_site.post(password_login(), second_step=False)
    first, again, login = collector.wait_spans(3)
    assert [first.name, again.name, login.name] == ["issuer", "issuer", "login"]
    assert [s.attributes["error.type"] for s in (first, again, login)] == [
        "500",
        "500",
        "unavailable",
    ]
    assert all(span.failed for span in (first, again, login))
    assert login.attributes["gateway.outcome"] == "unavailable"
    site.mesibo.fail("cut")
    traced_site.post(password_login(), second_step=False)
    assert {s.attributes.get("error.type") for s in collector.wait_spans(6)[3:]} == {
        "Broken",
        "unavailable",
    }


def test_what_redis_says_is_the_kind_of_error_of_its_span(
    start_site: StartSite, start_redis: StartRedis, collector: Collector
) -> None:
    redis = start_redis()
    site = traced(start_site, collector, secret="s" * 32, store={"url": redis.url})
    sign_in(site)
    redis.ask("CONFIG", "SET", "maxmemory", "1")
    site.post(phone_login(), second_step=False)
    site.gateway.stop()
    last = collector.spans[-1].trace
    failed = {s.name: s.attributes["error.type"] for s in collector.spans if s.trace == last}
    assert failed == {"redis start": "OutOfMemoryError", "login": "unavailable"}


def test_wrong_password_is_no_failure_of_ours(
    shared: tuple[Site, Collector],
) -> None:
    site, collector = shared
    before = len(collector.spans)
    site.post(password_login(password="wrong"), second_step=False)
    (login,) = collector.wait_spans(before + 1)[before:]
    assert login.attributes["gateway.outcome"] == "rejected"
    assert not login.failed


# What goes on


def test_upstreams_are_told_of_the_spans_that_call_them(
    start_site: StartSite, collector: Collector
) -> None:
    site = traced(start_site, collector)
    texts, tokens = len(site.sms.calls), len(site.mesibo.calls)
    sign_in(site)
    spans = {span.id: span for span in collector.wait_spans(4)}
    for call, name in ((site.sms.calls[texts], "http"), (site.mesibo.calls[tokens], "issuer")):
        parent = Parent.of(call)
        assert parent is not None
        assert parent.sampled
        assert (spans[parent.span].name, spans[parent.span].trace) == (name, parent.trace)
        assert call.header("tracestate") is None


def test_nothing_secret_is_in_any_span(
    start_site: StartSite, start_redis: StartRedis, collector: Collector
) -> None:
    store = {"secret": "s" * 32, "store": {"url": start_redis().url}}
    headers = {"headers": {"x-key": SECRET}}
    site = traced(start_site, collector, **store, tracing=headers)
    known = {*sign_in(site).values(), site.mesibo.app_token, PASSWORD, "s" * 32}
    typed = {"id_token": "typed-token", "access_token": "typed-token", "code_verifier": "typed-v"}
    site.post(password_login(password="typed-password", **typed), second_step=False)
    known.add(site.post(password_login(), second_step=False).json["token"])
    site.post(phone_login(otp="735124"), second_step=True)
    for failure in ("html", "json500", "false", "cut"):
        site.mesibo.fail(failure)
        site.post(password_login(name="typed-name"), second_step=False)
    site.mesibo.ok()
    post(site.url, path="/signin?app=typed-app", method="GET", headers={"Cookie": "a=typed-cookie"})
    post(site.url, b"typed-nonsense")
    site.gateway.stop()
    assert len(collector.spans) > 20
    bodies = b"".join(call.body for call in collector.calls)
    assert not [secret for secret in (*known, SECRET) if secret.encode() in bodies]
    assert b"typed" not in bodies
    assert b"735124" not in bodies
    assert not any(span.events or span.text or span.state for span in collector.spans)
    assert SECRET not in site.gateway.stderr + site.gateway.stdout
    assert all(call.header("x-key") == SECRET for call in collector.calls)


# Sampling, and whose word counts


@pytest.mark.parametrize("flag", ["00", "01"])
def test_trace_of_a_trusted_proxy_goes_on(
    start_site: StartSite, collector: Collector, flag: str
) -> None:
    site = traced(start_site, collector, **TRUSTING, tracing={"sample": 0.0})
    before = len(site.mesibo.calls)
    headers = {"traceparent": f"00-{PARENT}-{flag}", "tracestate": "vendor=opaque"}
    assert site.post(password_login(), headers, second_step=False).json["result"] == "OK"
    call = site.mesibo.calls[before]
    parent = Parent.of(call)
    assert parent is not None
    assert (parent.trace, parent.sampled) == (TRACE, flag == "01")
    assert parent.span != SPAN
    assert call.header("tracestate") == "vendor=opaque"
    site.gateway.stop()
    spans = one_trace(collector.spans) if flag == "01" else {}
    assert len(collector.spans) == len(spans) == (2 if flag == "01" else 0)
    if spans:
        assert (spans["login"].trace, spans["login"].parent) == (TRACE, SPAN)
        assert (spans["issuer"].id, spans["issuer"].parent) == (parent.span, spans["login"].id)


def test_trace_that_anybody_names_is_not_gone_on_with(
    shared: tuple[Site, Collector],
) -> None:
    site, collector = shared
    before, calls = len(collector.spans), len(site.mesibo.calls)
    headers = {"traceparent": f"00-{PARENT}-00", "tracestate": "vendor=opaque"}
    site.post(password_login(), headers, second_step=False)
    spans = one_trace(collector.wait_spans(before + 2)[before:])
    assert spans["login"].parent == ""
    assert spans["login"].trace != TRACE
    parent = Parent.of(site.mesibo.calls[calls])
    assert parent is not None
    assert parent.sampled
    assert site.mesibo.calls[calls].header("tracestate") is None


@pytest.fixture(scope="module")
def trusting(start_site: StartSite) -> Iterator[tuple[Site, Collector]]:
    with Collector() as collector:
        yield traced(start_site, collector, **TRUSTING), collector


@pytest.mark.parametrize(
    "headers",
    [
        [("traceparent", "")],
        [("traceparent", f"00-{PARENT}")],
        [("traceparent", f"00-{PARENT}-0")],
        [("traceparent", f"00-{PARENT}-01-more")],
        [("traceparent", f"ff-{PARENT}-01")],
        [("traceparent", f"00-{PARENT.upper()}-01")],
        [("traceparent", f"00-{'0' * 32}-{SPAN}-01")],
        [("traceparent", f"00-{TRACE}-{'0' * 16}-01")],
        [("traceparent", f"00-{PARENT}-zz")],
        [("traceparent", f"00-{PARENT}-01"), ("traceparent", f"00-{PARENT}-01")],
        [("tracestate", "vendor=opaque")],
    ],
    ids=lambda headers: ",".join(value for _, value in headers)[:70],
)
def test_malformed_parent_is_as_none(
    trusting: tuple[Site, Collector], headers: list[tuple[str, str]]
) -> None:
    site, collector = trusting
    before, calls = len(collector.spans), len(site.mesibo.calls)
    site.post(password_login(), headers, second_step=False)
    spans = one_trace(collector.wait_spans(before + 2)[before:])
    assert (spans["login"].parent, spans["login"].state) == ("", "")
    assert spans["login"].trace != TRACE
    assert site.mesibo.calls[calls].header("tracestate") is None


def test_malformed_state_is_left_out_and_the_trace_goes_on(
    trusting: tuple[Site, Collector],
) -> None:
    site, collector = trusting
    before, calls = len(collector.spans), len(site.mesibo.calls)
    headers = {"traceparent": f"00-{PARENT}-01", "tracestate": "a=1,\u00fc\u00fc,=,b"}
    site.post(password_login(), headers, second_step=False)
    spans = one_trace(collector.wait_spans(before + 2)[before:])
    assert spans["login"].trace == TRACE
    state = site.mesibo.calls[calls].header("tracestate")
    assert state in (None, "a=1")


def test_only_a_part_is_recorded(start_site: StartSite, collector: Collector) -> None:
    site = traced(start_site, collector, tracing={"sample": 0.5}, logging={"format": "json"})
    before = len(site.mesibo.calls)
    for _ in range(60):
        assert site.logs_in()
    parents = [Parent.of(call) for call in site.mesibo.calls[before:]]
    sampled = {parent.trace for parent in parents if parent is not None and parent.sampled}
    assert all(parents)
    assert 5 < len(sampled) < 55  # each misses once in 10**11 runs
    site.gateway.stop()
    assert {span.trace for span in collector.spans} == sampled
    assert len(collector.spans) == 2 * len(sampled)


# Off


@pytest.mark.parametrize("on", [False, True])
def test_off_means_no_header_no_library_and_no_id_in_the_log(
    start_gateway: StartGateway, collector: Collector, site: Site, on: bool
) -> None:
    tracing = {"endpoint": collector.url} if on else None
    config = site_config(site.mesibo, site.sms, tracing=tracing, **TRUSTING)
    gateway = start_gateway(config, env={"PYTHONPROFILEIMPORTTIME": "1"})
    before = len(site.mesibo.calls), len(site.sms.calls)
    sign_in(Site(gateway, site.mesibo, site.sms), {"traceparent": f"00-{PARENT}-01"})
    for call in (site.mesibo.calls[before[0]], site.sms.calls[before[1]]):
        assert (call.header("traceparent") is not None) == on
    for trace in ("trace_id", r"\| +opentelemetry", r"\| +google\.protobuf"):
        assert bool(re.search(trace, gateway.stderr)) == on, trace
