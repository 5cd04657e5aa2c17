"""Directories that lock accounts before the gateway does (L10)."""

from __future__ import annotations

import pytest

from config import Limit
from providers.ldap.client import Entry, Found, Query
from providers.ldap.lockouts import Lockout, advice, lockouts
from tests.providers.ldap.scripted import entry

BASE = "ou=people,dc=example,dc=test"
MINUTE = 60.0
DOMAIN = "DC=corp,DC=test"


def five_in(minutes: int) -> Limit:
    return Limit(5, minutes * MINUTE)


@pytest.mark.parametrize(
    ("failures", "window", "at_once", "limits", "lets"),
    [
        # Each failure is forgotten by its own age: periods of ours that reach into one of theirs.
        (14, 30 * MINUTE, False, [five_in(15)], "14"),
        (15, 30 * MINUTE, False, [five_in(15)], None),
        (9, 15 * MINUTE, False, [five_in(15)], "9"),
        (10, 10 * MINUTE, False, [five_in(15)], None),
        (1000, 0, False, [five_in(15)], "any number"),  # never forgotten
        (16, 60 * MINUTE, False, [five_in(15), Limit(8, 86400)], None),  # the day's limit
        # All are forgotten after a pause.
        (1000, 30 * MINUTE, True, [five_in(15)], "any number"),  # one try every three minutes
        (10, 3 * MINUTE, True, [five_in(15)], None),
        (9, 3 * MINUTE, True, [five_in(15)], "9"),  # the end of a period and the next one's start
        (10, 3 * MINUTE + 1, True, [five_in(15)], "any number"),
        (3, 0, False, [], None),  # nobody said what the limits are
    ],
)
def test_l10_threshold_has_to_be_above_what_the_gateway_lets_through(
    failures: int, window: float, at_once: bool, limits: list[Limit], lets: str | None
) -> None:
    told = advice(Lockout(DOMAIN, failures, window, at_once), limits)
    if lets is None:
        assert told is None
    else:
        assert told is not None
        assert f"{DOMAIN} locks an account after {failures} wrong passwords" in told
        assert f"limits.failures_per_identity lets {lets} through" in told


def test_window_is_told_in_words_of_the_configuration() -> None:
    told = advice(Lockout(DOMAIN, 3, 30 * MINUTE), [five_in(15)])
    assert told is not None
    assert "after 3 wrong passwords within 30m, and" in told


class Tree:
    """Answers searches by their bases."""

    def __init__(self, **entries: list[Entry]) -> None:
        self._entries = entries

    async def read(self, query: Query) -> Found:
        return Found(0, self._entries.get(query.base or "root", []))


@pytest.mark.parametrize(
    ("threshold", "window", "rules"),
    [
        ("3", "-18000000000", [Lockout(DOMAIN, 3, 1800.0, True)]),
        ("0", "-18000000000", []),  # never
        ("3", "-9223372036854775808", [Lockout(DOMAIN, 3, 922337203685.4775, True)]),
        ("x", "y", []),
    ],
)
async def test_rule_of_a_domain(threshold: str, window: str, rules: list[Lockout]) -> None:
    root = entry("", defaultNamingContext=DOMAIN, namingContexts=[DOMAIN])
    domain = entry(DOMAIN, lockoutThreshold=threshold, lockOutObservationWindow=window)
    tree = Tree(root=[root], **{DOMAIN: [domain]})
    found = await lockouts(tree.read, f"CN=Users,{DOMAIN}", "staff")
    assert [rule for rule in found if rule.dn == DOMAIN] == rules


async def test_rules_of_policies_below_the_same_suffix() -> None:
    root = entry("", namingContexts=["dc=other,dc=test", "DC=Example, dc=test"])
    policies = [
        entry("cn=a", pwdMaxFailure="5", pwdFailureCountInterval="60"),
        entry("cn=b", pwdMaxFailure="3"),
        entry("cn=c", pwdMaxFailure="0"),
        entry("cn=d"),
    ]
    tree = Tree(
        root=[root],
        **{"DC=Example, dc=test": policies, "dc=other,dc=test": [entry("x", pwdMaxFailure="1")]},
    )
    assert await lockouts(tree.read, BASE, "staff") == [
        Lockout("cn=a", 5, 60.0),
        Lockout("cn=b", 3, 0.0),
    ]


async def test_nothing_that_can_be_read_is_nothing_to_tell() -> None:
    assert await lockouts(Tree().read, BASE, "staff") == []
    assert await lockouts(Tree(root=[entry("", vendorName="x")]).read, BASE, "staff") == []
