"""After how many wrong passwords a directory locks an account.

If the gateway lets as many through, anybody can lock others out by it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from config import Limit
from config.quantities import spell_duration
from providers.ldap import searching
from providers.ldap.client import Entry, Query
from providers.ldap.names import comparable_dn
from providers.ldap.searching import Reader

_MOST_POLICIES: Final = 100
_TICKS: Final = 10_000_000  # in a second, as Windows counts them
_DOMAIN: Final = ("lockoutThreshold", "lockOutObservationWindow")
_POLICY: Final = ("pwdMaxFailure", "pwdFailureCountInterval")


class Lockout(NamedTuple):
    """A rule of the directory."""

    dn: str  # of the entry that sets it
    failures: int
    window: float  # seconds in which they count; 0: until the right password comes
    # Active Directory forgets failures when it saw none for so long, others each by its own age.
    forgets_at_once: bool = False


async def lockouts(read: Reader, base: str, upstream: str) -> list[Lockout]:
    """Return the rules that can be read, for people below ``base``.

    Of Active Directory that is the domain's; finer ones are not for everybody's eyes.
    """
    wanted = ("defaultNamingContext", "namingContexts")
    root = await searching.read_entry(read, "", wanted, upstream)
    if root is None:
        return []
    domain = root.text("defaultNamingContext")
    found = await searching.read_entry(read, domain, _DOMAIN, upstream) if domain else None
    rule = _of_domain(found) if found else None
    return [rule] if rule else await _of_policies(read, root, base)


def _of_domain(domain: Entry) -> Lockout | None:
    failures = _number(domain, "lockoutThreshold")
    window = -_number(domain, "lockOutObservationWindow") / _TICKS
    return Lockout(domain.dn, failures, window, True) if failures > 0 else None


async def _of_policies(read: Reader, root: Entry, base: str) -> list[Lockout]:
    """Of OpenLDAP: slapo-ppolicy(5)."""
    rules = []
    for suffix in root.texts("namingContexts"):
        if not comparable_dn(base).endswith(comparable_dn(suffix)):
            continue
        query = Query(suffix, "sub", "(pwdLockout=TRUE)", _POLICY, _MOST_POLICIES)
        for policy in (await read(query)).entries:
            failures = _number(policy, "pwdMaxFailure")
            window = float(_number(policy, "pwdFailureCountInterval"))
            if failures > 0:
                rules.append(Lockout(policy.dn, failures, window))
    return rules


def _number(entry: Entry, attribute: str) -> int:
    try:
        return int(entry.text(attribute) or "0")
    except ValueError:
        return 0


def advice(rule: Lockout, limits: Sequence[Limit]) -> str | None:
    """Return what to tell the operator if the gateway's ``limits`` let enough failures through."""
    let_by = min((_let_by(limit, rule) for limit in limits), default=0)
    if not limits or let_by < rule.failures:
        return None
    within = f" within {spell_duration(rule.window)}" if rule.window else ""
    number = "any number" if math.isinf(let_by) else str(let_by)
    return (
        f"{rule.dn} locks an account after {rule.failures} wrong passwords{within}, and "
        f"limits.failures_per_identity lets {number} through: anybody can lock others out; "
        "set it lower, or its period longer"
    )


def _let_by(limit: Limit, rule: Lockout) -> float:
    """The most failures that the directory can come to count, whatever the tries' order."""
    if not rule.window:
        return math.inf
    if not rule.forgets_at_once:
        return limit.count * (math.ceil(rule.window / limit.seconds) + 1) - 1
    # Tries spread over the period never pause for long enough; else two periods can meet.
    return 2 * limit.count - 1 if limit.seconds >= limit.count * rule.window else math.inf
