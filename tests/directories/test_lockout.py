"""No order of tries that the limits on the pages let through locks an account (L10)."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
import yaml

from config import Limit
from tests import pages

MINUTE = 60
DOCS = pages.ROOT / "docs"
ROW = r"^\| (\d+), (\d+) minutes?[^|]*\| `(\S+)` \|$"


class Lockout(NamedTuple):
    """After how many wrong passwords; and after how many minutes without one they are forgotten."""

    failures: int
    forgotten: int


class State(NamedTuple):
    """What gateway and directory know of an account, at a minute."""

    left: int  # minutes of the gateway's period; 0: the next try opens one
    tries: int  # in that period
    failures: int  # as the directory counts
    quiet: int  # minutes since the last of them


def locks(limit: Limit, lockout: Lockout) -> bool:
    """Whether any order of tries and pauses gets an account locked."""
    period = round(limit.seconds / MINUTE)
    start = State(0, 0, 0, lockout.forgotten)
    seen, waiting = {start}, [start]
    while waiting:
        now = waiting.pop()
        if now.failures >= lockout.failures:
            return True
        for then in (waited(now, lockout), tried(now, limit, period, lockout)):
            if then not in seen:
                seen.add(then)
                waiting.append(then)
    return False


def waited(now: State, lockout: Lockout) -> State:
    left = max(0, now.left - 1)
    tries = now.tries if left else 0
    return State(left, tries, now.failures, min(now.quiet + 1, lockout.forgotten))


def tried(now: State, limit: Limit, period: int, lockout: Lockout) -> State:
    if now.tries == limit.count:  # the directory is not asked
        return now
    failures = now.failures if now.quiet < lockout.forgotten else 0
    return State(now.left or period, now.tries + 1, failures + 1, 0)


ROWS = re.findall(ROW, (DOCS / "providers" / "ldap.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize(("failures", "minutes", "limit"), ROWS)
def test_limits_in_the_table_lock_nobody(failures: str, minutes: str, limit: str) -> None:
    assert not locks(Limit.parse(limit), Lockout(int(failures), int(minutes)))


def test_the_table_is_there() -> None:
    assert len(ROWS) >= 5


@pytest.mark.parametrize(
    ("page", "lockout"),
    [
        ("active-directory", Lockout(10, 24)),
        ("openldap", Lockout(10, 10)),
        ("freeipa", Lockout(6, 1)),
        ("389ds", Lockout(10, 10)),
    ],
)
def test_limit_on_the_page_of_a_directory_locks_nobody(page: str, lockout: Lockout) -> None:
    block = pages.yaml_blocks((DOCS / "directories" / f"{page}.md").read_text())[0]
    (limit,) = yaml.safe_load(block)["limits"]["failures_per_identity"]
    assert not locks(Limit.parse(limit), lockout)


def safe(limit: Limit, lockout: Lockout) -> bool:
    """The rule on the page."""
    enough = limit.seconds >= limit.count * lockout.forgotten * MINUTE
    return 2 * limit.count - 1 < lockout.failures and enough


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("period", [2, 5, 6, 9])
@pytest.mark.parametrize("failures", [2, 4, 5, 6])
@pytest.mark.parametrize("forgotten", [1, 2, 3])
def test_the_rule_on_the_page_is_right(
    count: int, period: int, failures: int, forgotten: int
) -> None:
    limit, lockout = Limit.parse(f"{count}/{period}m"), Lockout(failures, forgotten)
    if safe(limit, lockout):
        assert not locks(limit, lockout)


@pytest.mark.parametrize(
    ("limit", "lockout"),
    [
        ("5/15m", Lockout(10, 10)),  # one try every three minutes is never forgotten
        ("5/hour", Lockout(9, 10)),  # the end of a period and the begin of the next
        ("3/hour", Lockout(3, 10)),
    ],
)
def test_limits_that_lock_are_found(limit: str, lockout: Lockout) -> None:
    assert not safe(Limit.parse(limit), lockout)
    assert locks(Limit.parse(limit), lockout)
