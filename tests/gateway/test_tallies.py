"""A process that is alone tells of its metrics what the library would."""

from __future__ import annotations

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from gateway import tallies

SERIES = [("x", "y"), ("", 'quo"te'), ("line\nfeed", "back\\slash")]
BUCKETS = (0.005, 0.5, 1.0, 30.0)
# On each bound, and on either side of it.
AMOUNTS = [0.0, 0.005, 0.0050001, 0.4, 0.5, 0.9, 1.0, 7.25, 30.0, 30.1, 1e9]

Told = tuple[CollectorRegistry, CollectorRegistry]


@pytest.fixture
def told() -> Told:
    """What we tell, and what the library does."""
    return CollectorRegistry(), CollectorRegistry()


def same(told: Told) -> bool:
    ours, theirs = map(generate_latest, told)
    return bool(ours) and ours == theirs


def test_counters_are_told_as_by_the_library(told: Told) -> None:
    text = ("things_total", 'Things, "so" to\\say.', ["b", "a"])
    ours = tallies.Counter(*text, registry=told[0])
    theirs = prometheus_client.Counter(*text, registry=told[1])
    assert same(told)
    for times, values in enumerate(SERIES):
        for counter in (ours, theirs):
            counter.labels(*values)
            for _ in range(times):
                counter.labels(*values).inc()
        assert same(told)


def test_histograms_are_told_as_by_the_library(told: Told) -> None:
    text = ("things_seconds", "How long.", ["b", "a"])
    ours = tallies.Histogram(*text, buckets=BUCKETS, registry=told[0])
    theirs = prometheus_client.Histogram(*text, buckets=BUCKETS, registry=told[1])
    assert same(told)
    for values in SERIES:
        for amount in AMOUNTS:
            for histogram in (ours, theirs):
                histogram.labels(*values).observe(amount)
            assert same(told), amount


def test_gauges_are_told_as_by_the_library(told: Told) -> None:
    ours = tallies.Gauge("things", "How many.", registry=told[0])
    theirs = prometheus_client.Gauge("things", "How many.", registry=told[1])
    assert same(told)
    for step in ("inc", "inc", "dec", "dec", "dec"):
        for gauge in (ours, theirs):
            getattr(gauge, step)()
        assert same(told)


def test_registry_knows_what_is_in_it(told: Told) -> None:
    ours = told[0]
    tallies.Counter("one_total", "One.", ["a"], registry=ours).labels("x").inc()
    tallies.Gauge("two", "Two.", registry=ours).inc()
    assert ours.get_sample_value("one_total", {"a": "x"}) == 1
    assert ours.get_sample_value("two") == 1
    with pytest.raises(ValueError, match="Duplicated"):
        tallies.Gauge("two", "Two.", registry=ours)
