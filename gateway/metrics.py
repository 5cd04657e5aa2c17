"""Prometheus metrics. Labels come from the configuration only, never from a request."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, disable_created_metrics, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from gateway import metrics_folder, tallies

# A time stamp beside each series helps nobody.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it untyped

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SERIES: Final = 4096  # apps x providers x outcomes, far above any real configuration

# Several processes count in files, so that one can tell what all have counted.
_SHARED: Final = metrics_folder.is_shared()
_Counter: Final[type[tallies.Counter] | type[prometheus_client.Counter]] = (
    prometheus_client.Counter if _SHARED else tallies.Counter
)
_Gauge: Final[type[tallies.Gauge] | Callable[..., prometheus_client.Gauge]] = (
    partial(prometheus_client.Gauge, multiprocess_mode="livesum") if _SHARED else tallies.Gauge
)
_Histogram: Final[type[tallies.Histogram] | type[prometheus_client.Histogram]] = (
    prometheus_client.Histogram if _SHARED else tallies.Histogram
)


class Metrics:
    """All metrics of one gateway. Series are kept: looking one up by labels is slow."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._logins = _Counter(
            "gateway_logins_total",
            "Login requests by outcome.",
            ["app", "provider", "outcome"],
            registry=self.registry,
        )
        self._login_seconds = _Histogram(
            "gateway_login_seconds",
            "Duration of login requests.",
            ["provider"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._upstream_seconds = _Histogram(
            "gateway_upstream_seconds",
            "Duration of calls to upstreams.",
            ["upstream", "outcome"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._messages = _Counter(
            "gateway_messages_total",
            "Messages handed to senders, by outcome.",
            ["sender", "outcome"],
            registry=self.registry,
        )
        self._conversion_guard = _Counter(
            "gateway_conversion_guard_total",
            "Messages withheld because too few codes of a number range are used.",
            ["provider"],
            registry=self.registry,
        )
        self._in_flight = _Gauge(
            "gateway_in_flight",
            "Login requests being worked on.",
            registry=self.registry,
        )
        self.reloads = _Counter(
            "gateway_config_reloads_total",
            "Configuration reloads by result.",
            ["result"],
            registry=self.registry,
        )
        for result in ("ok", "failed"):
            self.reloads.labels(result)
        self.began = self._in_flight.inc  # a login request is being worked on
        self.ended = self._in_flight.dec  # it is answered
        cached = lru_cache(maxsize=_SERIES)
        self._login_of = cached(self._login_series)
        self._upstream_of = cached(lambda *labels: self._upstream_seconds.labels(*labels).observe)
        self._message_of = cached(lambda *labels: self._messages.labels(*labels).inc)

    def login(self, app: str, provider: str, outcome: str, seconds: float) -> None:
        """Count and time one login request."""
        count, observe = self._login_of(app, provider, outcome)
        count()
        observe(seconds)

    def _login_series(
        self, app: str, provider: str, outcome: str
    ) -> tuple[Callable[[], None], Callable[[float], None]]:
        count = self._logins.labels(app, provider, outcome)
        return count.inc, self._login_seconds.labels(provider).observe

    def message(self, sender: str, outcome: str) -> None:
        """Count one message handed to a sender."""
        self._message_of(sender, outcome)()

    def upstream(self, upstream: str, outcome: str, seconds: float) -> None:
        """Time one call to an upstream."""
        self._upstream_of(upstream, outcome)(seconds)

    def withheld(self, provider: str) -> None:
        """Count one message that the conversion guard of a provider withheld."""
        self._conversion_guard.labels(provider).inc()

    @staticmethod
    def forget_process(pid: int) -> None:
        """A worker is dead: what it counted stays, what it was doing does not."""
        mark_process_dead(pid)  # type: ignore[no-untyped-call]  # as above

    def exposition(self) -> bytes:
        """All metrics in Prometheus text format; with several workers, those of all of them."""
        if not _SHARED:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # as above
        return generate_latest(registry)
