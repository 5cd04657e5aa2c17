"""What a client can send must not arrive: not in a text message, nor in a mail or around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.logins.delivery import by_mail, by_phone, delivering
from tests.logins.mailboxes import (
    PASSWORD,
    USER,
    code_in,
    fresh_address,
    mails_to,
    parsed,
    smtp_sender,
    texts,
)
from tests.logins.site import Site
from tests.logins.vendors import KINDS, Vendors, all_vendors, sender
from tests.servers.http_fake import Call
from tests.servers.sms import SmsVendor
from tests.servers.smtp import SmtpServer
from tests.servers.smtp_record import Command, ReceivedMail
from tests.servers.tls import Authority

MARK = "evil"
PAYLOADS = {
    "lines": f"x\r\nBcc: {MARK}@y.example\r\n\r\nhttps://{MARK}.example/\r\n.\r\nQUIT\r\n",
    "templates": f"{{{{ code }}}}{{code}}{{to}}{{{{ {MARK}.__class__ }}}}{{% raw %}}{MARK}",
    "markup": f'"><script src=//{MARK}.example></script>&to={MARK}&amp;%0d%0a{MARK}"]}}',
    "separators": f"{MARK}\x00{MARK}\x0b\x1b[2J\u2028{MARK}\u202e\x85\u200b=?utf-8?q?{MARK}?=",
}
FIELDS = ("name", "lang", "dt", "device", "username", "user", "password", "return_url")
INVENTED = ("to", "from", "text", "subject", "html", "template", "sender", "url", "app", "app_name")
HEADERS = {
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
    *("MIME-Version", "Content-Type"),
}
TEXT = "{code} is the code of {app}."


@dataclass
class Bed:
    """A gateway that admits any app, by phone or email; a provider for each vendor, too."""

    site: Site
    server: SmtpServer
    vendors: Vendors

    @property
    def records(self) -> list[Sequence[Call | ReceivedMail | Command]]:
        """What vendors and mail server were told."""
        calls = [vendor.calls for vendor in self.vendors.values()]
        return [*calls, self.server.mails, self.server.commands]


def heard(record: Call | ReceivedMail | Command) -> str:
    """Return it as it came; of a mail also what people read."""
    return f"{record} {texts(record)}" if isinstance(record, ReceivedMail) else str(record)


@pytest.fixture(scope="module")
def shared_bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    authority = Authority(tmp_path_factory.mktemp("ca"))
    with (
        all_vendors() as vendors,
        SmtpServer(authority.server(), account=(USER, PASSWORD)) as server,
        SmsVendor() as unused,
    ):
        providers = {
            kind: by_phone(sender(kind, vendor), template=TEXT) for kind, vendor in vendors.items()
        }
        providers["mail"] = by_mail(smtp_sender(server, authority))
        apps = {"*": {"providers": ["http", "mail", *(k for k in KINDS if k != "http")]}}
        folder = tmp_path_factory.mktemp("injection")
        with delivering(folder, unused, providers, apps=apps) as site:
            yield Bed(site, server, vendors)


@pytest.fixture
def bed(shared_bed: Bed) -> Iterator[Bed]:
    before = [len(records) for records in shared_bed.records]
    yield shared_bed
    for records, count in zip(shared_bed.records, before, strict=True):
        assert [record for record in records[count:] if MARK in heard(record)] == []


@pytest.fixture(params=list(PAYLOADS.values()), ids=list(PAYLOADS))
def payload(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_what_arrives_is_seen(shared_bed: Bed, number: str) -> None:
    evil = f"{MARK}-{fresh_address()}"
    shared_bed.site.login(appid="x", email=evil)
    shared_bed.site.login(appid="x", phone=number)
    everything = [heard(record) for records in shared_bed.records for record in records]
    assert [text for text in everything if MARK in text] != []
    assert [text for text in everything if number in text] != []


@pytest.mark.parametrize("field", [*FIELDS, *INVENTED])
def test_a25_text_messages_are_the_same_whatever_else_is_sent(
    bed: Bed, number: str, field: str, payload: str
) -> None:
    vendor = bed.vendors["http"]
    fields: dict[str, Any] = {"appid": "x", "phone": number, field: payload}
    answer = bed.site.login(**fields)
    assert answer["result"] == "OK"
    assert vendor.messages[-1] == (number, TEXT.format(code=vendor.code_for(number), app="the app"))


@pytest.mark.parametrize("kind", KINDS)
def test_a25_all_fields_at_once_at_every_vendor(
    bed: Bed, number: str, kind: str, payload: str
) -> None:
    vendor = bed.vendors[kind]
    fields: dict[str, Any] = dict.fromkeys((*FIELDS, *INVENTED), payload)
    fields |= {"appid": payload, "phone": number, "provider": kind}
    answer = bed.site.login(**fields)
    assert answer["result"] == "OK"
    assert vendor.messages[-1].to.lstrip("+") == number
    text = TEXT.format(code=vendor.code_for(number), app="the app")
    assert vendor.messages[-1].text == text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "written",
    [
        "+{}\r\nX-Evil: 1",
        "{};phone-context=evil.example",
        "tel:+{};ext=evil",
        "{}&to=evil",
        '{}", "to": "evil',
        "{}\x00evil",
        "{}</to><to>evil",
        "{},18885550000",
        "{}\u2028evil",
        "../{}?evil",
        "{{to}}{}",
    ],
)
def test_p12_what_is_around_a_number_gets_nowhere(
    bed: Bed, number: str, kind: str, written: str
) -> None:
    """Either it is no number, or it is this one."""
    vendor = bed.vendors[kind]
    before = len(vendor.messages)
    answer = bed.site.login(appid="x", phone=written.format(number), provider=kind)
    if answer["result"] == "OK":
        assert [message.to.lstrip("+") for message in vendor.messages[before:]] == [number]
    else:
        assert answer["error"] == "BADPHONE"
        assert len(vendor.messages) == before


@pytest.mark.parametrize("field", [*FIELDS, *INVENTED, "appid"])
def test_a25_e3_mails_are_the_same_whatever_else_is_sent(
    bed: Bed, field: str, payload: str
) -> None:
    ann, bob = fresh_address(), fresh_address()
    assert bed.site.login(appid="x", email=ann)["result"] == "OK"
    fields: dict[str, Any] = {"appid": "x", field: payload, "email": bob}
    assert bed.site.login(**fields)["result"] == "OK"
    (plain,), (mail,) = mails_to(bed.server, ann), mails_to(bed.server, bob)
    assert set(parsed(mail).keys()) == HEADERS
    for name in HEADERS - {"To", "Date", "Message-ID", "Content-Type"}:
        assert parsed(mail)[name] == parsed(plain)[name]
    assert parsed(mail)["To"] == bob
    assert parsed(mail)["Subject"] == "Your sign-in code for the app"
    expected = [text.replace(code_in(plain), code_in(mail)) for text in texts(plain)]
    assert texts(mail) == expected


@pytest.mark.parametrize("name", [*PAYLOADS.values(), "smtp", "__class__", "mail.x", "https://x"])
def test_p12_provider_of_the_request_is_only_a_choice(bed: Bed, number: str, name: str) -> None:
    calls, commands = len(bed.vendors["http"].calls), len(bed.server.commands)
    for field, who in ("phone", number), ("email", fresh_address()):
        fields: dict[str, Any] = {"appid": "x", "provider": name, field: who}
        assert bed.site.login(**fields)["error"] in ("BADPROVIDER", "BADREQUEST")
    assert (len(bed.vendors["http"].calls), len(bed.server.commands)) == (calls, commands)


# Addresses

HOSTILE = {
    "e2 comma": "evil@b.example,c@d.example",
    "e2 semicolon": "evil@b.example;c@d.example",
    "e2 second at": "evil@b@c.example",
    "e2 quoted": '"evil b"@c.example',
    "e2 quoted line": '"evil\r\nRCPT TO:<x@y.example>"@c.example',
    "e2 comment": "evil(x)@c.example",
    "e2 NUL": "evil\x00@c.example",
    "e2 NUL in the domain": "a@evil\x00.example",
    "e2 255 characters": "evil@" + ".".join(["x" * 49] * 5) + ".y",
    "e2 group": "evil:a@b.example;",
    "e2 route": "@evil.example:a@b.example",
    "e2 name": "Evil <evil@b.example>",
    "e2 literal": "evil@[127.0.0.1]",
    "e2 percent route": "ann%evil.example@b.example",
    "e2 bang route": "evil.example!ann@b.example",
    "e2 encoded word": "=?utf-8?q?evil=40y.example=3e?=@b.example",
    "e2 program": "|evil@b.example",
    "e2 file": "/tmp/evil@b.example",
    "a29 second recipient": "evil@b.c>\r\nRCPT TO:<x@y.z",
    "a29 parameter": "evil@b.example> SIZE=1",
    "a29 pipelined mail": "evil@b.example>\r\nDATA\r\nFrom: x\r\n\r\n.\r\nMAIL FROM:<",
    "a29 bare LF": "evil@b.example\nDATA",
    "a29 bare CR": "evil@b.example\rDATA",
    "a29 LF dot LF": "evil@b.example\n.\nMAIL FROM:<x@y.example>",
    "a29 dot": "evil@b.example\r\n.\r\n",
    "a29 next line": "evil@b.example\u0085DATA",
    "a29 fullwidth": "evil@b.example\uff1e\u2028DATA",
    "a31 Cyrillic name": "\u0430evil@b.example",
    "e7 no name": "evil@b..example",
}


@pytest.mark.parametrize("typed", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("field", ["email", "phone"])
def test_e2_a29_address_that_is_none_is_refused_before_any_connection(
    bed: Bed, field: str, typed: str
) -> None:
    commands, mails = len(bed.server.commands), len(bed.server.mails)
    fields: dict[str, Any] = {"appid": "x", "provider": "mail", field: typed}
    answer = bed.site.login(**fields)
    assert (answer["error"], answer["errtitle"]) == ("BADEMAIL", "Invalid email address")
    assert (len(bed.server.commands), len(bed.server.mails)) == (commands, mails)


@pytest.mark.parametrize(
    "name",
    [
        "{{7*7}}",
        "{code}",
        "-oq",
        "$home`id`",
        "o'neil&co",
        "=0d=0a=20b",
        "x" * 40 + "*#^_~",
    ],
)
def test_address_that_only_looks_odd_is_mailed_to_as_it_is(bed: Bed, name: str) -> None:
    address = f"{name}{fresh_address()}"
    assert bed.site.login(appid="x", email=address)["result"] == "OK"
    (mail,) = mails_to(bed.server, address)
    assert parsed(mail)["To"] == address
    rcpt = [command for command in bed.server.commands if command.verb == "RCPT"][-1]
    assert rcpt.argument == f"TO:<{address}>"
    answer = bed.site.login(appid="x", email=address, otp=code_in(mail))
    assert answer["address"] == address
