"""Prometheus metrics. Labels come from the configuration only, never from a request."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from gateway import metrics_folder

# A time stamp beside each series helps nobody.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it untyped

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_CHILDREN: Final = 4096  # apps x providers x outcomes, far above any real configuration


class Metrics:
    """All metrics of one gateway. Children are kept: looking one up by labels costs a lock."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._logins = Counter(
            "gateway_logins_total",
            "Login requests by outcome.",
            ["app", "provider", "outcome"],
            registry=self.registry,
        )
        self._login_seconds = Histogram(
            "gateway_login_seconds",
            "Duration of login requests.",
            ["provider"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._upstream_seconds = Histogram(
            "gateway_upstream_seconds",
            "Duration of calls to upstreams.",
            ["upstream", "outcome"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._messages = Counter(
            "gateway_messages_total",
            "Messages handed to senders, by outcome.",
            ["sender", "outcome"],
            registry=self.registry,
        )
        self._conversion_guard = Counter(
            "gateway_conversion_guard_total",
            "Messages withheld because too few codes of a number range are used.",
            ["provider"],
            registry=self.registry,
        )
        self._in_flight = Gauge(
            "gateway_in_flight",
            "Login requests being worked on.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.reloads = Counter(
            "gateway_config_reloads_total",
            "Configuration reloads by result.",
            ["result"],
            registry=self.registry,
        )
        for result in ("ok", "failed"):
            self.reloads.labels(result)
        cached = lru_cache(maxsize=_CHILDREN)
        self._logins_of = cached(self._logins.labels)
        self._login_seconds_of = cached(self._login_seconds.labels)
        self._upstream_seconds_of = cached(self._upstream_seconds.labels)
        self._messages_of = cached(self._messages.labels)

    def began(self) -> None:
        """A login request is being worked on."""
        self._in_flight.inc()

    def ended(self) -> None:
        """It is answered."""
        self._in_flight.dec()

    def login(self, app: str, provider: str, outcome: str, seconds: float) -> None:
        """Count and time one login request."""
        self._logins_of(app, provider, outcome).inc()
        self._login_seconds_of(provider).observe(seconds)

    def message(self, sender: str, outcome: str) -> None:
        """Count one message handed to a sender."""
        self._messages_of(sender, outcome).inc()

    def upstream(self, upstream: str, outcome: str, seconds: float) -> None:
        """Time one call to an upstream."""
        self._upstream_seconds_of(upstream, outcome).observe(seconds)

    def withheld(self, provider: str) -> None:
        """Count one message that the conversion guard of a provider withheld."""
        self._conversion_guard.labels(provider).inc()

    @staticmethod
    def forget_process(pid: int) -> None:
        """A worker is dead: what it counted stays, what it was doing does not."""
        mark_process_dead(pid)  # type: ignore[no-untyped-call]  # as above

    def exposition(self) -> bytes:
        """All metrics in Prometheus text format; with several workers, those of all of them."""
        if not metrics_folder.is_shared():
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # as above
        return generate_latest(registry)
