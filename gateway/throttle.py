"""Limits: which windows an attempt is counted in.

The store counts; here the configuration's limits become windows with keys. A key is a keyed digest:
whoever reads the store learns neither numbers nor addresses.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from typing import Final

from config import Limit
from gateway.digests import SIZE, Digests
from gateway.stores import Window
from providers import Budget, Conversion, Proof

RECENT: Final = 4096  # subjects whose windows are kept
SUBJECT_SIZE: Final = 12  # bytes of a key, of ``SIZE``


class Throttle:
    """The gateway's own limits, and the providers' budgets, as windows."""

    def __init__(
        self, digests: Digests, per_ip: Sequence[Limit], failures: Sequence[Limit]
    ) -> None:
        self._digests = digests
        self._per_ip = per_ip
        self._failures = failures
        # Most windows of a login are those of the one before: of its app, address, prefix.
        self._known: dict[tuple[str, ...], tuple[Sequence[Limit], Sequence[Window]]] = {}

    def requests(self, client: str) -> Sequence[Window]:
        """Logins from one network address."""
        return self._windows("requests", self._per_ip, "requests", client)

    def failures(self, provider: str, counted_as: str) -> Sequence[Window]:
        """Failed tries on one identity, over all apps: another app id gives no new tries."""
        return self._windows("failures", self._failures, "failures", provider, counted_as)

    def account_failures(self, provider: str, account: str) -> Sequence[Window]:
        """Failed tries on one account, whichever of its names they came by."""
        subject = ("failures", provider, "account", account)
        return self._windows("account", self._failures, *subject)

    def budget(self, provider: str, budgets: Sequence[Budget]) -> Sequence[Window]:
        """What a delivery costs."""
        return [
            window
            for budget in budgets
            for window in self._windows(
                budget.scope, budget.limits, "budget", provider, budget.scope, budget.key
            )
        ]

    def unused(self, provider: str, conversion: Conversion) -> Sequence[Window]:
        """Messages to one range whose codes nobody has used so far."""
        limits = (_limit(conversion.min_sends, conversion.pause),)
        return self._windows("conversion", limits, "conversion", provider, conversion.key)

    def once(self, proof: Proof) -> Sequence[Window]:
        """Where the one use of a proof counts, until nobody would accept it any more.

        For all providers together: several may accept the tokens of one issuer.
        """
        key = self._digests.name("proof", proof.id)
        return [Window(key, 1, max(1, int(proof.lifetime * 1000)), "proof 1")]

    @staticmethod
    def earned(conversion: Conversion) -> int:
        """How many unused messages one used code makes up for."""
        return round(min(1 / conversion.min_rate, conversion.min_sends))

    def _windows(self, scope: str, limits: Sequence[Limit], *subject: str) -> Sequence[Window]:
        """``scope`` is for people; ``subject`` is what a counter belongs to."""
        known = self._known.get(subject)
        if known is not None and known[0] is limits:
            return known[1]
        if len(self._known) >= RECENT:
            self._known.clear()  # those that are met again and again are soon back
        subject_key = self._digests.name(*subject)[:SUBJECT_SIZE]
        windows = []
        for limit in limits:
            tag, name = _told_apart(scope, limit.label)
            windows.append(Window(subject_key + tag, limit.count, limit.period_ms, name))
        self._known[subject] = limits, windows
        return windows


@functools.cache
def _told_apart(scope: str, label: str) -> tuple[bytes, str]:
    """What tells the counters of one subject apart, for the store and for people.

    Only the configuration has scopes and labels.
    """
    tag = hashlib.blake2b(label.encode(), digest_size=SIZE - SUBJECT_SIZE).digest()
    return tag, f"{scope} {label}"


@functools.lru_cache
def _limit(count: int, seconds: float) -> Limit:
    """A limit of the configuration, which has few: making one is dearer than finding it."""
    return Limit(count, seconds)
