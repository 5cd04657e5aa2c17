"""Limits as windows: what is counted where (A13, A27)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from config import Limit
from gateway import throttle
from gateway.digests import Digests, joined
from gateway.stores import Window
from gateway.throttle import Throttle
from providers import Budget, Conversion

DIGESTS = Digests(b"s" * 32)
FEW, MANY = Limit(5, 900.0), Limit(60, 86_400.0)
NUMBER, CLIENT = "14150000001", "192.0.2.1"


def limits(*limits: Limit) -> Throttle:
    return Throttle(DIGESTS, limits, limits)


def keys(windows: Sequence[Window]) -> list[bytes]:
    return [window.key for window in windows]


def test_each_limit_is_a_window_with_a_name_for_people() -> None:
    windows = limits(FEW, MANY).failures("phone", NUMBER)
    assert [window[1:] for window in windows] == [
        (5, 900_000, "failures 5/15m"),
        (60, 86_400_000, "failures 60/day"),
    ]


def test_counters_go_on_over_versions_and_processes() -> None:
    """Their names are told by what they count, and by nothing else."""
    counted = limits(FEW)
    name, label = DIGESTS.name, "5/15m"
    assert keys(counted.requests(CLIENT)) == [name("requests", CLIENT, label)]
    assert keys(counted.failures("phone", NUMBER)) == [name("failures", "phone", NUMBER, label)]
    assert keys(counted.account_failures("ldap", "uid=ann")) == [
        name("failures", "ldap", "account", "uid=ann", label)
    ]
    assert keys(counted.budget("phone", [Budget("ip", CLIENT, (FEW,))])) == [
        name("budget", "phone", "ip", CLIENT, label)
    ]
    assert keys(counted.unused("phone", Conversion("1415", 5, 0.1, 900.0))) == [
        name("conversion", "phone", "1415", label)
    ]


def test_what_differs_in_anything_is_counted_apart() -> None:
    counted = limits(FEW, MANY)
    windows = [
        *counted.requests(NUMBER),
        *counted.failures("phone", NUMBER),
        *counted.failures("phone", NUMBER + "1"),
        *counted.failures("other", NUMBER),
        *counted.account_failures("phone", NUMBER),
        *counted.budget("phone", [Budget(s, NUMBER, (FEW, MANY)) for s in ("ip", "phone")]),
        *counted.budget("other", [Budget("phone", NUMBER, (FEW, MANY))]),
        *counted.unused("phone", Conversion(NUMBER, 5, 0.1, 900.0)),
    ]
    assert len(set(keys(windows))) == len(windows)


def test_what_comes_again_is_counted_in_the_same_windows() -> None:
    counted = limits(FEW)
    assert counted.failures("phone", NUMBER) == counted.failures("phone", NUMBER)
    budgets = [Budget("ip", CLIENT, (FEW,)), Budget("app", "a", (MANY,))]
    assert counted.budget("phone", budgets) == counted.budget("phone", budgets)


def test_limits_of_a_budget_may_change_from_one_message_to_the_next() -> None:
    counted = limits()
    for limit in (FEW, MANY, FEW):
        (window,) = counted.budget("phone", [Budget("ip", CLIENT, (limit,))])
        assert (window.limit, window.name) == (limit.count, f"ip {limit}")


def test_without_limits_nothing_is_counted() -> None:
    counted = limits()
    assert not counted.requests(CLIENT)
    assert not counted.failures("phone", NUMBER)
    assert not counted.budget("phone", [Budget("ip", CLIENT, ())])


def test_what_is_kept_of_subjects_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "RECENT", 10)
    counted = limits(FEW)
    before = counted.failures("phone", "0")
    for number in range(100):
        counted.failures("phone", str(number))
    kind = counted._kind(("failures", "phone"), "failures", (FEW,))
    assert kind.windows.cache_info().currsize <= 10
    assert counted.failures("phone", "0") == before


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((("ab", "c"), ("a", "bc")), id="moved border"),
        pytest.param((("1:a",), ("a",)), id="looks joined"),
        pytest.param((("a", ""), ("a",)), id="empty part"),
        pytest.param((("a", "1:b"), ("a", "b")), id="length within"),
    ],
)
def test_parts_of_names_are_told_apart(parts: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    one, other = parts
    assert joined(*one) != joined(*other)
    assert DIGESTS.name(*one) != DIGESTS.name(*other)


def test_names_that_begin_alike_are_the_names_of_all_their_parts() -> None:
    names = DIGESTS.names("challenge", "app")
    assert names.name("phone") == DIGESTS.name("challenge", "app", "phone")
    assert names.name("phone", joined("1", "2")) == DIGESTS.name(
        "challenge", "app", "phone", "1", "2"
    )
    assert names.name("phone") == names.name("phone")
