"""``start`` and ``withdraw``, of every store."""

from __future__ import annotations

import pytest

from gateway.stores import WRONG, Limited, Store
from tests.gateway.stores.conftest import LetPass
from tests.gateway.stores.values import (
    ALICE,
    BOB,
    HOUR,
    MINE,
    MINUTE,
    RIGHT,
    YOURS,
    about,
    digest,
    pending,
    room,
    start,
    take,
    window,
    wrong,
)

OTHER = digest("the code of a later start")


async def test_the_first_start_delivers_a_fresh_challenge(store: Store) -> None:
    started = await start(store, memo=b"first")
    assert (started.deliver, started.fresh, started.memo) == (True, True, b"first")
    assert started.expires_ms == 10 * MINUTE
    assert started.resend_ms == MINUTE


async def test_a_start_inside_the_cool_down_delivers_nothing_a17(
    store: Store, let_pass: LetPass
) -> None:
    spend = window("spend")
    await start(store, memo=b"first", spend=[spend])
    let_pass(20_000)
    again = await start(store, code=OTHER, memo=b"second", spend=[spend])
    assert (again.deliver, again.fresh, again.memo) == (False, False, b"first")
    assert about(10 * MINUTE - 20_000, again.expires_ms)
    assert about(40_000, again.resend_ms)
    assert await room(store, spend) == 4


async def test_a_start_after_the_cool_down_delivers_the_same_challenge_again(
    store: Store, let_pass: LetPass
) -> None:
    spend = window("spend")
    await start(store, memo=b"first", spend=[spend])
    await take(store, wrong())
    let_pass(MINUTE)
    again = await start(store, code=OTHER, memo=b"second", tries=9, spend=[spend])
    assert (again.deliver, again.fresh, again.memo) == (True, False, b"first")
    assert about(9 * MINUTE, again.expires_ms)
    assert about(MINUTE, again.resend_ms)
    assert await room(store, spend) == 3
    assert (await take(store, RIGHT)).leased
    assert await take(store, OTHER) == WRONG


async def test_each_delivery_of_a_challenge_is_a_turn_of_its_own(
    store: Store, let_pass: LetPass
) -> None:
    turns = [(await start(store)).turn]
    for number in range(3):
        let_pass(20_000)
        assert (await start(store)).turn == turns[-1]  # too early: no delivery
        await take(store, wrong(number))
        let_pass(MINUTE)
        turns.append((await start(store)).turn)
    assert turns == [0, 1, 2, 3]


async def test_turns_are_counted_up_to_255(store: Store) -> None:
    turns = [(await start(store, resend_ms=0, memo=b"kept")).turn for _ in range(258)]
    assert turns == [*range(256), 255, 255]
    assert (await take(store, RIGHT)).memo == b"kept"


async def test_a_new_challenge_begins_with_the_first_turn(store: Store) -> None:
    for _ in range(3):
        await start(store, tries=1, resend_ms=0)
    await take(store, wrong())
    assert (await start(store)).turn == 0


async def test_a_second_delivery_gives_no_new_tries(store: Store, let_pass: LetPass) -> None:
    await start(store, tries=2)
    await take(store, wrong(1))
    let_pass(MINUTE)
    assert (await start(store, tries=2)).deliver
    await take(store, wrong(2))
    assert await take(store, RIGHT) == WRONG


async def test_the_cool_down_runs_from_the_last_delivery(store: Store, let_pass: LetPass) -> None:
    await start(store)
    let_pass(MINUTE)
    assert (await start(store, resend_ms=3 * MINUTE)).deliver
    let_pass(2 * MINUTE)
    assert not (await start(store, resend_ms=1)).deliver
    let_pass(MINUTE)
    assert (await start(store)).deliver


async def test_a_second_delivery_does_not_prolong_the_challenge(
    store: Store, let_pass: LetPass
) -> None:
    await start(store)
    let_pass(9 * MINUTE)
    assert (await start(store)).deliver
    let_pass(MINUTE)
    assert await take(store, RIGHT) == WRONG


async def test_a_cool_down_longer_than_the_challenge_ends_with_it(
    store: Store, let_pass: LetPass
) -> None:
    started = await start(store, lifetime_ms=MINUTE, resend_ms=HOUR)
    assert started.resend_ms == started.expires_ms == MINUTE
    let_pass(MINUTE - 10_000)
    assert not (await start(store, lifetime_ms=MINUTE, resend_ms=HOUR)).deliver
    let_pass(10_000)
    assert (await start(store)).fresh


async def test_without_a_cool_down_every_start_delivers(store: Store) -> None:
    await start(store, resend_ms=0)
    again = await start(store, resend_ms=0)
    assert (again.deliver, again.fresh) == (True, False)


async def test_a_challenge_ends_with_its_lifetime(store: Store, let_pass: LetPass) -> None:
    await start(store)
    let_pass(10 * MINUTE)
    assert await take(store, RIGHT) == WRONG
    started = await start(store, code=OTHER, memo=b"second")
    assert (started.deliver, started.fresh, started.memo) == (True, True, b"second")
    assert await take(store, RIGHT) == WRONG
    assert (await take(store, OTHER)).leased


async def test_a_challenge_lives_until_its_lifetime_is_over(
    store: Store, let_pass: LetPass
) -> None:
    await start(store)
    let_pass(10 * MINUTE - 10_000)
    assert (await take(store, RIGHT)).leased


async def test_used_up_tries_make_room_for_a_new_challenge_at_once(store: Store) -> None:
    await start(store, tries=1)
    await take(store, wrong())
    started = await start(store, code=OTHER, tries=1, memo=b"second")
    assert (started.deliver, started.fresh, started.memo) == (True, True, b"second")
    assert (await take(store, OTHER)).leased


async def test_a_new_challenge_is_leased_to_nobody(store: Store) -> None:
    await start(store, tries=1)
    assert (await take(store, RIGHT, lease=YOURS)).leased
    await take(store, wrong())
    assert (await start(store, code=OTHER)).fresh
    assert (await take(store, OTHER, lease=MINE)).leased


async def test_challenges_of_different_keys_are_apart(store: Store) -> None:
    await start(store, ALICE, memo=b"alice")
    started = await start(store, BOB, code=OTHER, memo=b"bob")
    assert (started.fresh, started.memo) == (True, b"bob")
    assert await take(store, OTHER, key=ALICE) == WRONG
    assert (await take(store, OTHER, key=BOB)).memo == b"bob"


@pytest.mark.parametrize("size", [0, 1, 7, 8, 21, 44, 255, 1024])
async def test_a_memo_comes_back_untouched(store: Store, let_pass: LetPass, size: int) -> None:
    memo = (bytes(range(256)) * 5)[:size]
    assert (await start(store, memo=memo)).memo == memo
    assert (await start(store)).memo == memo
    await take(store, wrong())
    let_pass(MINUTE)
    assert (await start(store)).memo == memo
    assert (await take(store, RIGHT)).memo == memo


async def test_a_memo_of_1025_bytes_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="memo"):
        await start(store, memo=bytes(1025))


async def test_a_digest_of_another_size_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="digest"):
        await start(store, code=bytes(15))


@pytest.mark.parametrize("group", ["count", "check", "spend"])
async def test_a_full_window_limits_a_start_and_nothing_changes_p9(
    store: Store, let_pass: LetPass, group: str
) -> None:
    windows = {name: window(name) for name in ("count", "check", "spend")}
    await room(store, windows[group])
    let_pass(10 * MINUTE)
    limited = await store.start(
        ALICE, pending(), **{name: [window] for name, window in windows.items()}
    )
    assert isinstance(limited, Limited)
    assert about(50 * MINUTE, limited.retry_after_ms)
    assert limited.window == windows[group]
    for name, of in windows.items():
        assert await room(store, of) == (0 if name == group else 5)
    assert await take(store, RIGHT) == WRONG
    assert (await start(store)).fresh


async def test_the_first_full_group_tells_how_long_to_wait(store: Store) -> None:
    count, check = window("count", period_ms=MINUTE), window("check", period_ms=2 * MINUTE)
    spend = window("spend", period_ms=3 * MINUTE)
    for full in (spend, check, count):
        await room(store, full)
        limited = await store.start(ALICE, pending(), count=[count], check=[check], spend=[spend])
        assert isinstance(limited, Limited)
        assert limited.window == full
        assert about(full.period_ms, limited.retry_after_ms)


async def test_a_start_counts_requests_and_spends_but_not_what_it_only_checks(
    store: Store,
) -> None:
    count, check, spend = [window("c1"), window("c2")], [window("k")], [window("s1"), window("s2")]
    await start(store, count=count, check=check, spend=spend)
    assert [await room(store, of) for of in [*count, *check, *spend]] == [4, 4, 5, 4, 4]


async def test_a_start_inside_the_cool_down_counts_a_request_and_spends_nothing(
    store: Store,
) -> None:
    count, check, spend = window("c"), window("k"), window("s")
    await start(store)
    await start(store, count=[count], check=[check], spend=[spend])
    assert [await room(store, of) for of in (count, check, spend)] == [4, 5, 5]


async def test_a_spent_budget_does_not_matter_inside_the_cool_down(store: Store) -> None:
    spend = window("spend", limit=1)
    assert (await start(store, spend=[spend])).deliver
    assert not (await start(store, spend=[spend])).deliver


async def test_a_spent_budget_stops_a_second_delivery_and_the_code_stays_good(
    store: Store, let_pass: LetPass
) -> None:
    count, spend = window("count"), window("spend", limit=1)
    await start(store, spend=[spend])
    let_pass(MINUTE)
    limited = await store.start(ALICE, pending(), count=[count], check=(), spend=[spend])
    assert isinstance(limited, Limited)
    assert await room(store, count) == 5
    assert (await start(store)).deliver  # the refused start was no delivery
    assert (await take(store, RIGHT)).leased


async def test_withdrawing_a_fresh_challenge_restores_everything(store: Store) -> None:
    spend = [window("hour"), window("day", limit=10, period_ms=24 * HOUR)]
    await store.count(spend)
    await start(store, spend=spend)
    await store.withdraw(ALICE, fresh=True, spent=spend)
    assert [await room(store, of) for of in spend] == [4, 9]
    assert await take(store, RIGHT) == WRONG
    assert (await start(store, memo=b"new")).memo == b"new"


async def test_withdrawing_closes_the_windows_that_the_start_opened(
    store: Store, let_pass: LetPass
) -> None:
    spend = window("spend")
    await start(store, spend=[spend])
    let_pass(HOUR // 2)
    await store.withdraw(ALICE, fresh=True, spent=[spend])
    await room(store, spend)
    limited = await store.count([spend])
    assert limited is not None
    assert about(HOUR, limited.retry_after_ms)


async def test_withdrawing_a_second_delivery_lets_the_next_start_deliver_at_once(
    store: Store, let_pass: LetPass
) -> None:
    spend = window("spend")
    await start(store, memo=b"first", spend=[spend])
    await take(store, wrong())
    let_pass(MINUTE)
    await start(store, spend=[spend])
    await store.withdraw(ALICE, fresh=False, spent=[spend])
    again = await start(store, spend=[spend])
    assert (again.deliver, again.fresh, again.memo) == (True, False, b"first")
    assert about(MINUTE, again.resend_ms)
    assert about(9 * MINUTE, again.expires_ms)
    assert await room(store, spend) == 3
    assert (await take(store, RIGHT)).leased


async def test_a_withdrawn_delivery_was_a_turn_unless_it_was_the_first(
    store: Store, let_pass: LetPass
) -> None:
    assert (await start(store)).turn == 0
    await store.withdraw(ALICE, fresh=True, spent=())
    assert (await start(store)).turn == 0
    let_pass(MINUTE)
    assert (await start(store)).turn == 1
    await store.withdraw(ALICE, fresh=False, spent=())
    assert (await start(store)).turn == 2


async def test_withdrawing_when_all_has_ended_is_harmless(store: Store, let_pass: LetPass) -> None:
    spend = window("spend")
    await start(store, spend=[spend])
    let_pass(HOUR)
    await store.withdraw(ALICE, fresh=False, spent=[spend])
    await store.withdraw(BOB, fresh=True, spent=[spend])
    assert await room(store, spend) == 5
    assert (await start(store)).fresh


async def test_withdrawing_leaves_requests_counted(store: Store) -> None:
    count, spend = window("count"), window("spend")
    await start(store, count=[count], spend=[spend])
    await store.withdraw(ALICE, fresh=True, spent=[spend])
    assert [await room(store, count), await room(store, spend)] == [4, 5]
