"""``take``, ``finish`` and ``release``, of every store."""

from __future__ import annotations

import pytest

from gateway.stores import WRONG, Limited, Store, Verdict
from tests.gateway.stores.conftest import LetPass
from tests.gateway.stores.values import (
    ALICE,
    LEASE_MS,
    MINE,
    MINUTE,
    RIGHT,
    YOURS,
    about,
    room,
    start,
    take,
    try_code,
    window,
    wrong,
)

LEASED = Verdict(leased=True, busy=False, memo=b"memo")
BUSY = Verdict(leased=False, busy=True, memo=b"memo")


async def test_the_right_code_is_leased(store: Store) -> None:
    await start(store)
    assert await take(store, RIGHT) == LEASED


async def test_the_right_code_counts_the_request_and_no_failure(store: Store) -> None:
    count, failures = window("count"), window("failures")
    await start(store, tries=1)
    assert await take(store, RIGHT, count=[count], failures=[failures]) == LEASED
    assert await take(store, RIGHT, lease=YOURS, count=[count], failures=[failures]) == BUSY
    assert [await room(store, count), await room(store, failures)] == [3, 5]
    assert await take(store, RIGHT) == LEASED  # not one try is gone


async def test_a_wrong_code_costs_a_try_and_counts_a_failure_p3(store: Store) -> None:
    count, failures = window("count"), [window("f1"), window("f2")]
    await start(store, tries=3)
    for number in range(2):
        assert await take(store, wrong(number), count=[count], failures=failures) == WRONG
    assert await take(store, RIGHT) == LEASED
    assert [await room(store, of) for of in [count, *failures]] == [3, 3, 3]


async def test_the_right_code_after_the_last_try_is_wrong_p3(store: Store) -> None:
    failures = window("failures", limit=9)
    await start(store, tries=5)
    for number in range(5):
        assert await take(store, wrong(number)) == WRONG
    assert await take(store, RIGHT, failures=[failures]) == WRONG
    assert await room(store, failures) == 8


@pytest.mark.parametrize("tries", [1, 255])
async def test_there_are_as_many_tries_as_were_given(store: Store, tries: int) -> None:
    await start(store, tries=tries)
    for number in range(tries - 1):
        await take(store, wrong(number))
    assert await take(store, RIGHT) == LEASED
    await take(store, wrong())
    assert await take(store, RIGHT) == WRONG


async def test_a_code_where_none_is_pending_is_wrong_and_counts_a_failure(store: Store) -> None:
    count, failures = window("count"), window("failures")
    assert await take(store, RIGHT, count=[count], failures=[failures]) == WRONG
    assert [await room(store, count), await room(store, failures)] == [4, 4]


@pytest.mark.parametrize("group", ["count", "failures"])
async def test_a_full_window_limits_a_take_and_nothing_changes_c5(
    store: Store, let_pass: LetPass, group: str
) -> None:
    windows = {name: window(name, period_ms=15 * MINUTE) for name in ("count", "failures")}
    await start(store, tries=1)
    await room(store, windows[group])
    let_pass(5 * MINUTE)
    count, failures = [windows["count"]], [windows["failures"]]
    for code in (RIGHT, wrong()):
        limited = await try_code(store, code, count=count, failures=failures)
        assert isinstance(limited, Limited)
        assert about(10 * MINUTE, limited.retry_after_ms)
        assert limited.window == windows[group]
    other = "failures" if group == "count" else "count"
    assert [await room(store, windows[name]) for name in (group, other)] == [0, 5]
    assert await take(store, RIGHT) == LEASED


async def test_the_request_limit_tells_before_the_failures_how_long_to_wait(store: Store) -> None:
    count, failures = window("count", period_ms=MINUTE), window("failures", period_ms=2 * MINUTE)
    await room(store, count)
    await room(store, failures)
    limited = await try_code(store, count=[count], failures=[failures])
    assert isinstance(limited, Limited)
    assert about(MINUTE, limited.retry_after_ms)
    assert limited.window == count


async def test_a_lease_keeps_others_out_until_it_lapses(store: Store, let_pass: LetPass) -> None:
    await start(store)
    assert await take(store, RIGHT, lease=MINE) == LEASED
    let_pass(LEASE_MS - 10_000)
    assert await take(store, RIGHT, lease=YOURS) == BUSY
    let_pass(10_000)
    assert await take(store, RIGHT, lease=YOURS) == LEASED


async def test_a_wrong_code_is_wrong_while_the_challenge_is_leased(store: Store) -> None:
    failures = window("failures")
    await start(store, tries=2)
    await take(store, RIGHT, lease=MINE)
    assert await take(store, wrong(), lease=YOURS, failures=[failures]) == WRONG
    assert await room(store, failures) == 4
    assert await store.finish(ALICE, MINE, forget=())


async def test_a_released_challenge_is_as_it_was(store: Store) -> None:
    await start(store, tries=2)
    await take(store, wrong())
    await take(store, RIGHT, lease=MINE)
    await store.release(ALICE, MINE)
    assert await take(store, RIGHT, lease=YOURS) == LEASED


async def test_a_foreign_lease_cannot_be_released(store: Store) -> None:
    await start(store)
    await take(store, RIGHT, lease=MINE)
    await store.release(ALICE, YOURS)
    assert await take(store, RIGHT, lease=YOURS) == BUSY


async def test_releasing_what_is_gone_is_harmless(store: Store) -> None:
    await store.release(ALICE, MINE)
    assert (await start(store)).fresh


async def test_finishing_uses_the_code_up_a7(store: Store) -> None:
    await start(store)
    await take(store, RIGHT)
    assert await store.finish(ALICE, MINE, forget=())
    assert await take(store, RIGHT, lease=YOURS) == WRONG
    assert (await start(store, memo=b"new")).memo == b"new"


async def test_finishing_twice_is_as_good_as_once(store: Store) -> None:
    await start(store)
    await take(store, RIGHT)
    assert await store.finish(ALICE, MINE, forget=())
    assert await store.finish(ALICE, MINE, forget=())
    assert await store.finish(ALICE, YOURS, forget=())  # all is gone: nobody holds it
    assert (await start(store)).fresh


async def test_a_foreign_lease_cannot_be_finished_and_nothing_changes(store: Store) -> None:
    failures = window("failures")
    await start(store)
    await room(store, failures)
    await take(store, RIGHT, lease=YOURS)
    assert not await store.finish(ALICE, MINE, forget=[failures])
    assert await room(store, failures) == 0
    assert await take(store, RIGHT, lease=MINE) == BUSY
    assert await store.finish(ALICE, YOURS, forget=[failures])


async def test_a_lapsed_lease_that_somebody_else_took_cannot_be_finished(
    store: Store, let_pass: LetPass
) -> None:
    await start(store)
    await take(store, RIGHT, lease=MINE)
    let_pass(LEASE_MS)
    await take(store, RIGHT, lease=YOURS)
    assert not await store.finish(ALICE, MINE, forget=())
    assert await store.finish(ALICE, YOURS, forget=())


async def test_a_lapsed_lease_that_nobody_took_still_finishes(
    store: Store, let_pass: LetPass
) -> None:
    await start(store)
    await take(store, RIGHT, lease=MINE)
    let_pass(LEASE_MS)
    assert await store.finish(ALICE, MINE, forget=())
    assert await take(store, RIGHT) == WRONG


async def test_a_challenge_that_ended_under_its_lease_still_finishes(
    store: Store, let_pass: LetPass
) -> None:
    await start(store)
    let_pass(10 * MINUTE - 10_000)
    await take(store, RIGHT, lease=MINE)
    let_pass(10_000)
    assert not await store.finish(ALICE, YOURS, forget=())
    assert await store.finish(ALICE, MINE, forget=())


async def test_finishing_forgets_windows(store: Store) -> None:
    failures, others = window("failures"), window("others")
    await store.count([failures, others])
    await start(store)
    await take(store, RIGHT)
    assert await store.finish(ALICE, MINE, forget=[failures])
    assert [await room(store, failures), await room(store, others)] == [5, 4]
