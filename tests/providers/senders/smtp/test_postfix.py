"""The sender and a real mail server: what people get, and what operators find in its log."""

from __future__ import annotations

import asyncio
import email
import re
from collections.abc import Iterator
from email import policy
from typing import Any

import pytest

from providers import Unavailable
from providers._senders import Declined, Refused, Sender
from providers._senders.smtp import SmtpConfig
from tests.providers.senders.smtp.mail import TEXT, Make, message, texts
from tests.providers.sending import NewSender
from tests.servers.postfix import PASSWORD, SENDER, USER, Postfix
from tests.servers.tls import Authority

FROM = f"Exämple <{SENDER}>"
ANN = "ann@example.test"


@pytest.fixture(scope="module")
def postfix(authority: Authority) -> Iterator[Postfix]:
    with Postfix(authority.files()) as server:
        yield server


@pytest.fixture
def make(postfix: Postfix, authority: Authority, new_sender: NewSender) -> Make:
    def make(**keys: Any) -> Sender:
        usual = {
            "host": "localhost",
            "port": postfix.port,
            "username": USER,
            "password": PASSWORD,
            "ca_file": str(authority.ca_file),
        }
        return new_sender(SmtpConfig, **{**usual, **keys})

    return make


async def send(sender: Sender, to: str = ANN, writer: str = FROM, **changes: Any) -> str:
    sent = await sender.send(message(to, sender=writer, **changes), 8.0)
    assert sent is not None
    return sent


async def test_mail_is_delivered_and_found_in_the_log_by_its_id(
    postfix: Postfix, make: Make
) -> None:
    sent = await send(make(), subject="Dein Code für Ödön", text=f"{TEXT}\n.\n..\nFrom here\n")
    stored = await asyncio.to_thread(postfix.mail, "ann", sent)
    mail = email.message_from_bytes(stored.as_bytes(), policy=policy.default)
    plain, page = texts(mail)
    assert plain == ("text/plain", f"{TEXT}\n.\n..\nFrom here")
    assert page == ("text/html", f"<p>{TEXT}</p>")
    assert mail["Subject"] == "Dein Code für Ödön"
    assert mail["From"].addresses[0].display_name == "Exämple"
    assert (mail["To"], mail["Return-Path"]) == (ANN, f"<{SENDER}>")
    assert mail["Auto-Submitted"] == "auto-generated"
    # Nothing that was missing had to be added on the way.
    assert [len(mail.get_all(name, [])) for name in ("Date", "Message-ID", "From")] == [1, 1, 1]


async def test_many_mails_share_a_few_logins(postfix: Postfix, make: Make) -> None:
    before = len(postfix.log)
    sender = make(pool_size=3)
    sent = await asyncio.gather(*(send(sender, "bob@example.test") for _ in range(30)))
    await sender.close()
    for one in sent:
        await asyncio.to_thread(postfix.mail, "bob", one)

    def mails_by_connection() -> list[int]:
        ends = re.findall(r"disconnect .* auth=1 mail=(\d+) .* quit=1 ", postfix.log[before:])
        return [int(count) for count in ends]

    await asyncio.to_thread(postfix.poll, lambda: sum(mails_by_connection()) == 30, "good-byes")
    assert len(mails_by_connection()) == 3


async def test_check_logs_in(make: Make) -> None:
    assert await make().check() == []
    (problem,) = await make(password="wrong").check()
    assert problem == "smtp: the mail server refuses the credentials (535 5.7.8)"


async def test_wrong_password_is_the_operators_failure(make: Make) -> None:
    with pytest.raises(Unavailable, match=r"refuses the credentials \(535 5\.7\.8\)"):
        await send(make(password="wrong"))


async def test_unknown_person_is_refused(make: Make) -> None:
    with pytest.raises(Refused, match=r"550 5\.1\.1 to RCPT"):
        await send(make(), "nobody@example.test")


@pytest.mark.parametrize(
    ("keys", "to", "writer", "codes"),
    [
        ({}, ANN, "Example <somebody@example.test>", "553 5.7.1"),  # not under this address
        ({"username": None, "password": None}, ANN, FROM, "554 5.7.1"),  # not without a login
        ({"username": None, "password": None}, "x@other.example", FROM, "554 5.7.1"),
    ],
)
async def test_forbidden_mail_is_not_the_persons_failure(
    make: Make, keys: dict[str, Any], to: str, writer: str, codes: str
) -> None:
    with pytest.raises(Declined) as caught:
        await send(make(**keys), to, writer=writer)
    assert codes in str(caught.value)
    assert to not in str(caught.value)


async def test_greylisted_mail_is_offered_twice(postfix: Postfix, make: Make) -> None:
    with pytest.raises(Declined, match=r"450 4\.7\.1"):
        await send(make(), "later@example.test")
    rejected = "reject: RCPT from unknown[127.0.0.1]: 450 4.7.1 <later@example.test>"
    assert postfix.log.count(rejected) == 2


async def test_e4_unencrypted_mail_is_not_taken_for_granted(make: Make) -> None:
    keys = {"security": "none", "username": None, "password": None, "ca_file": None}
    with pytest.raises(Unavailable, match=r"530 5\.7\.0"):
        await send(make(**keys))


async def test_mail_goes_out_though_the_server_left_meanwhile(postfix: Postfix, make: Make) -> None:
    sender = make()
    await send(sender)
    idle = postfix.log.count("timeout after END-OF-MESSAGE")
    await asyncio.to_thread(
        postfix.poll,
        lambda: postfix.log.count("timeout after END-OF-MESSAGE") > idle,
        "end of an idle connection",
    )
    sent = await send(sender)
    await asyncio.to_thread(postfix.mail, "ann", sent)
