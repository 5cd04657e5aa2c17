"""Vendors that go and come back: who is asked meanwhile, and what it costs."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from providers import Reason, Receipt, Unavailable, _http
from providers import _senders as senders
from providers._senders import Ladder
from providers._senders.http import HttpConfig
from tests.providers.senders.ladders import asked, sent, stop_clocks
from tests.providers.sending import MESSAGE, NewSender, Recorder
from tests.servers.fault_proxy import FaultProxy, Faults
from tests.servers.reserved_port import HOST
from tests.servers.sms import SmsVendor
from tests.servers.tls import Authority

FIVE = senders.FAILURES


# A first sender that is dead costs less than the deadline, and exactly one message leaves


async def test_a_connection_that_is_refused_costs_nothing(
    vendors: list[SmsVendor], ladder: Ladder, meter: Recorder
) -> None:
    vendors[0].stop()
    started = time.monotonic()
    assert await ladder.deliver(MESSAGE, 0) == Receipt("second", "m1")
    assert time.monotonic() - started < 1.0
    assert sent(vendors) == [0, 1, 0]
    assert meter.messages == [("first", "unavailable"), ("second", "accepted")]


@contextlib.contextmanager
def silent_tcp() -> Iterator[str]:
    """A server whose queue of connections is full: it does not even answer a SYN."""
    with contextlib.ExitStack() as held:
        server = held.enter_context(socket.socket())
        server.bind((HOST, 0))
        server.listen(0)
        for _ in range(8):
            client = held.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield f"http://{HOST}:{server.getsockname()[1]}/messages"


@contextlib.contextmanager
def silent_tls(folder: Path) -> Iterator[str]:
    """A network that breaks off in the middle of the TLS handshake."""
    vendor = SmsVendor(tls=Authority(folder).server())
    with vendor, FaultProxy(vendor.port) as proxy:
        proxy.set(Faults(black_hole=True))
        yield f"https://{HOST}:{proxy.port}/messages"


@pytest.mark.parametrize("silence", ["tcp", "tls"])
async def test_a_connection_that_is_never_made_costs_its_timeout(
    vendors: list[SmsVendor],
    ladder: Ladder,
    new_sender: NewSender,
    meter: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    silence: str,
) -> None:
    monkeypatch.setattr(_http, "CONNECT_TIMEOUT", 0.3)
    with silent_tcp() if silence == "tcp" else silent_tls(tmp_path) as url:
        dead = new_sender(HttpConfig, name="dead", url=url, form={"to": "{to}", "text": "{text}"})
        ladder = Ladder([dead, ladder._rungs[1].sender], Reason.PHONE, meter)
        started = time.monotonic()
        assert await ladder.deliver(MESSAGE, 0) == Receipt("second", "m1")
        assert 0.25 < time.monotonic() - started < 2.0
    assert sent(vendors) == [0, 1, 0]
    assert meter.messages == [("dead", "unavailable"), ("second", "accepted")]


async def test_a27_three_silent_vendors_keep_to_the_deadline(
    new_sender: NewSender, meter: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_http, "CONNECT_TIMEOUT", 0.3)
    monkeypatch.setattr(senders, "DEADLINE", 0.8)
    with silent_tcp() as url:
        dead = [new_sender(HttpConfig, name=f"dead{i}", url=url, body="{text}") for i in range(3)]
        started = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            await Ladder(dead, Reason.PHONE, meter).deliver(MESSAGE, 0)
        assert 0.75 < time.monotonic() - started < 1.5
    assert str(caught.value).count("no connection in time") == 3


async def test_a27_three_hanging_vendors_send_one_message_within_the_deadline(
    vendors: list[SmsVendor], ladder: Ladder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(senders, "DEADLINE", 0.4)
    for vendor in vendors:
        vendor.fail("hang")
    started = time.monotonic()
    assert await ladder.deliver(MESSAGE, 0) == Receipt("first", None)
    assert time.monotonic() - started < 1.0
    assert sent(vendors) == [1, 0, 0]
    # Who asks again is reached another way.
    monkeypatch.undo()
    vendors[1].ok()
    assert await ladder.deliver(MESSAGE, 1) == Receipt("second", "m1")
    assert sent(vendors) == [1, 1, 0]


# A sender that does not answer is left alone


@pytest.mark.parametrize("failure", ["http500", "http503", "json500"])
async def test_after_failures_in_a_row_a_sender_is_not_touched(
    vendors: list[SmsVendor], ladder: Ladder, meter: Recorder, failure: str
) -> None:
    stop_clocks(ladder)
    vendors[0].fail(failure)
    for _ in range(FIVE + 3):
        await ladder.deliver(MESSAGE, 0)
    assert asked(vendors) == [FIVE, FIVE + 3, 0]
    assert meter.messages.count(("first", "unavailable")) == FIVE


async def test_who_refuses_connections_is_left_alone(
    vendors: list[SmsVendor], ladder: Ladder, meter: Recorder
) -> None:
    stop_clocks(ladder)
    vendors[0].stop()
    for _ in range(FIVE + 3):
        assert (await ladder.deliver(MESSAGE, 0)).sender == "second"
    assert meter.messages.count(("first", "unavailable")) == FIVE


async def test_messages_that_may_have_gone_out_open_it_in_the_end(
    vendors: list[SmsVendor], ladder: Ladder
) -> None:
    stop_clocks(ladder)
    vendors[0].fail("cut")
    receipts = [await ladder.deliver(MESSAGE, 0) for _ in range(FIVE + 1)]
    assert [receipt.sender for receipt in receipts] == ["first"] * FIVE + ["second"]
    assert sent(vendors) == [FIVE, 1, 0]  # never two for one


@pytest.mark.parametrize("failure", ["http400", "http401", "http429", "rejected", "html"])
async def test_who_answers_is_asked_again_however_often_it_declines(
    vendors: list[SmsVendor], ladder: Ladder, failure: str
) -> None:
    """Somebody who keeps typing numbers that a vendor declines does not close it to others."""
    vendors[0].fail(failure, times=3 * FIVE)
    for _ in range(3 * FIVE):
        assert (await ladder.deliver(MESSAGE, 0)).sender == "second"
    assert (await ladder.deliver(MESSAGE, 0)).sender == "first"


async def test_who_refuses_recipients_answers(vendors: list[SmsVendor], ladder: Ladder) -> None:
    vendors[0].fail("http500", times=FIVE - 1)
    for _ in range(FIVE - 1):
        await ladder.deliver(MESSAGE, 0)
    vendors[0].fail("bad_number")
    for _ in range(2 * FIVE):
        await asyncio.gather(ladder.deliver(MESSAGE, 0), return_exceptions=True)
    vendors[0].fail("http500", times=1)
    await ladder.deliver(MESSAGE, 0)
    assert (await ladder.deliver(MESSAGE, 0)).sender == "first"


async def test_a_sender_left_alone_is_no_turn(vendors: list[SmsVendor], ladder: Ladder) -> None:
    stop_clocks(ladder)
    vendors[0].fail("http500")
    for _ in range(FIVE):
        await ladder.deliver(MESSAGE, 0)
    turns = [(await ladder.deliver(MESSAGE, turn)).sender for turn in range(4)]
    assert turns == ["second", "third", "second", "third"]


async def test_all_left_alone_are_asked_when_their_pause_is_over(
    vendors: list[SmsVendor], ladder: Ladder
) -> None:
    clock = stop_clocks(ladder)
    for vendor in vendors:
        vendor.fail("http500")
    for _ in range(FIVE):
        with pytest.raises(Unavailable):
            await ladder.deliver(MESSAGE, 0)
    clock.now += 0.5
    with pytest.raises(Unavailable) as caught:
        await ladder.deliver(MESSAGE, 0)
    assert caught.value.retry_after == senders.FIRST_PAUSE - 0.5
    assert str(caught.value).count("left alone after repeated failures") == 3
    assert asked(vendors) == [FIVE] * 3
    for vendor in vendors:
        vendor.ok()
    clock.now += senders.FIRST_PAUSE
    assert (await ladder.deliver(MESSAGE, 0)).sender == "first"


# And comes back


async def opened(vendors: list[SmsVendor], ladder: Ladder) -> None:
    vendors[0].fail("http500")
    for _ in range(FIVE):
        await ladder.deliver(MESSAGE, 0)


async def test_one_message_finds_out_whether_it_is_back(
    vendors: list[SmsVendor], ladder: Ladder
) -> None:
    clock = stop_clocks(ladder)
    await opened(vendors, ladder)
    vendors[0].ok()
    clock.now += senders.FIRST_PAUSE
    receipts = await asyncio.gather(*(ladder.deliver(MESSAGE, 0) for _ in range(20)))
    assert [receipt.sender for receipt in receipts] == ["first"] + ["second"] * 19
    assert (await ladder.deliver(MESSAGE, 0)).sender == "first"


async def test_pauses_grow_to_a_minute_while_it_does_not_answer(
    vendors: list[SmsVendor], ladder: Ladder
) -> None:
    clock = stop_clocks(ladder)
    await opened(vendors, ladder)
    pauses = []
    for _ in range(8):
        wait = ladder._rungs[0].breaker.wait
        pauses.append(wait)
        clock.now += wait
        assert (await ladder.deliver(MESSAGE, 0)).sender == "second"
        assert len(vendors[0].calls) == FIVE + len(pauses)
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]
    vendors[0].ok()
    clock.now += 60
    assert (await ladder.deliver(MESSAGE, 0)).sender == "first"
    assert (await ladder.deliver(MESSAGE, 0)).sender == "first"
