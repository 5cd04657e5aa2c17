"""Number ranges: those that cost too much, and those in which messages are counted together."""

from __future__ import annotations

from collections.abc import Sequence

from providers._numbering import plan_of
from providers._phone import ImpossibleNumber

# Ranges in which a call or message costs more than usual, shared with whoever rents the range.
# Each national range holds premium-rate numbers only, by libphonenumber's metadata; the tests
# verify it. They are refused as a whole, so that a range which opens tomorrow is refused today.
DENIED_PREFIXES = (
    *("+870", "+881", "+882", "+883"),  # satellite and international networks
    *("+808", "+979"),  # international shared cost, international premium rate
    *("+1900", "+1246976", "+1345976"),  # North America; Barbados, Cayman Islands
    "+279",  # South Africa
    "+3090",  # Greece
    "+3190",  # Netherlands
    *("+3270", "+3290"),  # Belgium
    "+3389",  # France
    *("+34803", "+34806", "+34807"),  # Spain
    "+351760",  # Portugal
    "+358600",  # Finland
    *("+3690", "+3691"),  # Hungary
    *("+39144", "+39166", "+3989"),  # Italy
    "+409",  # Romania
    "+4190",  # Switzerland
    "+42090",  # Czechia
    *("+4390", "+4393"),  # Austria
    "+449",  # United Kingdom
    "+4590",  # Denmark
    *("+46900", "+46939", "+46944"),  # Sweden
    "+4782",  # Norway
    "+4870",  # Poland
    "+49900",  # Germany
    "+5290",  # Mexico
    *("+55500", "+5590"),  # Brazil
    "+6119",  # Australia
    "+6490",  # New Zealand
    *("+7803", "+7809"),  # Russia, Kazakhstan
    "+81990",  # Japan
    "+8260",  # Korea
    "+909",  # Turkey
)


def beginnings(prefixes: Sequence[str]) -> tuple[str, ...]:
    """Return how canonical numbers begin (``str.startswith``) that have a prefix like ``+44``."""
    return tuple(prefix[1:] for prefix in prefixes)


def prefix_of(canonical: str) -> str:
    """Return the bucket of a canonical number for sending budgets: country code and three digits.

    Toll fraud runs in number ranges that a carrier rents by the thousand or ten thousand. Three
    digits are an area code in North America and one carrier's range in most other plans: narrow
    enough that a flood in one does not stop a country, wide enough that it cannot hide in many.
    Raises ``ImpossibleNumber`` for an unknown country code.
    """
    plan = plan_of(canonical[:3])
    if plan is None:
        raise ImpossibleNumber("unknown country code")
    return canonical[: len(plan.code) + 3]


def is_costly(canonical: str) -> bool:
    """Tell whether a canonical number is premium-rate or shared-cost by its numbering plan.

    No number of a person is. ``DENIED_PREFIXES`` has the few that are so in one region alone of
    those that share a country code.
    """
    plan = plan_of(canonical[:3])
    return plan is not None and plan.charges(canonical)
