"""The metrics of a process that is the only one, and that counts in one thread.

The library has a lock for each number, which costs several times what counting does. Arguments and
exposition are those of the library.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)


class Count:
    """One series of a counter."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def inc(self) -> None:
        """Count one."""
        self.value += 1


class Distribution:
    """One series of a histogram: how many amounts fell into each bucket, and their sum."""

    __slots__ = ("_buckets", "counts", "sum")

    def __init__(self, buckets: Sequence[float]) -> None:
        self._buckets = buckets
        self.counts = [0] * (len(buckets) + 1)  # one more for what is above all bounds
        self.sum = 0.0

    def observe(self, amount: float) -> None:
        """Count an amount."""
        self.sum += amount
        self.counts[bisect_left(self._buckets, amount)] += 1


class Gauge:
    """A number of things that come and go."""

    def __init__(self, name: str, documentation: str, *, registry: CollectorRegistry) -> None:
        self._name = name
        self._documentation = documentation
        self._value = 0
        registry.register(self)

    def inc(self) -> None:
        """One more is there."""
        self._value += 1

    def dec(self) -> None:
        """One is gone."""
        self._value -= 1

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The metric without its value."""
        yield GaugeMetricFamily(self._name, self._documentation)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The metric as it is now."""
        yield GaugeMetricFamily(self._name, self._documentation, self._value)


class Counter:
    """Counts by labels."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Sequence[str],
        *,
        registry: CollectorRegistry,
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labelnames = labelnames
        self._series: dict[tuple[str, ...], Count] = {}
        registry.register(self)

    def labels(self, *values: str) -> Count:
        """The series with these labels."""
        return self._series.setdefault(values, Count())

    def describe(self) -> Iterator[CounterMetricFamily]:
        """The metric without its series."""
        yield CounterMetricFamily(self._name, self._documentation, labels=self._labelnames)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The metric as it is now."""
        for family in self.describe():
            for values, count in self._series.items():
                family.add_metric(values, count.value)
            yield family


class Histogram:
    """Distributions by labels. ``buckets`` are upper bounds, the lowest first."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Sequence[str],
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labelnames = labelnames
        self._buckets = buckets
        self._series: dict[tuple[str, ...], Distribution] = {}
        registry.register(self)

    def labels(self, *values: str) -> Distribution:
        """The series with these labels."""
        return self._series.setdefault(values, Distribution(self._buckets))

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """The metric without its series."""
        yield HistogramMetricFamily(self._name, self._documentation, labels=self._labelnames)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The metric as it is now."""
        bounds = [*map(str, self._buckets), "+Inf"]
        for family in self.describe():
            for values, series in self._series.items():
                # A bucket holds what the lower ones do, too.
                counts = accumulate(series.counts)
                family.add_metric(values, [*zip(bounds, counts, strict=True)], series.sum)
            yield family
