"""Limits: which windows an attempt is counted in.

The store counts; here the configuration's limits become windows with keys. A key is a keyed digest:
whoever reads the store learns neither numbers nor addresses.
"""

from __future__ import annotations

from collections.abc import Sequence

from config import Limit
from gateway.digests import Digests
from gateway.stores import Window
from providers import Budget


class Throttle:
    """The gateway's own limits, and the providers' budgets, as windows."""

    def __init__(
        self, digests: Digests, per_ip: Sequence[Limit], failures: Sequence[Limit]
    ) -> None:
        self._digests = digests
        self._per_ip = per_ip
        self._failures = failures

    def requests(self, client: str) -> list[Window]:
        """Logins from one network address."""
        return self._windows(self._per_ip, "requests", client)

    def failures(self, provider: str, identity: str) -> list[Window]:
        """Failed tries on one identity, over all apps: another app id gives no new tries."""
        return self._windows(self._failures, "failures", provider, identity)

    def budget(self, provider: str, budgets: Sequence[Budget]) -> list[Window]:
        """What a delivery costs."""
        return [
            window
            for budget in budgets
            for window in self._windows(budget.limits, "budget", provider, budget.scope, budget.key)
        ]

    def _windows(self, limits: Sequence[Limit], *subject: str) -> list[Window]:
        name = self._digests.name
        return [
            Window(name(*subject, limit.label), limit.count, limit.period_ms) for limit in limits
        ]
