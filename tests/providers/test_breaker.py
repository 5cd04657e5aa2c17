"""The circuit breaker."""

from __future__ import annotations

import pytest

from gateway.breaker import Breaker
from providers import Unavailable


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Breaker:
    breaker = Breaker("vendor", threshold=3, pause=2.0, clock=clock)
    for _ in range(3):
        breaker.enter()
        breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row_and_says_for_how_long() -> None:
    breaker = opened(Clock())
    with pytest.raises(Unavailable) as caught:
        breaker.enter()
    assert caught.value.retry_after == 2.0


def test_a_success_in_between_keeps_it_closed() -> None:
    breaker = Breaker("vendor", threshold=2)
    for _ in range(5):
        breaker.failed()
        breaker.succeeded()
    breaker.enter()


def test_after_the_pause_one_call_probes_and_the_others_wait() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 2.0
    breaker.enter()
    with pytest.raises(Unavailable):
        breaker.enter()
    breaker.succeeded()
    breaker.enter()
    breaker.enter()


def test_a_probe_that_fails_opens_it_again() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 2.0
    breaker.enter()
    breaker.failed()
    with pytest.raises(Unavailable):
        breaker.enter()
    clock.now += 2.0
    breaker.enter()
