"""What goes out: the mail as people get it, and nothing that a message could smuggle in."""

from __future__ import annotations

import datetime
import re
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers._senders import Declined, Refused
from providers._senders._mail import compose, parse_from
from providers._senders._smtp_session import _address_literal
from tests.providers.senders.smtp.mail import (
    ACCOUNT,
    MESSAGE,
    TEXT,
    TO,
    Make,
    message,
    parsed,
    texts,
)
from tests.servers.smtp import SmtpServer
from tests.servers.smtp_record import ReceivedMail

HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"]
BREAKS = ["\r\n", "\n", "\r", "\0", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]
# What would be another command, another header or the end of the mail if it stood alone.
SMUGGLED = [
    "{0}.{0}MAIL FROM:<eve@example.net>{0}RCPT TO:<mallory@example.net>{0}DATA{0}x{0}.{0}",
    "{0}Bcc: mallory@example.net",
    "{0}{0}<b>another body</b>",
]
HOSTILE = [text.format(line_end) for text in SMUGGLED for line_end in BREAKS]


async def test_a_mail_arrives_with_both_parts_and_its_headers(
    server: SmtpServer, make: Make
) -> None:
    subject = "Dein Code für Ödön"
    before = datetime.datetime.now(datetime.UTC)
    message_id = await make().send(message(subject=subject), 5.0)
    (got,) = server.mails
    assert (got.sender, got.recipients) == ("no-reply@example.org", [TO])
    assert (got.tls, got.user) == (True, ACCOUNT[0])
    mail = parsed(got)
    assert texts(mail) == [("text/plain", TEXT), ("text/html", f"<p>{TEXT}</p>")]
    assert mail.get_content_type() == "multipart/alternative"
    assert mail["Subject"] == subject
    assert mail["From"] == "Example <no-reply@example.org>"
    assert mail["To"] == TO
    assert mail["Message-ID"] == f"<{message_id}>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["MIME-Version"] == "1.0"
    assert abs(mail["Date"].datetime - before) < datetime.timedelta(seconds=10)
    assert sorted(mail.keys()) == sorted([*HEADERS, "Content-Type"])


async def test_a_mail_without_html_is_plain_text(server: SmtpServer, make: Make) -> None:
    await make().send(message(html=None), 5.0)
    mail = parsed(server.mails[0])
    assert texts(mail) == [("text/plain", TEXT)]
    assert not mail.is_multipart()


async def test_each_mail_has_an_id_of_its_own_in_the_domain_of_its_sender(make: Make) -> None:
    sender = make()
    ids = [await sender.send(MESSAGE, 5.0) for _ in range(3)]
    assert len(set(ids)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{32}@example\.org", found or "") for found in ids)


@pytest.mark.parametrize("helo", ["gw.example.org", None])
async def test_the_gateway_introduces_itself(
    server: SmtpServer, make: Make, helo: str | None
) -> None:
    await make(helo=helo).send(MESSAGE, 5.0)
    names = {command.argument for command in server.commands if command.verb == "EHLO"}
    assert names == {helo or "[127.0.0.1]"}


def test_an_address_of_either_kind_is_a_name() -> None:
    found = []
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as sock:
            try:
                sock.bind((host, 0))
            except OSError:
                pytest.skip("this machine has no IPv6")
            found.append(_address_literal(sock))
    assert found == ["[127.0.0.1]", "[IPv6:::1]"]


# E2, A29: nothing gets in


@pytest.mark.parametrize(
    "to",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@example.com>\r\nRCPT TO:<x@example.net",
        *(f"ann@example.com{line_end}" for line_end in BREAKS),
        *(f"an{line_end}n@example.com" for line_end in BREAKS),
        "ann@example.com, bob@example.com",
        "ann@example.com;bob@example.com",
        "ann@bob@example.com",
        "<ann@example.com>",
        "Ann <ann@example.com>",
        '"ann"@example.com',
        "ann(comment)@example.com",
        "ann@[127.0.0.1]",
        "ann @example.com",
        "ann@example.com SIZE=1",
        "ann@exa mple.com",
        "ann..b@example.com",
        ".ann@example.com",
        "änn@example.com",
        "ann@exämple.com",
        "ann@example..com",
        "ann@-example.com",
        "a" * 65 + "@example.com",
        "ann@" + "a" * 64 + ".com",
        "ann@" + ".".join(["a" * 50] * 5),
    ],
)
async def test_e2_a29_recipient_that_is_no_plain_address_is_refused_before_smtp(
    server: SmtpServer, make: Make, to: str
) -> None:
    with pytest.raises(Refused) as caught:
        await make().send(message(to), 5.0)
    assert not to or to not in str(caught.value)
    assert server.connections == 0


@pytest.mark.parametrize(
    "to",
    [
        "ann@example.com",
        "a.b+c-d_e!#$%&'*/=?^`{|}~@xn--bcher-kva.example",
        "a" * 64 + "@example.com",
    ],
)
async def test_e2_plain_address_is_taken_as_it_is(server: SmtpServer, make: Make, to: str) -> None:
    await make().send(message(to), 5.0)
    assert server.mails[0].recipients == [to]
    assert parsed(server.mails[0])["To"].addresses[0].addr_spec == to


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
async def test_a29_text_and_html_arrive_as_one_mail(
    server: SmtpServer, make: Make, text: str
) -> None:
    hostile = f"123456{text}."
    await make().send(message(text=hostile, html=f"<p>{hostile}</p>"), 5.0)
    (got,) = server.mails
    assert verbs(server) == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"]
    assert got.recipients == [TO]
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|[^\r\n\t -~]", got.data)
    mail = parsed(got)
    assert sorted(mail.keys()) == sorted([*HEADERS, "Content-Type"])
    plain = hostile.replace("\r\n", "\n").replace("\r", "\n")
    assert texts(mail) == [("text/plain", plain), ("text/html", f"<p>{plain}</p>")]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
async def test_a29_subject_stays_one_line(server: SmtpServer, make: Make, text: str) -> None:
    hostile = message(subject=f"Your code{text} é")
    if "\0" in text:
        with pytest.raises(Declined):
            await make().send(hostile, 5.0)
        assert server.connections == 0
        return
    await make().send(hostile, 5.0)
    (got,) = server.mails
    mail = parsed(got)
    assert (got.recipients, sorted(mail.keys())) == ([TO], sorted([*HEADERS, "Content-Type"]))
    assert mail["Subject"] == " ".join(f"Your code{text} é".split())


@pytest.mark.parametrize(
    "subject",
    ["", "Code", "=?utf-8?q?Code?=", "x" * 69, "x" * 2000, "long " * 200, "长" * 300, "é"],
    ids=lambda subject: subject[:20],
)
async def test_subject_of_any_length_and_letters_arrives(
    server: SmtpServer, make: Make, subject: str
) -> None:
    await make().send(message(subject=subject), 5.0)
    (got,) = server.mails
    assert parsed(got)["Subject"] == subject.strip()
    assert max(map(len, got.data.split(b"\r\n"))) <= 78


@pytest.mark.parametrize(
    "sender",
    [
        *(f"Example{line_end}Bcc: eve@example.net <no-reply@example.org>" for line_end in BREAKS),
        *(f"Example <no-reply@example.org{line_end}>" for line_end in BREAKS),
        "Example <no-reply@example.org>\n",
        "no-reply@example.org> SIZE=1",
        "Example <no-reply@example.org>, Eve <eve@example.net>",
        "Example, Inc. <no-reply@example.org>",
        "Team: no-reply@example.org, eve@example.net;",
        "Example",
        "",
        "<>",
        "Example <nö-reply@example.org>",
        "Example <no-reply@exämple.org>",
        'Example <"no reply"@example.org>',
        "Example <no-reply@[127.0.0.1]>",
    ],
    ids=ascii,
)
async def test_a29_sender_that_is_no_address_sends_nothing(
    server: SmtpServer, make: Make, sender: str
) -> None:
    with pytest.raises(Declined) as caught:
        await make().send(message(sender=sender), 5.0)
    assert "example.org" not in str(caught.value)
    assert server.connections == 0
    with pytest.raises(ValueError, match="must be one"):
        parse_from(sender)


async def test_text_that_is_not_unicode_sends_nothing(server: SmtpServer, make: Make) -> None:
    with pytest.raises(Declined):
        await make().send(message(text="123456 \ud800"), 5.0)
    assert server.connections == 0


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200),
)
def test_a29_any_text_and_subject_come_out_as_they_went_in(text: str, subject: str) -> None:
    envelope = compose(message(text=text, html=None, subject=subject))
    data = envelope.data
    assert data.endswith(b"\r\n.\r\n")
    assert b"\r\n.\r\n" not in data[:-5]
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|[^\r\n\t -~]", data)
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))
    undotted = re.sub(rb"(?m)^\.", b"", data[:-3])
    mail = parsed(ReceivedMail(1, "", [], undotted, True, None))
    assert mail["Subject"] == " ".join(subject.split())
    ((_, plain),) = texts(mail)
    expected = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    assert plain == expected


@pytest.mark.parametrize(
    "sender",
    [
        "no-reply@example.org",
        "<no-reply@example.org>",
        "Example Inc. <no-reply@example.org>",
        '"Example, Inc." <no-reply@example.org>',
        "Exämple <no-reply@example.org>",
        '"Exämple, Inc." <no-reply@example.org>',
        "日本語の表示名がとても長い場合どうなるのかを確認するための名前 <no-reply@example.org>",
        "A name that is far too long for one line " * 3 + "<no-reply@example.org>",
    ],
)
async def test_senders_of_every_form_arrive(server: SmtpServer, make: Make, sender: str) -> None:
    await make().send(message(sender=sender), 5.0)
    (got,) = server.mails
    (address,) = parsed(got)["From"].addresses
    assert (got.sender, address.addr_spec) == ("no-reply@example.org", "no-reply@example.org")
    wanted = parse_from(sender).name
    # Between two encoded words of one name some readers see a space.
    assert address.display_name.replace(" ", "") == wanted.replace(" ", "")


def verbs(server: SmtpServer) -> list[str]:
    return [command.verb for command in server.commands]
