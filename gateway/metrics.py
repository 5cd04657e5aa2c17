"""Prometheus metrics. Labels come from the configuration only, never from a request."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest

from gateway.sheets import Sheet
from gateway.tallies import Counter, Gauge, Histogram, Tallies

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SERIES: Final = 4096  # apps x providers x outcomes, far above any real configuration


class Metrics:
    """All metrics of one gateway. Series are kept: looking one up by labels is slow."""

    def __init__(self, sheet: Sheet | None = None) -> None:
        sheet = sheet or Sheet()
        self._logins = Counter(
            sheet,
            "gateway_logins_total",
            "Login requests by outcome.",
            ["app", "provider", "outcome"],
        )
        self._login_seconds = Histogram(
            sheet, "gateway_login_seconds", "Duration of login requests.", ["provider"], _BUCKETS
        )
        self._upstream_seconds = Histogram(
            sheet,
            "gateway_upstream_seconds",
            "Duration of calls to upstreams.",
            ["upstream", "outcome"],
            _BUCKETS,
        )
        self._messages = Counter(
            sheet,
            "gateway_messages_total",
            "Messages handed to senders, by outcome.",
            ["sender", "outcome"],
        )
        self._conversion_guard = Counter(
            sheet,
            "gateway_conversion_guard_total",
            "Messages withheld because too few codes of a number range are used.",
            ["provider"],
        )
        in_flight = Gauge(sheet, "gateway_in_flight", "Login requests being worked on.")
        self.reloads = Counter(
            sheet,
            "gateway_config_reloads_total",
            "Configuration reloads by result.",
            ["result"],
        )
        self.tallies = Tallies(
            sheet,
            [
                self._logins,
                self._login_seconds,
                self._upstream_seconds,
                self._messages,
                self._conversion_guard,
                in_flight,
                self.reloads,
            ],
        )
        self.registry = CollectorRegistry()
        self.registry.register(self.tallies)
        for result in ("ok", "failed"):
            self.reloads.labels(result)
        self.began = in_flight.inc  # a login request is being worked on
        self.ended = in_flight.dec  # it is answered
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

    def exposition(self) -> bytes:
        """All metrics in Prometheus text format."""
        return generate_latest(self.registry)
