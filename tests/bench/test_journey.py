"""The benchmark still fits the gateway, and notices when a login fails."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from bench.bed import Bed
from bench.gateway import in_flight, outcomes
from bench.journey import WrongAnswers
from tests.gateway.waiting import until


@pytest.fixture(scope="module")
def bed() -> Iterator[Bed]:
    with Bed() as bed:
        yield bed


@pytest.mark.parametrize("redis", [True, False])
def test_logins_on_the_gateway(bed: Bed, redis: bool) -> None:
    journey = bed.gateway(redis=redis)
    assert journey.errors(50, connections=5) == 0
    assert journey.refused(50).outcomes == {"bad_request": 50}


@pytest.mark.parametrize("kind", ["stock", "lean"])
def test_logins_on_the_floor(bed: Bed, kind: str) -> None:
    journey = bed.floor(kind)
    assert journey.static(50).run.bad == 0
    assert len(journey.send_codes(50).run.latencies) == 50
    assert len(journey.sign_in_at(rate=500, connections=5).run.latencies) == 50


@pytest.mark.parametrize("server", ["gateway", "floor"])
def test_codes_that_were_used_fail_the_benchmark(bed: Bed, server: str) -> None:
    journey = bed.floor() if server == "floor" else bed.gateway(redis=False)
    journey.send_codes(10)
    journey.sign_in()
    with pytest.raises(WrongAnswers, match="10 wrong answers"):
        journey.sign_in()


def test_answer_that_the_gateway_counts_as_something_else_fails_the_benchmark(bed: Bed) -> None:
    journey = bed.gateway(redis=False)
    with pytest.raises(WrongAnswers, match="10 wrong answers"):
        journey.static(10)  # a first step on the gateway: result OK, but no static page


def test_outcomes_are_read_from_the_metrics() -> None:
    text = (
        "# HELP gateway_logins_total Login requests by outcome.\n"
        'gateway_logins_total{app="a",outcome="success",provider="phone"} 3.0\n'
        'gateway_logins_total{app="*",outcome="success",provider="phone"} 1e+06\n'
        'gateway_logins_total{app="a",outcome="limited",provider="phone"} 2.0\n'
        "gateway_in_flight 7.0\n"
    )
    assert outcomes(text) == {"success": 1_000_003, "limited": 2}


def test_logins_are_held_while_others_go_on() -> None:
    with Bed() as bed:  # of its own: no codes are left from before
        journey = bed.gateway(redis=False, silent=True)
        with journey.held(20) as held:
            assert len(journey.send_codes_at(50, rate=500, connections=5).run.latencies) == 50
            assert len(journey.sign_in().run.latencies) == 50
            assert held() == 20
        assert held() == 0


def test_logins_that_are_not_held_to_the_end_fail_the_benchmark(bed: Bed) -> None:
    journey = bed.gateway(redis=False, silent=True)
    early = pytest.raises(WrongAnswers, match="0 logins were held instead of 20")
    with early, journey.held(20) as held:
        urlopen(f"{journey._upstream.url}/release").close()
        until(lambda: held() == 0)


def test_logins_in_flight_are_read_from_the_metrics() -> None:
    assert in_flight("# TYPE gateway_in_flight gauge\ngateway_in_flight 500.0\n") == 500
    with pytest.raises(ValueError, match="not among"):
        in_flight("gateway_in_flight_total 500.0\n")
