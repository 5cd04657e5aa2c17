"""The circuit breaker."""

from __future__ import annotations

import pytest

from providers import Breaker, Unavailable


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def opened(clock: Clock, longest: float = 0.0) -> Breaker:
    breaker = Breaker("vendor", threshold=3, pause=2.0, longest=longest, clock=clock)
    for _ in range(3):
        breaker.enter()
        breaker.failed()
    return breaker


def failed_probe(breaker: Breaker, clock: Clock) -> float:
    """Wait out the pause, fail once more, and return the pause after that."""
    clock.now += breaker.wait
    breaker.enter()
    breaker.failed()
    return breaker.wait


# Opening


def test_it_opens_after_failures_in_a_row_and_says_for_how_long(clock: Clock) -> None:
    breaker = opened(clock)
    assert breaker.wait == 2.0
    clock.now += 0.5
    with pytest.raises(Unavailable) as caught:
        breaker.enter()
    assert caught.value.retry_after == breaker.wait == 1.5
    assert str(caught.value) == "vendor: left alone after repeated failures"


def test_a_success_in_between_keeps_it_closed() -> None:
    breaker = Breaker("vendor", threshold=2)
    for _ in range(5):
        breaker.failed()
        breaker.succeeded()
    breaker.enter()
    assert breaker.wait == 0


def test_one_failure_fewer_keeps_it_closed(clock: Clock) -> None:
    breaker = Breaker("vendor", threshold=3, clock=clock)
    for _ in range(2):
        breaker.failed()
    assert breaker.wait == 0
    breaker.failed()
    assert breaker.wait > 0


# Trying again


def test_after_the_pause_one_call_probes_and_the_others_wait(clock: Clock) -> None:
    breaker = opened(clock)
    clock.now += 2.0
    assert breaker.wait == 0
    breaker.enter()
    assert breaker.wait == 2.0
    with pytest.raises(Unavailable):
        breaker.enter()
    breaker.succeeded()
    breaker.enter()
    breaker.enter()


def test_a_probe_that_says_nothing_is_followed_by_another(clock: Clock) -> None:
    breaker = opened(clock)
    for _ in range(3):
        clock.now += 2.0
        breaker.enter()
        with pytest.raises(Unavailable):
            breaker.enter()


def test_a_probe_that_fails_opens_it_again(clock: Clock) -> None:
    breaker = opened(clock)
    assert failed_probe(breaker, clock) == 2.0
    with pytest.raises(Unavailable):
        breaker.enter()
    clock.now += 2.0
    breaker.enter()


# How long


def test_the_pause_stays_as_it_is_unless_it_may_grow(clock: Clock) -> None:
    breaker = opened(clock)
    assert [failed_probe(breaker, clock) for _ in range(4)] == [2.0] * 4
    long = Breaker("vendor", threshold=1, pause=9.0, clock=clock)
    long.failed()
    assert failed_probe(long, clock) == 9.0


def test_each_probe_that_fails_doubles_the_pause_to_the_longest(clock: Clock) -> None:
    breaker = opened(clock, longest=10.0)
    assert [failed_probe(breaker, clock) for _ in range(4)] == [4.0, 8.0, 10.0, 10.0]


def test_a_success_makes_the_pause_short_again(clock: Clock) -> None:
    breaker = opened(clock, longest=60.0)
    for _ in range(4):
        failed_probe(breaker, clock)
    clock.now += breaker.wait
    breaker.enter()
    breaker.succeeded()
    for _ in range(3):
        breaker.enter()
        breaker.failed()
    assert breaker.wait == 2.0


def test_500_calls_that_were_under_way_make_no_pause_longer(clock: Clock) -> None:
    breaker = Breaker("vendor", threshold=3, pause=2.0, longest=60.0, clock=clock)
    for _ in range(500):
        breaker.enter()
    for _ in range(500):
        breaker.failed()
        clock.now += 0.001
    assert breaker.wait == pytest.approx(2.0 - 498 * 0.001)
    assert failed_probe(breaker, clock) == 4.0


def test_calls_that_were_under_way_double_it_once_at_most(clock: Clock) -> None:
    """One that fails during a probe passes for the probe, which then counts no more."""
    breaker = opened(clock, longest=60.0)
    clock.now += 2.0
    breaker.enter()
    for _ in range(500):
        breaker.failed()
    assert breaker.wait == 4.0


def test_a_late_success_of_a_call_that_was_under_way_closes_it(clock: Clock) -> None:
    breaker = opened(clock, longest=60.0)
    breaker.succeeded()
    assert breaker.wait == 0
    breaker.enter()
