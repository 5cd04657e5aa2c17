"""Limits: which windows an attempt is counted in.

The store counts; here the configuration's limits become windows with keys. A key is a keyed digest:
whoever reads the store learns neither numbers nor addresses.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from config import Limit
from gateway.digests import Digests
from gateway.stores import Window
from providers import Budget, Conversion, Proof


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
        return self._windows("requests", self._per_ip, "requests", client)

    def failures(self, provider: str, counted_as: str) -> list[Window]:
        """Failed tries on one identity, over all apps: another app id gives no new tries."""
        return self._windows("failures", self._failures, "failures", provider, counted_as)

    def account_failures(self, provider: str, account: str) -> list[Window]:
        """Failed tries on one account, whichever of its names they came by."""
        subject = ("failures", provider, "account", account)
        return self._windows("account", self._failures, *subject)

    def budget(self, provider: str, budgets: Sequence[Budget]) -> list[Window]:
        """What a delivery costs."""
        return [
            window
            for budget in budgets
            for window in self._windows(
                budget.scope, budget.limits, "budget", provider, budget.scope, budget.key
            )
        ]

    def unused(self, provider: str, conversion: Conversion) -> list[Window]:
        """Messages to one range whose codes nobody has used so far."""
        limits = (_limit(conversion.min_sends, conversion.pause),)
        return self._windows("conversion", limits, "conversion", provider, conversion.key)

    def once(self, proof: Proof) -> list[Window]:
        """Where the one use of a proof counts, until nobody would accept it any more.

        For all providers together: several may accept the tokens of one issuer.
        """
        key = self._digests.name("proof", proof.id)
        return [Window(key, 1, max(1, int(proof.lifetime * 1000)), "proof 1")]

    @staticmethod
    def earned(conversion: Conversion) -> int:
        """How many unused messages one used code makes up for."""
        return round(min(1 / conversion.min_rate, conversion.min_sends))

    def _windows(self, scope: str, limits: Sequence[Limit], *subject: str) -> list[Window]:
        """``scope`` is for people; ``subject`` is what a counter belongs to."""
        name = self._digests.name
        return [
            Window(
                name(*subject, limit.label),
                limit.count,
                limit.period_ms,
                f"{scope} {limit.label}",
            )
            for limit in limits
        ]


@functools.lru_cache
def _limit(count: int, seconds: float) -> Limit:
    """A limit of the configuration, which has few: making one is dearer than finding it."""
    return Limit(count, seconds)
