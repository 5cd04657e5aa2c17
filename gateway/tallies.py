"""Counters, gauges and histograms for a process that counts in one thread.

The library has a lock for each number, which costs several times what counting does, and writes to
files by way of several calls. What is told of it is the
library's.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from gateway.sheets import Row, Sheet


class Count:
    """One series of a counter."""

    __slots__ = ("_row",)

    def __init__(self, row: Row) -> None:
        self._row = row

    def inc(self) -> None:
        """Count one."""
        self._row[0] += 1


class Distribution:
    """One series of a histogram: the sum of all amounts, and how many fell into each bucket."""

    __slots__ = ("_buckets", "_row")

    def __init__(self, buckets: Sequence[float], row: Row) -> None:
        self._buckets = buckets
        self._row = row

    def observe(self, amount: float) -> None:
        """Count an amount."""
        row = self._row
        row[0] += amount
        row[1 + bisect_left(self._buckets, amount)] += 1


Rows = Sequence[tuple[Sequence[str], Row]]
"""The values of labels, and the numbers of their series."""


class Gauge:
    """A number of things that come and go."""

    labelnames: Sequence[str] = ()
    lasts = False  # of a process that is gone, nothing is there

    def __init__(self, sheet: Sheet, name: str, documentation: str) -> None:
        self.name = name
        self._documentation = documentation
        self._row = sheet.row((name,), 1)

    def inc(self) -> None:
        """One more is there."""
        self._row[0] += 1

    def dec(self) -> None:
        """One is gone."""
        self._row[0] -= 1

    def told(self, rows: Rows) -> Metric:
        """The metric with these series."""
        family = GaugeMetricFamily(self.name, self._documentation, labels=self.labelnames)
        for values, numbers in rows:
            family.add_metric(values, numbers[0])
        return family


class Counter:
    """Counts by labels."""

    lasts = True

    def __init__(
        self, sheet: Sheet, name: str, documentation: str, labelnames: Sequence[str]
    ) -> None:
        self.name = name
        self.labelnames = labelnames
        self._sheet = sheet
        self._documentation = documentation

    def labels(self, *values: str) -> Count:
        """The series with these labels."""
        return Count(self._sheet.row((self.name, *values), 1))

    def told(self, rows: Rows) -> Metric:
        """The metric with these series."""
        family = CounterMetricFamily(self.name, self._documentation, labels=self.labelnames)
        for values, numbers in rows:
            family.add_metric(values, numbers[0])
        return family


class Histogram:
    """Distributions by labels. ``buckets`` are upper bounds, the lowest first."""

    lasts = True

    def __init__(
        self,
        sheet: Sheet,
        name: str,
        documentation: str,
        labelnames: Sequence[str],
        buckets: Sequence[float],
    ) -> None:
        self.name = name
        self.labelnames = labelnames
        self._sheet = sheet
        self._documentation = documentation
        self._buckets = buckets

    def labels(self, *values: str) -> Distribution:
        """The series with these labels."""
        # The sum, a number for each bucket, and one for what is above all bounds.
        width = 1 + len(self._buckets) + 1
        return Distribution(self._buckets, self._sheet.row((self.name, *values), width))

    def told(self, rows: Rows) -> Metric:
        """The metric with these series."""
        family = HistogramMetricFamily(self.name, self._documentation, labels=self.labelnames)
        bounds = [*map(str, self._buckets), "+Inf"]
        for values, (total, *counts) in rows:
            # A bucket holds what the lower ones do, too.
            family.add_metric(values, [*zip(bounds, accumulate(counts), strict=True)], total)
        return family


class Tallies:
    """All metrics of a sheet: a collector for the library's registry."""

    def __init__(self, sheet: Sheet, tallies: Sequence[Gauge | Counter | Histogram]) -> None:
        self._sheet = sheet
        self._by_name = {tally.name: tally for tally in tallies}

    def __iter__(self) -> Iterator[Gauge | Counter | Histogram]:
        """In the order of their exposition."""
        return iter(self._by_name.values())

    def lasts(self, name: str) -> bool:
        """Whether what a process counted under that name still counts when it is gone."""
        return self._by_name[name].lasts

    def describe(self) -> Iterator[Metric]:
        """The metrics without their series."""
        return (tally.told([]) for tally in self)

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        rows: dict[str, list[tuple[Sequence[str], Row]]] = {tally.name: [] for tally in self}
        for (name, *values), numbers in self._sheet.totals():
            rows[name].append((values, numbers))
        return (tally.told(rows[tally.name]) for tally in self)
