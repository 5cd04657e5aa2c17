"""What every login works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from gateway.challenges import Challenges
from gateway.conclusion import Conclusion
from gateway.digests import Digests
from gateway.errands import Errands
from gateway.issuer import Issuer
from gateway.metrics import Metrics
from gateway.spent_codes import SpentCodes
from gateway.stores import Store
from gateway.throttle import Throttle
from gateway.tickets import Tickets
from gateway.trips import Trips


@dataclass(frozen=True, slots=True)
class Desk:
    """One of each."""

    store: Store
    digests: Digests
    challenges: Challenges
    trips: Trips
    tickets: Tickets
    spent_codes: SpentCodes
    throttle: Throttle
    conclusion: Conclusion
    metrics: Metrics
    errands: Errands

    @classmethod
    def set_up(
        cls,
        store: Store,
        digests: Digests,
        throttle: Throttle,
        issuer: Issuer,
        metrics: Metrics,
        errands: Errands,
    ) -> Self:
        """Put together what works on one store, under one secret."""
        challenges = Challenges(store, digests)
        tickets = Tickets(challenges, digests)
        spent_codes = SpentCodes(challenges, digests)
        return cls(
            store=store,
            digests=digests,
            challenges=challenges,
            trips=Trips(challenges, digests),
            tickets=tickets,
            throttle=throttle,
            spent_codes=spent_codes,
            conclusion=Conclusion(store, throttle, issuer, tickets, spent_codes),
            metrics=metrics,
            errands=errands,
        )
