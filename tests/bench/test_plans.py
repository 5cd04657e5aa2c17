"""Plans for size, made tiny: they still run, and measure all that they print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from bench import redis_usage
from bench.bed import Bed
from bench.figures import Effort
from bench.journey import WrongAnswers
from bench.plans import arrivals, capacity, growth, loitering, many_codes, workers
from bench.run import PLANS, Plan

pytestmark = pytest.mark.alone

TINY = Effort(rounds=1, logins=80, seconds=0.2, entries=1_600)


@pytest.mark.parametrize("plan", [capacity, growth, many_codes, workers], ids=lambda p: p.__name__)
def test_plan_measures_every_figure(plan: Plan) -> None:
    check(plan, plan.measure(TINY))


def test_plan_for_connections_measures_every_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "KEPT", 20)
    check(arrivals, arrivals.measure(replace(TINY, logins=2_000)))  # CPU time is told in 10 ms


def test_plan_for_loiterers_measures_every_figure() -> None:
    values = loitering.at(TINY, slow=20, idle=50)
    check(loitering, values)
    assert min(values["loopen"]) >= 70


def test_loiterers_who_are_not_there_fail_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loitering, "THERE", 2.0)
    with pytest.raises(WrongAnswers, match="connections were there"):
        loitering.at(TINY, slow=20, idle=50)


def check(plan: Plan, values: Mapping[str, Sequence[float]]) -> None:
    for figure in plan.FIGURES:
        assert values[figure.id], figure.id


def test_codes_in_redis_have_their_counters() -> None:
    with Bed() as bed:
        full = bed.start_redis("full")
        assert many_codes.fill_redis(full.url, 500) > 100
        assert redis_usage.of([full.url]).keys == 3 * 500


def test_every_figure_has_an_id_of_its_own() -> None:
    ids = Counter(figure.id for plan in PLANS for figure in plan.FIGURES)
    assert [name for name, count in ids.items() if count > 1] == []
