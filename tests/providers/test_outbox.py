"""What is written in one turn of the event loop leaves together, in order."""

from __future__ import annotations

import asyncio

from providers._outbox import Outbox


async def test_writes_wait_for_the_end_of_the_turn_and_keep_their_order() -> None:
    outbox = Outbox()
    written: list[int] = []
    for number in range(3):
        outbox.add(lambda number=number: written.append(number))  # type: ignore[misc]  # its default
    assert written == []
    await asyncio.sleep(0)
    assert written == [0, 1, 2]


async def test_what_a_write_leads_to_waits_for_the_next_turn() -> None:
    outbox = Outbox()
    written: list[str] = []

    def first() -> None:
        written.append("first")
        outbox.add(lambda: written.append("second"))

    outbox.add(first)
    await asyncio.sleep(0)
    assert written == ["first"]
    await asyncio.sleep(0)
    assert written == ["first", "second"]
