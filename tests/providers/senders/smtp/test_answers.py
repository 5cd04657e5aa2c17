"""What each answer of a mail server means: whose failure it is, and whether it is asked again."""

from __future__ import annotations

import asyncio
import time

import pytest

from providers import Unavailable
from providers._senders import Ambiguous, Declined, Refused, _smtp_session
from tests.providers.senders.smtp.mail import ACCOUNT, MESSAGE, TO, Make, Meter
from tests.servers.smtp import SmtpServer
from tests.servers.smtp_record import CONNECT, END, Fault

# Servers repeat what they were told. None of it may get out.
TOLD = f"<{TO}>: 123456 mail-secret rejected"
SHORT = 0.3  # seconds
LONG = 1.0  # enough for what comes before the silence

# Stage and answer, how often the server is asked, and what the operator is told beside the code.
REFUSED = [
    *("550", "551", "552", "553", "554", "556"),
    *("550 5.1.1", "550 5.1.10", "551 5.1.6", "550 5.1.78", "553 5.1.2", "553 5.1.3", "501 5.1.3"),
    *("550 5.2.1", "552 5.2.2", "550 5.4.1", "550 5.4.4", "550 5.0.0"),
]
DECLINED = [
    *("550 5.7.1", "554 5.7.1", "553 5.7.1", "550 5.7.23", "530", "530 5.7.0", "530 5.1.1"),
    *("535", "535 5.7.8", "535 5.1.1", "550 5.1.7", "550 5.1.8", "552 5.3.4", "503 5.5.1"),
    *("550 5.4.5", "554 5.4.6", "554 5.4.14", "550 5.3.0", "554 5.6.0", "550 4.7.1"),
    *("504 5.5.2", "500", "501", "502", "503", "504", "521", "555"),
]


@pytest.mark.parametrize("answer", REFUSED)
async def test_a_mailbox_that_is_refused_for_good_is_the_persons_failure(
    server: SmtpServer, make: Make, answer: str
) -> None:
    server.fail("RCPT", f"{answer} {TOLD}")
    with pytest.raises(Refused) as caught:
        await make().send(MESSAGE, 5.0)
    assert str(caught.value) == f"the mail server answers {answer} to RCPT"
    assert (server.count("RCPT"), server.count("DATA")) == (1, 0)


@pytest.mark.parametrize("answer", DECLINED)
async def test_a_refusal_for_another_reason_is_not_the_persons(
    server: SmtpServer, make: Make, answer: str
) -> None:
    server.fail("RCPT", f"{answer} {TOLD}")
    with pytest.raises(Declined) as caught:
        await make().send(MESSAGE, 5.0)
    assert answer in str(caught.value)
    assert_tells_nothing(caught.value)
    assert (server.count("RCPT"), server.count("DATA")) == (1, 0)


@pytest.mark.parametrize("answer", ["450 4.2.1", "451 4.7.1", "452", "450 4.1.2"])
@pytest.mark.parametrize("stage", ["RCPT", "DATA", END])
async def test_a_mail_that_is_not_taken_now_is_offered_once_more(
    server: SmtpServer, make: Make, stage: str, answer: str
) -> None:
    server.fail(stage, f"{answer} {TOLD}")
    with pytest.raises(Declined) as caught:
        await make().send(MESSAGE, 5.0)
    assert_tells_nothing(caught.value)
    assert (server.count("RCPT"), server.connections) == (2, 2)
    assert server.mails == []


@pytest.mark.parametrize(
    "stage", [CONNECT, "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", END]
)
async def test_greylisted_once_it_goes_out_on_another_connection(
    server: SmtpServer, make: Make, stage: str
) -> None:
    server.fail(stage, f"451 4.7.1 {TOLD}", times=1)
    await make().send(MESSAGE, 5.0)
    assert (len(server.mails), server.connections) == (1, 2)


@pytest.mark.parametrize("answer", ["554 5.7.1", "550 5.1.1", "552", "550"])
@pytest.mark.parametrize("stage", ["DATA", END])
async def test_a_mail_that_is_refused_is_not_offered_again(
    server: SmtpServer, make: Make, stage: str, answer: str
) -> None:
    server.fail(stage, f"{answer} {TOLD}")
    with pytest.raises(Declined) as caught:
        await make().send(MESSAGE, 5.0)
    assert_tells_nothing(caught.value)
    assert (server.count("DATA"), server.mails) == (1, [])


@pytest.mark.parametrize(
    ("stage", "answer", "asked"),
    [
        (CONNECT, "554 5.7.1", 1),
        (CONNECT, "421 4.7.0", 2),
        ("EHLO", "502 5.5.1", 1),
        ("EHLO", "421", 2),
        ("STARTTLS", "454 4.7.0", 2),
        ("STARTTLS", "502", 1),
        ("AUTH", "535 5.7.8", 1),
        ("AUTH", "534 5.7.9", 1),
        ("AUTH", "454 4.7.0", 2),
        ("MAIL", "530 5.7.0", 1),
        ("MAIL", "550 5.7.1", 1),
        ("MAIL", "553 5.1.8", 1),
        ("MAIL", "451 4.3.0", 2),
        ("MAIL", "421 4.3.2", 2),
        ("RCPT", "421 4.3.2", 2),
        ("DATA", "421 4.3.2", 2),
        (END, "421 4.3.2", 2),
        (CONNECT, "banana", 1),
        ("EHLO", "banana", 1),
        ("AUTH", "banana", 1),
        ("MAIL", "banana", 1),
        ("DATA", "250 too eager", 1),
    ],
)
async def test_any_other_answer_is_the_servers_failure(
    server: SmtpServer, make: Make, stage: str, answer: str, asked: int
) -> None:
    server.fail(stage, f"{answer} {TOLD}")
    with pytest.raises(Unavailable) as caught:
        await make(name="our-mail").send(MESSAGE, 5.0)
    assert isinstance(caught.value, Declined) == (stage == "DATA" and "421" not in answer)
    assert str(caught.value).startswith("our-mail: ")
    assert_tells_nothing(caught.value)
    assert (server.connections, server.mails) == (asked, [])


@pytest.mark.parametrize(
    ("stage", "answer", "advice"),
    [
        ("AUTH", "535 5.7.8", "refuses the credentials (535 5.7.8)"),
        ("MAIL", "530 5.7.0", "wants a login (530 5.7.0): set username and password"),
        ("RCPT", "550 5.7.1", "may this gateway send to anybody there"),
        (END, "554 5.7.1", "answers 554 5.7.1 to the mail: may this gateway send"),
    ],
)
async def test_the_operator_is_told_what_to_do(
    server: SmtpServer, make: Make, stage: str, answer: str, advice: str
) -> None:
    server.fail(stage, f"{answer} {TOLD}")
    with pytest.raises(Unavailable) as caught:
        await make().send(MESSAGE, 5.0)
    assert advice in str(caught.value)


def assert_tells_nothing(error: Exception) -> None:
    seen: BaseException | None = error
    while seen is not None:
        for secret in (TO, "ann", "123456", *ACCOUNT[1:], "no-reply", "rejected"):
            assert secret not in f"{seen} {seen!r}"
        seen = seen.__cause__


# Silence

BEFORE_THE_MAIL = [CONNECT, "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"]


@pytest.mark.parametrize("stage", BEFORE_THE_MAIL)
@pytest.mark.parametrize("fault", Fault)
async def test_without_an_answer_before_the_mail_nothing_was_sent(
    server: SmtpServer, make: Make, meter: Meter, stage: str, fault: Fault
) -> None:
    server.fail(stage, fault)
    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        await make().send(MESSAGE, SHORT)
    assert not isinstance(caught.value, Declined)
    assert time.monotonic() - started < SHORT + 1
    assert (server.mails, server.connections) == ([], 1)
    assert meter.upstreams == [("smtp", "failed")]
    await asyncio.to_thread(server.wait, lambda: not server.open, "end of the connection")


@pytest.mark.parametrize("fault", Fault)
async def test_a27_without_an_answer_to_the_mail_it_may_have_gone_out(
    server: SmtpServer, make: Make, meter: Meter, fault: Fault
) -> None:
    server.fail(END, fault)
    with pytest.raises(Ambiguous):
        await make().send(MESSAGE, LONG)
    assert (len(server.mails), server.count("DATA"), server.connections) == (1, 1, 1)
    assert meter.upstreams == [("smtp", "failed")]


@pytest.mark.parametrize("answer", ["banana", "354 go on", "150 wait", "999 what"])
async def test_an_answer_to_the_mail_that_is_none_leaves_it_open(
    server: SmtpServer, make: Make, answer: str
) -> None:
    server.fail(END, answer)
    with pytest.raises(Ambiguous):
        await make().send(MESSAGE, 5.0)
    assert server.count("DATA") == 1


async def test_the_senders_own_time_leaves_some_for_the_next(
    server: SmtpServer, make: Make
) -> None:
    server.fail("RCPT", Fault.HANG)
    started = time.monotonic()
    with pytest.raises(Unavailable, match="did not answer in time"):
        await make(timeout="200ms").send(MESSAGE, 8.0)
    assert time.monotonic() - started < 2


async def test_a_retry_has_what_is_left_of_the_time(server: SmtpServer, make: Make) -> None:
    server.fail("RCPT", Fault.HANG)
    server.fail("RCPT", "451 4.7.1 later", times=1)
    started = time.monotonic()
    with pytest.raises(Unavailable, match="did not answer in time"):
        await make().send(MESSAGE, LONG)
    assert time.monotonic() - started < LONG + 1
    assert server.connections == 2


async def test_nobody_there(server: SmtpServer, make: Make) -> None:
    server.stop()
    with pytest.raises(Unavailable, match=r"no connection \(ConnectionRefusedError\)"):
        await make().send(MESSAGE, 5.0)


async def test_a_host_that_does_not_answer(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_smtp_session, "CONNECT_TIMEOUT", 0.0)
    with pytest.raises(Unavailable, match="no connection in time"):
        await make().send(MESSAGE, 5.0)


async def test_no_such_host(make: Make) -> None:
    with pytest.raises(Unavailable, match="name of the mail server is not found"):
        await make(host="no-such-host.invalid").send(MESSAGE, 5.0)


@pytest.mark.parametrize(
    ("stage", "answer", "outcome"),
    [
        ("NOOP", "250 ok", "answered"),
        ("RCPT", "550 5.1.1 no", "answered"),
        ("RCPT", "451 4.7.1 later", "answered"),
        ("AUTH", "535 5.7.8 no", "answered"),
        ("MAIL", "banana", "failed"),
    ],
)
async def test_every_mail_is_timed_once(
    server: SmtpServer, make: Make, meter: Meter, stage: str, answer: str, outcome: str
) -> None:
    server.fail(stage, answer)
    await asyncio.gather(make(name="our-mail").send(MESSAGE, 5.0), return_exceptions=True)
    assert meter.upstreams == [("our-mail", outcome)]
