"""Limits: which windows an attempt is counted in.

The store counts; here the configuration's limits become windows with keys. A key is a keyed digest:
whoever reads the store learns neither numbers nor addresses.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final

from config import Limit
from gateway.digests import Digests, joined
from gateway.stores import Window
from providers import Budget, Conversion, Proof

RECENT: Final = 512  # subjects of one kind, whose windows are kept


class Kind:
    """The windows of all subjects of one kind.

    Half of the windows of a login are those of the one before: its app, address, prefix.
    """

    def __init__(
        self, digests: Digests, parts: tuple[str, ...], scope: str, limits: Sequence[Limit]
    ) -> None:
        self.limits = limits
        self.windows = functools.lru_cache(maxsize=RECENT)(self._windows)
        self._names = digests.names(*parts)
        self._of_limits = [
            (joined(limit.label), limit.count, limit.period_ms, f"{scope} {limit.label}")
            for limit in limits
        ]

    def _windows(self, subject: str) -> tuple[Window, ...]:
        name = self._names.name
        return tuple(
            [
                Window(name(subject, label), count, period_ms, for_people)
                for label, count, period_ms, for_people in self._of_limits
            ]
        )


class Throttle:
    """The gateway's own limits, and the providers' budgets, as windows."""

    def __init__(
        self, digests: Digests, per_ip: Sequence[Limit], failures: Sequence[Limit]
    ) -> None:
        self._digests = digests
        self._failures = failures
        self._kinds: dict[tuple[str, ...], Kind] = {}  # as many as configuration and code have
        self._requests = Kind(digests, ("requests",), "requests", per_ip)

    def requests(self, client: str) -> Sequence[Window]:
        """Logins from one network address."""
        return self._requests.windows(client)

    def failures(self, provider: str, counted_as: str) -> Sequence[Window]:
        """Failed tries on one identity, over all apps: another app id gives no new tries."""
        return self._kind(("failures", provider), "failures", self._failures).windows(counted_as)

    def account_failures(self, provider: str, account: str) -> Sequence[Window]:
        """Failed tries on one account, whichever of its names they came by."""
        parts = ("failures", provider, "account")
        return self._kind(parts, "account", self._failures).windows(account)

    def budget(self, provider: str, budgets: Sequence[Budget]) -> list[Window]:
        """What a delivery costs."""
        windows: list[Window] = []
        for budget in budgets:
            scope = budget.scope
            kind = self._kind(("budget", provider, scope), scope, budget.limits)
            windows += kind.windows(budget.key)
        return windows

    def unused(self, provider: str, conversion: Conversion) -> Sequence[Window]:
        """Messages to one range whose codes nobody has used so far."""
        limits = (_limit(conversion.min_sends, conversion.pause),)
        return self._kind(("conversion", provider), "conversion", limits).windows(conversion.key)

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

    def _kind(self, parts: tuple[str, ...], scope: str, limits: Sequence[Limit]) -> Kind:
        """``parts`` is what the names of such counters begin with; ``scope`` is for people."""
        kind = self._kinds.get(parts)
        if kind is None or kind.limits != limits:
            kind = self._kinds[parts] = Kind(self._digests, parts, scope, limits)
        return kind


@functools.lru_cache
def _limit(count: int, seconds: float) -> Limit:
    """A limit of the configuration, which has few: making one is dearer than finding it."""
    return Limit(count, seconds)
