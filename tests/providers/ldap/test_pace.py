from __future__ import annotations

import asyncio
from typing import Any

import pytest

from providers.ldap import pace as module
from providers.ldap.pace import REMEMBERED, Pace


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is waited for, without waiting, and without the blur."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(module, "BLUR", 0.0)
    return waited


def near(*seconds: float) -> Any:
    return pytest.approx(list(seconds))


async def test_unknown_name_takes_as_long_as_a_wrong_password(waits: list[float]) -> None:
    pace = Pace()
    await pace.refused(0.3, compared=True)
    await pace.refused(0.1, compared=False)
    assert waits == near(0, 0.2)


async def test_nothing_is_known_at_first(waits: list[float]) -> None:
    await Pace().refused(0.1, compared=False)
    assert waits == []


async def test_success_shows_what_a_password_takes_until_one_is_refused(
    waits: list[float],
) -> None:
    pace = Pace()
    pace.succeeded(0.5)
    await pace.refused(0.1, compared=False)
    await pace.refused(0.3, compared=True)
    await pace.refused(0.1, compared=False)
    assert waits == near(0.4, 0, 0.2)


async def test_where_nothing_is_known_for_sure_all_refusals_take_as_long_as_a_success(
    waits: list[float],
) -> None:
    pace = Pace()
    pace.succeeded(0.5)
    for seconds in (0.1, 0.4):
        await pace.refused(seconds, compared=False)
    assert waits == near(0.4, 0.1)


async def test_refusals_without_a_look_at_the_password_wait_and_are_not_remembered(
    waits: list[float],
) -> None:
    pace = Pace()
    await pace.refused(0.3, compared=True)
    for _ in range(REMEMBERED + 1):
        await pace.refused(0.1, compared=False)
    assert waits == near(0, *[0.2] * (REMEMBERED + 1))


async def test_wrong_password_that_is_refused_sooner_than_others_waits_too(
    waits: list[float],
) -> None:
    pace = Pace()
    for _ in range(REMEMBERED):
        await pace.refused(0.3, compared=True)
    waits.clear()
    await pace.refused(0.1, compared=True)
    assert waits == near(0.2)


async def test_few_that_took_very_long_do_not_count(waits: list[float]) -> None:
    pace = Pace()
    for number in range(REMEMBERED):
        await pace.refused(3.5 if number % 11 == 0 else 0.3, compared=True)
    waits.clear()
    await pace.refused(0.1, compared=False)
    assert waits == near(0.2)


async def test_what_was_long_ago_does_not_count(waits: list[float]) -> None:
    pace = Pace()
    for seconds in (3.0, 0.3):
        for _ in range(REMEMBERED):
            await pace.refused(seconds, compared=True)
    waits.clear()
    await pace.refused(0.1, compared=False)
    assert waits == near(0.2)


async def test_random_part_hides_how_coarse_timers_are(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    pace = Pace()
    pace.succeeded(0.3)
    for _ in range(100):
        await pace.refused(0.1, compared=False)
    assert 0.2 <= min(waited) < 0.201
    assert 0.203 < max(waited) <= 0.204
