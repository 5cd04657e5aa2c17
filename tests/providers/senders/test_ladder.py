"""Which sender is asked, what its answer means for the others, and what is left of it all."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from providers import Reason, Receipt, Rejected, Unavailable, _http
from providers import _senders as senders
from providers._senders import Declined, Ladder, Message, Refused
from tests.providers.senders.ladders import Scripted, asked, sent
from tests.providers.sending import MESSAGE, Recorder
from tests.servers.sms import SmsVendor

# Whose turn it is


@pytest.mark.parametrize(
    ("turn", "order"),
    [(0, [0, 1, 2]), (1, [1, 2, 0]), (2, [2, 0, 1]), (3, [0, 1, 2]), (100, [1, 2, 0])],
)
async def test_each_turn_begins_with_another_sender(
    vendors: list[SmsVendor], ladder: Ladder, turn: int, order: list[int]
) -> None:
    for vendor in vendors:
        vendor.fail("http400")
    with pytest.raises(Unavailable):
        await ladder.deliver(MESSAGE, turn)
    assert asked(vendors) == [1, 1, 1]
    assert sorted(range(3), key=lambda i: vendors[i].calls[0].at) == order


async def test_the_first_that_accepts_is_the_last_that_is_asked(
    vendors: list[SmsVendor], ladder: Ladder, meter: Recorder
) -> None:
    assert await ladder.deliver(MESSAGE, 0) == Receipt("first", "m1")
    assert await ladder.deliver(MESSAGE, 1) == Receipt("second", "m1")
    assert asked(vendors) == [1, 1, 0]
    assert meter.messages == [("first", "accepted"), ("second", "accepted")]


FAILURES = [
    *("http400", "http401", "http404", "http429", "http500", "http503", "http302", "rejected"),
    *("html", "empty", "not_utf8", "null", "array", "redirect", "json200", "json500"),
]


@pytest.mark.parametrize("failure", FAILURES)
async def test_an_answer_that_is_no_success_is_for_the_next_sender(
    vendors: list[SmsVendor], ladder: Ladder, meter: Recorder, failure: str
) -> None:
    vendors[0].fail(failure)
    assert (await ladder.deliver(MESSAGE, 0)).sender == "second"
    assert asked(vendors) == [1, 1, 0]  # nor is anything tried twice
    assert sent(vendors) == [0, 1, 0]
    assert meter.messages == [("first", "unavailable"), ("second", "accepted")]


# A recipient who can never be reached


@pytest.mark.parametrize("reason", [Reason.PHONE, Reason.EMAIL])
async def test_a_refused_recipient_ends_it_as_the_persons_failure(
    vendors: list[SmsVendor], ladder: Ladder, meter: Recorder, reason: Reason
) -> None:
    vendors[1].fail("bad_number")
    ladder._reason = reason
    with pytest.raises(Rejected) as caught:
        await ladder.deliver(MESSAGE, 1)
    assert caught.value.reason is reason
    assert str(caught.value) == "second: the recipient is refused"
    assert asked(vendors) == [0, 1, 0]
    assert meter.messages == [("second", "refused")]


# A message that may have gone out


@pytest.mark.parametrize("failure", ["cut", "truncated_json", "huge", "deep", "hang", "drip"])
async def test_a27_a_message_that_may_have_gone_out_is_sent_by_nobody_else(
    vendors: list[SmsVendor],
    ladder: Ladder,
    meter: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    failure: str,
) -> None:
    monkeypatch.setattr(senders, "DEADLINE", 0.5)
    vendors[0].fail(failure)
    assert await ladder.deliver(MESSAGE, 0) == Receipt("first", None)
    assert asked(vendors) == [1, 0, 0]
    assert meter.messages == [("first", "ambiguous")]


# Nobody accepts


async def test_p11_an_outage_tells_of_every_sender_and_repeats_nothing(
    vendors: list[SmsVendor], ladder: Ladder, meter: Recorder
) -> None:
    vendors[0].fail("http500")  # repeats the message in its answer
    vendors[1].fail("rejected")
    vendors[2].stop()
    with pytest.raises(Unavailable) as caught:
        await ladder.deliver(MESSAGE, 0)
    said = str(caught.value)
    assert said == (
        "senders: first: HTTP status 500, no success as configured; "
        "second: HTTP status 200, no success as configured; "
        "third: no connection (ConnectionRefusedError)"
    )
    for secret in (MESSAGE.code, MESSAGE.to, MESSAGE.text, "credential", "127.0.0.1"):
        assert secret not in said
    assert caught.value.retry_after is None
    assert [outcome for _, outcome in meter.messages] == ["unavailable"] * 3


async def test_an_outage_ends_when_the_first_vendor_says(
    vendors: list[SmsVendor], ladder: Ladder
) -> None:
    for vendor, failure in zip(vendors, ("http500", "http429", "http401"), strict=True):
        vendor.fail(failure)
    with pytest.raises(Unavailable) as caught:
        await ladder.deliver(MESSAGE, 0)
    assert caught.value.retry_after == 30


def busy(name: str, retry_after: float | None) -> Scripted:
    async def decline(within: float) -> str | None:
        raise Declined(name, "busy", retry_after)

    return Scripted(name, decline)


@pytest.mark.parametrize(
    ("waits", "wait"),
    [([20.0, 10.0], 10.0), ([None, 30.0], 30.0), ([999_999_999.0], 60.0), ([0.0], 0.0)],
)
async def test_nobody_is_told_to_wait_for_one_vendor_alone(
    meter: Recorder, waits: list[float | None], wait: float
) -> None:
    ladder = Ladder([busy("vendor", w) for w in waits], Reason.PHONE, meter)
    with pytest.raises(Unavailable) as caught:
        await ladder.deliver(MESSAGE, 0)
    assert caught.value.retry_after == wait


# Time


async def unconnected(within: float) -> str | None:
    await asyncio.sleep(min(within, 0.3))
    raise Unavailable("silent", "no connection in time")


async def test_a27_one_deadline_over_all_senders(
    meter: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(senders, "DEADLINE", 0.7)
    ladder = Ladder([Scripted("silent", unconnected) for _ in range(5)], Reason.PHONE, meter)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        await ladder.deliver(MESSAGE, 0)
    assert 0.65 < time.monotonic() - started < 1.5
    assert meter.messages == [("silent", "unavailable")] * 3


def test_a27_a_vendor_that_takes_no_connection_leaves_time_for_the_next() -> None:
    assert senders.DEADLINE == 8
    assert 2 * _http.CONNECT_TIMEOUT < senders.DEADLINE


# Whatever else happens


async def test_a_fault_in_a_sender_is_not_hidden_and_counts_against_it(
    vendors: list[SmsVendor], ladder: Ladder, meter: Recorder
) -> None:
    async def faulty(within: float) -> str | None:
        raise KeyError("sid")

    ladder = Ladder([Scripted("faulty", faulty), ladder._rungs[1].sender], Reason.PHONE, meter)
    for _ in range(senders.FAILURES):
        with pytest.raises(KeyError):  # the message may have gone out: nobody else is asked
            await ladder.deliver(MESSAGE, 0)
    assert asked(vendors) == [0, 0, 0]
    assert meter.messages == [("faulty", "unavailable")] * senders.FAILURES
    assert (await ladder.deliver(MESSAGE, 0)).sender == "second"


async def test_who_stops_waiting_says_nothing_of_the_vendor(
    vendors: list[SmsVendor], ladder: Ladder, meter: Recorder
) -> None:
    count = 2 * senders.FAILURES
    vendors[0].fail("hang", times=count)
    calls = [asyncio.create_task(ladder.deliver(MESSAGE, 0)) for _ in range(count)]
    await asyncio.to_thread(vendors[0].wait_calls, count)
    for call in calls:
        call.cancel()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    assert meter.messages == [("first", "ambiguous")] * count
    assert await ladder.deliver(MESSAGE, 0) == Receipt("first", f"m{count + 1}")
    assert asked(vendors) == [count + 1, 0, 0]


@pytest.mark.parametrize("failure", [None, "http503", "http429"])
async def test_500_messages_at_once_leave_once_each(
    vendors: list[SmsVendor], ladder: Ladder, failure: str | None
) -> None:
    if failure:
        vendors[0].fail(failure)
    numbers = [f"1800555{i:04}" for i in range(500)]
    messages = [Message(number, f"code for {number}", "123456") for number in numbers]
    receipts = await asyncio.gather(*(ladder.deliver(message, 0) for message in messages))
    assert sorted(m.to for vendor in vendors for m in vendor.messages) == numbers
    if failure:
        assert {receipt.sender for receipt in receipts} <= {"second", "third"}
        assert vendors[0].messages == []


# Every outcome is counted


async def scripted_outcome(outcome: Any, meter: Recorder) -> None:
    async def act(within: float) -> str | None:
        if isinstance(outcome, BaseException):
            raise outcome
        return str(outcome)

    ladder = Ladder([Scripted("vendor", act)], Reason.PHONE, meter)
    await asyncio.gather(ladder.deliver(MESSAGE, 0), return_exceptions=True)


@pytest.mark.parametrize(
    ("outcome", "counted"),
    [
        ("m1", "accepted"),
        (senders.Ambiguous(), "ambiguous"),
        (Refused("no such number"), "refused"),
        (Declined("vendor", "busy"), "unavailable"),
        (Unavailable("vendor", "down"), "unavailable"),
        (ValueError("fault"), "unavailable"),
        (asyncio.CancelledError(), "ambiguous"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
async def test_every_outcome_is_counted_once(meter: Recorder, outcome: Any, counted: str) -> None:
    await scripted_outcome(outcome, meter)
    assert meter.messages == [("vendor", counted)]


async def test_check_and_close_reach_every_sender(meter: Recorder) -> None:
    ladder = Ladder([busy("a", None), busy("b", None)], Reason.PHONE, meter)
    assert await ladder.check() == ["a: cannot work", "b: cannot work"]
    await ladder.close()
