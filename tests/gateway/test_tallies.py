"""Metrics are told as the library would tell them."""

from __future__ import annotations

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from gateway import tallies
from gateway.sheets import Sheet

SERIES = [("x", "y"), ("", 'quo"te'), ("line\nfeed", "back\\slash")]
BUCKETS = (0.005, 0.5, 1.0, 30.0)
# On each bound, and on either side of it.
AMOUNTS = [0.0, 0.005, 0.0050001, 0.4, 0.5, 0.9, 1.0, 7.25, 30.0, 30.1, 1e9]


class Told:
    """What we tell, and what the library does."""

    def __init__(self) -> None:
        self.sheet = Sheet()
        self.theirs = CollectorRegistry()

    def same(self, tally: tallies.Counter | tallies.Gauge | tallies.Histogram) -> bool:
        ours = CollectorRegistry()
        ours.register(tallies.Tallies(self.sheet, [tally]))
        text = generate_latest(ours)
        return bool(text) and text == generate_latest(self.theirs)


@pytest.fixture
def told() -> Told:
    # A time stamp beside each series helps nobody.
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    return Told()


def test_counters_are_told_as_by_the_library(told: Told) -> None:
    text = ("things_total", 'Things, "so" to\\say.', ["b", "a"])
    ours = tallies.Counter(told.sheet, *text)
    theirs = prometheus_client.Counter(*text, registry=told.theirs)
    assert told.same(ours)
    for times, values in enumerate(SERIES):
        for counter in (ours, theirs):
            counter.labels(*values)
            for _ in range(times):
                counter.labels(*values).inc()
        assert told.same(ours)


def test_histograms_are_told_as_by_the_library(told: Told) -> None:
    text = ("things_seconds", "How long.", ["b", "a"])
    ours = tallies.Histogram(told.sheet, *text, BUCKETS)
    theirs = prometheus_client.Histogram(*text, buckets=BUCKETS, registry=told.theirs)
    assert told.same(ours)
    for values in SERIES:
        for amount in AMOUNTS:
            for histogram in (ours, theirs):
                histogram.labels(*values).observe(amount)
            assert told.same(ours), amount


def test_gauges_are_told_as_by_the_library(told: Told) -> None:
    ours = tallies.Gauge(told.sheet, "things", "How many.")
    theirs = prometheus_client.Gauge("things", "How many.", registry=told.theirs)
    assert told.same(ours)
    for step in ("inc", "inc", "dec", "dec", "dec"):
        for gauge in (ours, theirs):
            getattr(gauge, step)()
        assert told.same(ours)


def test_registry_knows_what_is_in_it() -> None:
    sheet, registry = Sheet(), CollectorRegistry()
    one, two = (
        tallies.Counter(sheet, "one_total", "One.", ["a"]),
        tallies.Gauge(sheet, "two", "Two."),
    )
    registry.register(tallies.Tallies(sheet, [one, two]))
    one.labels("x").inc()
    two.inc()
    assert registry.get_sample_value("one_total", {"a": "x"}) == 1
    assert registry.get_sample_value("two") == 1
    with pytest.raises(ValueError, match="Duplicated"):
        prometheus_client.Gauge("two", "Two.", registry=registry)
