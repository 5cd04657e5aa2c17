"""Collectors that are down, slow or wrong; the end of a gateway, its workers and its reloads."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.conftest import APP, Site, StartRedis, StartSite, site_config
from tests.gateway.traced import one_trace, traced
from tests.gateway.waiting import until
from tests.servers.otlp import Collector
from tests.servers.reserved_port import ReservedPort
from tests.servers.tls import Authority

LINE = "spans are not taken"
SECRET = "tell-the-collector-only"
LATE = {"gateway.span_export.INTERVAL": 3600.0}
LOGINS = 20


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture
def other() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture
def start(start_site: StartSite, collector: Collector) -> Iterator[StartSite]:
    """Start gateways that end before their collector does."""
    sites: list[Site] = []

    def start(tuned: dict[str, float] | None = None, **keys: Any) -> Site:
        sites.append(start_site(tuned, **keys))
        return sites[-1]

    yield start
    for site in sites:
        site.gateway.stop()


def log_in(site: Site, times: int = LOGINS) -> float:
    """Return the seconds that the slowest took."""
    slowest = 0.0
    for _ in range(times):
        started = time.monotonic()
        assert site.logs_in()
        slowest = max(slowest, time.monotonic() - started)
    return slowest


@pytest.mark.parametrize(
    ("failure", "detail"),
    [
        ("hang", "no answer within"),
        ("cut", "connection"),
        ("drip", ""),
        ("html", ""),
        ("redirect", "HTTP status 307"),
        ("http400", "HTTP status 400"),
        ("http500", "HTTP status 500"),
        ("http503", "HTTP status 503"),
    ],
)
def test_failing_collector_costs_logins_nothing_and_a_line(
    start: StartSite, collector: Collector, failure: str, detail: str
) -> None:
    tuned = {"gateway.span_export.DEADLINE": 0.2}
    keys = {"headers": {"authorization": SECRET}}
    collector.fail(failure)
    site = traced(start, collector, tuned=tuned, tracing=keys)
    slowest = 0.0
    for batch in range(1, 4):
        slowest = max(slowest, log_in(site))
        collector.wait_calls(batch)
    assert slowest < 1.0
    if detail:
        until(lambda: LINE in site.gateway.stderr)
        line = next(line for line in site.gateway.stderr.splitlines() if LINE in line)
        assert "warning" in line
        assert detail in line
    assert site.gateway.stderr.count(LINE) == bool(detail)
    assert "Traceback" not in site.gateway.stderr
    assert SECRET not in site.gateway.stderr
    assert collector.redirected == 0


def test_dead_collector_costs_logins_nothing_and_a_line(start: StartSite) -> None:
    with contextlib.closing(ReservedPort()) as port:
        tracing = {"endpoint": f"http://127.0.0.1:{port.number}/v1/traces"}
        site = start({"gateway.span_export.INTERVAL": 0.02}, tracing=tracing)
        assert log_in(site, 100) < 1.0
    assert site.gateway.stderr.count(LINE) == 1
    assert "no connection (ConnectionRefusedError)" in site.gateway.stderr


def test_spans_wait_for_a_collector_that_comes_back(start: StartSite, collector: Collector) -> None:
    collector.fail("http503")
    site = traced(start, collector)
    log_in(site)
    collector.wait_calls(2)
    collector.ok()
    spans = collector.wait_spans(2 * LOGINS)
    assert len({span.id for span in spans}) == len(spans) == 2 * LOGINS


def test_what_is_too_much_is_dropped_and_counted(start: StartSite, collector: Collector) -> None:
    tuned = {"gateway.span_export.MAX_WAITING": 10, "gateway.span_export.QUIET": 0.3}
    collector.fail("http503")
    site = traced(start, collector, tuned=tuned, logging={"format": "json"})
    log_in(site)

    def dropped() -> int:
        return sum(map(int, re.findall('"dropped":([0-9]+)', site.gateway.stderr)))

    until(lambda: dropped() == 2 * LOGINS - 10)
    collector.ok()
    assert len(collector.wait_spans(10)) == 10


def test_refused_batches_make_room_for_others(start: StartSite, collector: Collector) -> None:
    """Sent again, they would be refused again."""
    collector.fail("http400", times=1)
    site = traced(start, collector)
    log_in(site, 1)
    collector.wait_calls(1)
    log_in(site, 1)
    until(lambda: "issuer" in {span.name for span in collector.spans})
    one_trace(collector.spans)


def test_many_spans_go_in_batches(start: StartSite, collector: Collector) -> None:
    tuned = {**LATE, "gateway.span_export.BATCH": 8}
    site = traced(start, collector, tuned=tuned)
    log_in(site, 10)
    spans = collector.wait_spans(16)
    assert len(spans) == 16
    assert len(collector.calls) == 2
    site.gateway.stop()
    assert len(collector.spans) == 20


@pytest.mark.parametrize("is_known", [True, False])
def test_certificate_of_a_collector_is_verified(
    start: StartSite, tmp_path: Path, is_known: bool
) -> None:
    authority = Authority(tmp_path)
    with Collector(tls=authority.server()) as collector:
        tracing = {"ca_file": str(authority.ca_file)} if is_known else {}
        site = traced(start, collector, tracing=tracing)
        log_in(site, 1)
        if is_known:
            collector.wait_spans(2)
        else:
            until(lambda: LINE in site.gateway.stderr)
            assert collector.calls == []
        assert ("certificate refused" in site.gateway.stderr) != is_known
        site.gateway.stop()


def test_collector_that_fails_is_left_alone_for_a_while(
    start: StartSite, collector: Collector
) -> None:
    collector.fail("http503")
    site = traced(start, collector, tuned={**LATE, "gateway.span_export.BATCH": 4})
    log_in(site)
    collector.ok()
    assert len(collector.calls) == 1
    site.gateway.stop()
    assert len(collector.spans) == 2 * LOGINS


# The end


def test_what_is_left_is_sent_at_the_end(start: StartSite, collector: Collector) -> None:
    site = start(tracing={"endpoint": collector.url})
    log_in(site, 3)
    assert site.gateway.stop() == 0
    assert len(collector.spans) == 6


def test_collector_that_hangs_does_not_hold_up_the_end(
    start: StartSite, collector: Collector
) -> None:
    collector.fail("hang")
    tracing = {"endpoint": collector.url}
    site = start({"gateway.span_export.DEADLINE": 60.0}, tracing=tracing)
    log_in(site, 3)
    started = time.monotonic()
    assert site.gateway.stop() == 0
    assert 1.5 < time.monotonic() - started < 10.0
    assert "spans are lost" in site.gateway.stderr


def test_each_worker_sends_its_own(
    start: StartSite, start_redis: StartRedis, collector: Collector
) -> None:
    site = start(
        workers=2,
        secret="s" * 32,
        store={"url": start_redis().url},
        tracing={"endpoint": collector.url},
    )
    log_in(site, 40)
    assert site.gateway.stop() == 0
    logins = [span for span in collector.spans if span.name == "login"]
    assert len(logins) == 40
    assert len({span.resource["service.instance.id"] for span in logins}) == 2


# Reload


def test_reload_turns_it_on_elsewhere_and_off(
    start: StartSite, collector: Collector, other: Collector
) -> None:
    """The connections of issuer and senders stay, and go on to be traced or not."""
    site = start(LATE, logging={"format": "json"})

    def change(**keys: Any) -> None:
        done = site.gateway.stderr.count("configuration reloaded")
        config = site_config(site.mesibo, site.sms, logging={"format": "json"}, **keys)
        site.gateway.write(config)
        until(lambda: site.gateway.stderr.count("configuration reloaded") > done)

    log_in(site, 1)
    change(tracing={"endpoint": collector.url})
    log_in(site, 1)
    change(tracing={"endpoint": collector.url}, apps={APP: {}, "com.example.other": {}})
    log_in(site, 1)
    assert collector.calls == []  # what is configured as before has not ended
    change(tracing={"endpoint": other.url})
    assert len(collector.wait_spans(4)) == 4  # at the end of what sent them
    log_in(site, 1)
    change()
    assert len(other.wait_spans(2)) == 2
    before = len(site.mesibo.calls)
    log_in(site, 1)
    assert site.mesibo.calls[before].header("traceparent") is None
    site.gateway.stop()
    assert (len(collector.spans), len(other.spans)) == (4, 2)
    assert "takes effect at the next start" not in site.gateway.stderr
