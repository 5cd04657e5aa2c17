"""Counters, of every store."""

from __future__ import annotations

import pytest

from gateway.stores import Store
from tests.gateway.stores.conftest import LetPass
from tests.gateway.stores.values import HOUR, MINUTE, about, room, window


async def test_a_window_takes_as_many_events_as_its_limit(store: Store) -> None:
    assert await room(store, window("of three", limit=3)) == 3


async def test_a_full_window_tells_how_long_it_lasts(store: Store, let_pass: LetPass) -> None:
    of = window("w", limit=2)
    await store.count([of])
    let_pass(10 * MINUTE)
    await store.count([of])
    let_pass(10 * MINUTE)
    limited = await store.count([of])
    assert limited is not None
    assert about(40 * MINUTE, limited.retry_after_ms)


async def test_of_several_full_windows_the_longest_tells_how_long_to_wait(store: Store) -> None:
    windows = [window(str(ms), period_ms=ms) for ms in (MINUTE, HOUR, 5 * MINUTE)]
    for of in windows:
        await room(store, of)
    limited = await store.count([window("not full", period_ms=24 * HOUR), *windows])
    assert limited is not None
    assert about(HOUR, limited.retry_after_ms)
    assert limited.window == windows[1]


@pytest.mark.parametrize("name", ["a", "b", "c"])
async def test_the_full_window_is_named(store: Store, name: str) -> None:
    windows = [window("a"), window("b"), window("c")]
    await room(store, window(name))
    limited = await store.count(windows)
    assert limited is not None
    assert limited.window == window(name)


async def test_a_window_ends_a_period_after_its_first_event(
    store: Store, let_pass: LetPass
) -> None:
    of = window("w")
    await store.count([of])
    let_pass(HOUR - 10_000)
    assert await room(store, of) == 4
    let_pass(10_000)
    assert await room(store, of) == 5


async def test_one_full_window_keeps_all_from_being_counted(store: Store) -> None:
    windows = [window("a"), window("b"), window("c")]
    await room(store, windows[1])
    assert await store.count(windows) is not None
    assert [await room(store, of) for of in windows] == [5, 0, 5]


async def test_an_event_taken_back_can_happen_again(store: Store) -> None:
    windows = [window("a"), window("b")]
    for of in windows:
        await room(store, of)
    await store.uncount(windows)
    assert [await room(store, of) for of in windows] == [1, 1]


async def test_several_events_are_taken_back_at_once(store: Store) -> None:
    windows = [window("a", limit=9), window("b", limit=7)]
    for of in windows:
        await room(store, of)
    await store.uncount(windows, by=6)
    assert [await room(store, of) for of in windows] == [6, 6]


@pytest.mark.parametrize("by", [5, 6, 1_000_000])
async def test_no_more_events_are_taken_back_than_there_were(
    store: Store, let_pass: LetPass, by: int
) -> None:
    of = window("w")
    await room(store, of)
    let_pass(HOUR // 2)
    await store.uncount([of], by=by)
    assert await room(store, of) == 5
    limited = await store.count([of])
    assert limited is not None
    assert about(HOUR, limited.retry_after_ms)  # it was closed, and opened anew


async def test_taking_an_event_back_does_not_prolong_a_window(
    store: Store, let_pass: LetPass
) -> None:
    of = window("w")
    await room(store, of)
    let_pass(HOUR // 2)
    await store.uncount([of])
    await store.count([of])
    limited = await store.count([of])
    assert limited is not None
    assert about(HOUR // 2, limited.retry_after_ms)


async def test_taking_back_what_never_happened_is_harmless(store: Store) -> None:
    await store.uncount([window("w")])
    assert await room(store, window("w")) == 5


async def test_a_window_without_events_opens_anew(store: Store, let_pass: LetPass) -> None:
    of = window("w", limit=1)
    await store.count([of])
    let_pass(HOUR // 2)
    await store.uncount([of])
    await store.count([of])
    limited = await store.count([of])
    assert limited is not None
    assert about(HOUR, limited.retry_after_ms)


async def test_a_forgotten_window_is_empty(store: Store) -> None:
    windows = [window("a"), window("b")]
    for of in windows:
        await room(store, of)
    await store.forget([*windows, window("never counted")])
    assert [await room(store, of) for of in windows] == [5, 5]


async def test_no_windows_are_never_full(store: Store) -> None:
    assert await store.count([]) is None
    await store.uncount([])
    await store.forget([])


async def test_a_store_that_works_answers(store: Store) -> None:
    await store.ping()
