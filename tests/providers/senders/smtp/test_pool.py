"""Connections: how many, used again while they stand, and given back whatever happens."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter

import pytest

from providers import Unavailable
from providers._senders import Declined, Refused, Sender, _smtp_pool
from providers._senders._smtp import Smtp
from providers._senders._smtp_session import Session
from tests.providers.senders.smtp.mail import MESSAGE, Make, message, parsed, texts
from tests.servers.fault_proxy import FaultProxy, Faults
from tests.servers.smtp import SmtpServer
from tests.servers.smtp_record import CONNECT, END, Fault

SHORT = 0.3  # seconds


async def until(server: SmtpServer, open_connections: int) -> None:
    await asyncio.to_thread(
        server.wait, lambda: server.open == open_connections, f"{open_connections} connections"
    )


async def heard(server: SmtpServer, verb: str, times: int = 1) -> None:
    await asyncio.to_thread(server.wait, lambda: server.count(verb) >= times, verb)


def carriers(server: SmtpServer) -> list[int]:
    """Return by which connection each mail came."""
    return [mail.connection for mail in server.mails]


# Used again


async def test_mails_after_one_another_share_a_connection(server: SmtpServer, make: Make) -> None:
    sender = make()
    for _ in range(5):
        await sender.send(MESSAGE, 5.0)
    assert carriers(server) == [1] * 5
    assert (server.count("EHLO"), server.count("AUTH")) == (2, 1)


async def test_the_connection_used_last_is_used_next(server: SmtpServer, make: Make) -> None:
    sender = make()
    server.fail(END, 0.05)
    await asyncio.gather(*(sender.send(MESSAGE, 5.0) for _ in range(4)))
    server.ok()
    assert server.open == 4
    for _ in range(4):
        await sender.send(MESSAGE, 5.0)
    assert len(set(carriers(server)[4:])) == 1


@pytest.mark.parametrize("answer", ["550 5.1.1 no", "550 5.7.1 no", "550 no"])
async def test_after_a_refusal_the_connection_is_left_in_good_order(
    server: SmtpServer, make: Make, answer: str
) -> None:
    sender = make(pool_size=1)
    server.fail("RCPT", answer, times=1)
    with pytest.raises((Refused, Declined)):
        await sender.send(MESSAGE, 5.0)
    assert [command.verb for command in server.commands][-2:] == ["RCPT", "QUIT"]
    await sender.send(MESSAGE, 5.0)
    assert carriers(server) == [2]


# Kept, and gone in the meantime


async def test_an_idle_connection_is_closed_with_a_good_bye(
    server: SmtpServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_smtp_pool, "KEEP", 0.05)
    sender = make()
    await sender.send(MESSAGE, 5.0)
    await heard(server, "QUIT")
    await until(server, 0)
    await sender.send(MESSAGE, 5.0)
    assert carriers(server) == [1, 2]


async def test_a_connection_in_use_is_not_idle(
    server: SmtpServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_smtp_pool, "KEEP", 0.1)
    sender = make()
    await sender.send(MESSAGE, 5.0)
    server.fail(END, 0.3)
    await sender.send(MESSAGE, 5.0)
    assert carriers(server) == [1, 1]
    assert (server.count("QUIT"), server.open) == (0, 1)


async def test_a_connection_that_the_server_closed_costs_nothing(
    server: SmtpServer, make: Make
) -> None:
    sender = make()
    for _ in range(3):
        await sender.send(MESSAGE, 5.0)
        await asyncio.to_thread(server.hang_up)
    assert carriers(server) == [1, 2, 3]


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
async def test_a_kept_connection_that_breaks_before_the_mail_is_replaced(
    server: SmtpServer, make: Make, stage: str
) -> None:
    sender = make()
    await sender.send(MESSAGE, 5.0)
    server.fail(stage, Fault.DROP, times=1)
    await sender.send(MESSAGE, 5.0)
    assert carriers(server) == [1, 2]


async def test_it_is_replaced_by_a_new_one(server: SmtpServer, make: Make) -> None:
    sender = make()
    await burst(sender, server, 3)
    server.fail("MAIL", Fault.DROP, times=1)
    await sender.send(MESSAGE, 5.0)
    assert carriers(server)[3:] == [4]  # what broke one may have broken all


async def test_a_connection_known_to_be_dead_is_not_tried(server: SmtpServer, make: Make) -> None:
    sender = make()
    await burst(sender, server, 3)
    await asyncio.to_thread(server.hang_up)
    server.fail("RCPT", "451 4.7.1 later", times=1)
    await sender.send(MESSAGE, 5.0)  # the retry is still there for that
    assert carriers(server)[3:] == [5]


@pytest.mark.parametrize("stage", ["MAIL", "RCPT"])
async def test_it_is_replaced_once(server: SmtpServer, make: Make, stage: str) -> None:
    sender = make()
    await sender.send(MESSAGE, 5.0)
    server.fail(stage, Fault.DROP)
    with pytest.raises(Unavailable, match="closed the connection"):
        await sender.send(MESSAGE, 5.0)
    assert server.connections == 2


async def test_a_server_that_says_good_bye_at_the_next_mail(server: SmtpServer, make: Make) -> None:
    sender = make()
    await sender.send(MESSAGE, 5.0)
    server.fail("MAIL", "421 4.4.2 idle for too long", times=1)
    await sender.send(MESSAGE, 5.0)
    assert carriers(server) == [1, 2]


async def test_no_second_mail_where_the_first_may_have_gone_out(
    server: SmtpServer, make: Make
) -> None:
    sender = make()
    await sender.send(MESSAGE, 5.0)
    server.fail(END, Fault.DROP, times=1)
    await asyncio.gather(sender.send(MESSAGE, 5.0), return_exceptions=True)
    assert carriers(server) == [1, 1]


async def test_a_restarted_server_is_used_again_at_once(server: SmtpServer, make: Make) -> None:
    sender = make()
    await burst(sender, server, 4)
    server.stop()
    with pytest.raises(Unavailable):
        await sender.send(MESSAGE, 5.0)
    server.start()
    await sender.send(MESSAGE, 5.0)
    assert len(server.mails) == 5


async def test_a_network_that_went_away_meanwhile(server: SmtpServer, make: Make) -> None:
    with FaultProxy(server.port) as proxy:
        sender = make(port=proxy.port)
        await burst(sender, server, 3)
        proxy.reset_all()
        await sender.send(MESSAGE, 5.0)
        proxy.set(Faults(black_hole=True))
        with pytest.raises(Unavailable, match="did not answer in time"):
            await sender.send(MESSAGE, SHORT)
        proxy.heal()
        await sender.send(MESSAGE, 5.0)
    assert len(server.mails) == 5


async def burst(sender: Sender, server: SmtpServer, count: int) -> None:
    """Send so many mails at once, on as many connections."""
    server.fail(END, 0.1)
    await asyncio.gather(*(sender.send(MESSAGE, 5.0) for _ in range(count)))
    server.ok()
    assert server.open == count


# How many


async def test_a_hundred_mails_at_once_share_a_few_connections(
    server: SmtpServer, make: Make
) -> None:
    server.fail(END, 0.01)
    sender = make(pool_size=5)
    people = [f"person{number}" for number in range(100)]
    ids = await asyncio.gather(
        *(
            sender.send(message(f"{name}@example.com", f"for {name}", subject=name, html=None), 8.0)
            for name in people
        )
    )
    assert (server.connections, server.most_open) == (5, 5)
    # And none is mixed up with another.
    assert Counter(str(mail.recipients) for mail in server.mails) == Counter(
        f"['{name}@example.com']" for name in people
    )
    for mail in server.mails:
        (to,) = mail.recipients
        name = to.partition("@")[0]
        got = parsed(mail)
        assert (got["To"], got["Subject"]) == (to, name)
        assert texts(got) == [("text/plain", f"for {name}")]
        assert got["Message-ID"] == f"<{ids[people.index(name)]}>"


async def test_retries_keep_within_the_number_of_connections(
    server: SmtpServer, make: Make
) -> None:
    sender = make(pool_size=3)
    assert isinstance(sender, Smtp)
    connect = sender._pool._connect
    made: list[Session] = []
    alive: list[int] = []

    async def counted(deadline: float) -> Session:
        made.append(await connect(deadline))
        alive.append(sum(session.alive for session in made))
        return made[-1]

    sender._pool._connect = counted
    await burst(sender, server, 3)
    server.fail("RCPT", "451 4.7.1 later", times=20)
    outcomes = await asyncio.gather(
        *(sender.send(MESSAGE, 8.0) for _ in range(30)), return_exceptions=True
    )
    sent = sum(isinstance(outcome, str) for outcome in outcomes)
    assert sent >= 20
    assert len(server.mails) == sent + 3
    assert len(made) > 10
    assert max(alive) == 3


async def test_whoever_waits_too_long_is_told_and_nothing_is_sent(
    server: SmtpServer, make: Make
) -> None:
    server.fail(END, 1.0)
    sender = make(pool_size=2)
    slow = [asyncio.create_task(sender.send(MESSAGE, 5.0)) for _ in range(2)]
    await asyncio.to_thread(server.wait, lambda: len(server.mails) == 2, "mails")
    started = time.monotonic()
    with pytest.raises(Unavailable, match=r"all 2 connections were busy \(pool_size\)"):
        await sender.send(MESSAGE, SHORT)
    assert time.monotonic() - started < SHORT + 0.5
    await asyncio.gather(*slow)
    assert len(server.mails) == 2


async def test_a_crowd_is_not_let_in(
    server: SmtpServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_smtp_pool, "MAX_WAITING", 3)
    server.fail(END, 0.2)
    sender = make(pool_size=1)
    outcomes = await asyncio.gather(
        *(sender.send(MESSAGE, 5.0) for _ in range(10)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Unavailable)]
    assert (len(server.mails), len(refused)) == (4, 6)  # one did not have to wait
    assert str(refused[0]) == "smtp: 3 mails are waiting already"
    await sender.send(MESSAGE, 5.0)  # and afterwards there is room again


# Given back


@pytest.mark.parametrize(
    "stage", [CONNECT, "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", END]
)
async def test_whoever_leaves_gives_the_connection_back(
    server: SmtpServer, make: Make, stage: str
) -> None:
    server.fail(stage, Fault.HANG)
    sender = make(pool_size=1)
    for number in itertools.count(1):
        leaving = asyncio.create_task(sender.send(MESSAGE, 60.0))
        await asyncio.to_thread(server.wait, lambda: server.faltering, "silence")
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        await until(server, 0)
        if number == 3:
            break
    server.ok()
    sent = len(server.mails)
    await sender.send(MESSAGE, 5.0)
    assert len(server.mails) == sent + 1


async def test_whoever_leaves_the_queue_holds_nobody_up(server: SmtpServer, make: Make) -> None:
    server.fail(END, 0.3, times=1)
    sender = make(pool_size=1)
    first, *rest = [asyncio.create_task(sender.send(MESSAGE, 5.0)) for _ in range(5)]
    await asyncio.to_thread(server.wait, lambda: server.mails, "the first mail")
    for task in rest[:3]:
        task.cancel()
    await asyncio.gather(first, rest[3])
    assert len(server.mails) == 2


async def test_closing_says_good_bye_on_every_connection(server: SmtpServer, make: Make) -> None:
    sender = make()
    await burst(sender, server, 3)
    await sender.close()
    assert server.count("QUIT") == 3
    await until(server, 0)


async def test_closing_does_not_wait_for_a_server_that_hangs(
    server: SmtpServer, make: Make
) -> None:
    sender = make()
    await burst(sender, server, 3)
    server.fail("QUIT", Fault.HANG)
    started = time.monotonic()
    await sender.close()
    assert time.monotonic() - started < 2
    await until(server, 0)
