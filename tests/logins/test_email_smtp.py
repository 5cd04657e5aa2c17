"""Signing in by email over SMTP: a mail server with STARTTLS and AUTH, and what it receives."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.gateway.cli.command import Terminal
from tests.logins.delivery import ACCEPTED, by_mail, by_phone, delivering, messages
from tests.logins.mailboxes import (
    PASSWORD,
    USER,
    code_for,
    code_in,
    fresh_address,
    mails_to,
    parsed,
    smtp_sender,
    texts,
)
from tests.logins.site import Site, fresh_client, until, words, wrong
from tests.servers.configs import http_sender
from tests.servers.gateway import post
from tests.servers.sms import SmsVendor
from tests.servers.smtp import SmtpServer
from tests.servers.tls import Authority

# App ids, each named after its one provider, or after what is special about it.
MAIL = "mail"
IMPLICIT = "implicit"  # TLS from the first byte
WORDED = "worded"  # by language
HASHED = "hashed"
TURNS = "turns"  # two servers
EVERYTHING = "everything"  # by phone, then by email

NAME = "Sch\u00f6ne <App> & Co"
FROM = "Sch\u00f6ne App <no-reply@example.com>"
WORDS = {
    "subject": {"en": "Code for {{ app }}", "de": "Dein Code f\u00fcr {{ app }}"},
    "text": {"en": "{{ code }} in {{ lang }}", "de": "{{ code }} auf {{ lang }}: Gr\u00fc\u00dfe"},
    "html": {"en": "<p>{{ code }}</p>", "de": "<p lang=de>{{ code }}</p>"},
}


@dataclass
class Post:
    site: Site
    server: SmtpServer  # by STARTTLS
    other: SmtpServer  # by TLS


@pytest.fixture(scope="module")
def shared_post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    authority = Authority(tmp_path_factory.mktemp("ca"))
    tls, account = authority.server(), (USER, PASSWORD)
    with (
        SmtpServer(tls, account=account) as server,
        SmtpServer(tls, security="tls", account=account) as other,
        SmsVendor() as sms,
    ):
        by_starttls = smtp_sender(server, authority, name="starttls")
        by_tls = smtp_sender(other, authority, name="tls", security="tls")
        providers = {
            MAIL: by_mail(by_starttls, **{"from": FROM}),
            IMPLICIT: by_mail(by_tls),
            WORDED: by_mail(by_starttls, **WORDS),
            HASHED: {**by_mail(by_starttls), "address": "mail-{claims[email_sha256]}"},
            TURNS: by_mail(by_starttls, by_tls, resend_after="1ms"),
            "phone": by_phone(http_sender(sms)),
        }
        apps = {name: {"name": NAME, "providers": [name]} for name in providers}
        apps[EVERYTHING] = {"name": NAME, "providers": ["phone", MAIL]}
        folder = tmp_path_factory.mktemp("mail")
        with delivering(folder, sms, providers, apps=apps) as site:
            yield Post(site, server, other)


@pytest.fixture
def post_office(shared_post: Post) -> Iterator[Post]:
    yield shared_post
    shared_post.server.ok()
    shared_post.other.ok()


@pytest.fixture
def site(post_office: Post) -> Site:
    return post_office.site


@pytest.fixture
def server(post_office: Post) -> SmtpServer:
    return post_office.server


@pytest.fixture
def ann() -> str:
    return fresh_address()


def start(site: Site, app: str, address: str, **fields: Any) -> None:
    answer = site.login(appid=app, email=address, **fields)
    assert answer["result"] == "OK", answer
    assert answer["challenge"]["kind"] == "code"


# From start to token


@pytest.mark.parametrize("field", ["email", "phone"])
def test_e1_address_signs_in(site: Site, server: SmtpServer, ann: str, field: str) -> None:
    request: dict[str, Any] = {"appid": MAIL, field: ann}
    client, before = fresh_client(), messages(site)
    assert site.login(**request, client=client)["challenge"]["provider"] == MAIL
    (mail,) = mails_to(server, ann)
    assert (mail.tls, mail.user, mail.sender) == (True, USER, "no-reply@example.com")
    answer = site.login(**request, otp=code_in(mail))
    assert (answer["result"], answer["address"], answer["phone"]) == ("OK", ann, ann)
    assert site.tokens(ann) == [answer["token"]]
    assert messages(site) - before == {("starttls", ACCEPTED): 1}
    (line,) = site.audit(client)
    assert (line["sender"], f"<{line['message']}>") == ("starttls", parsed(mail)["Message-ID"])


def test_address_signs_in_by_a_server_with_tls_from_the_first_byte(
    site: Site, post_office: Post, ann: str
) -> None:
    start(site, IMPLICIT, ann)
    (mail,) = mails_to(post_office.other, ann)
    assert (mail.tls, mail.user) == (True, USER)
    assert site.login(appid=IMPLICIT, email=ann, otp=code_in(mail))["address"] == ann


def test_a11_phone_field_with_an_address_is_mailed_and_with_a_number_texted(
    site: Site, server: SmtpServer, ann: str, number: str
) -> None:
    for name in (ann, f"+{number}"):
        assert site.login(appid=EVERYTHING, phone=name)["result"] == "OK"
    assert (len(mails_to(server, ann)), site.sms.count(number)) == (1, 1)
    by_mail, by_text = code_for(server, ann), site.sms.code_for(number)
    # Neither is good for the other.
    assert site.login(appid=EVERYTHING, phone=ann, otp=by_text)["error"] == "BADOTP"
    assert site.login(appid=EVERYTHING, phone=number, otp=by_mail)["error"] == "BADOTP"
    assert site.login(appid=EVERYTHING, phone=ann, otp=by_mail)["address"] == ann
    assert site.login(appid=EVERYTHING, phone=number, otp=by_text)["address"] == number


def test_a9_a7_code_of_another_address_and_a_used_one(
    site: Site, server: SmtpServer, ann: str
) -> None:
    bob = fresh_address()
    start(site, MAIL, ann)
    start(site, MAIL, bob)
    code = code_for(server, ann)
    assert site.login(appid=MAIL, email=bob, otp=code)["error"] == "BADOTP"
    assert site.login(appid=MAIL, email=ann, otp=code)["address"] == ann
    assert site.login(appid=MAIL, email=ann, otp=code)["error"] == "BADOTP"


def test_address_of_the_messenger_may_be_a_digest(site: Site, server: SmtpServer, ann: str) -> None:
    start(site, HASHED, ann.upper())
    answer = site.login(appid=HASHED, email=ann, otp=code_for(server, ann))
    address = f"mail-{hashlib.sha256(ann.encode()).hexdigest()}"
    assert (answer["address"], answer["phone"]) == (address, address)
    assert site.tokens(address) == [answer["token"]]
    assert [call for call in site.mesibo.calls if ann.encode() in call.body.lower()] == []


def test_a17_fifty_starts_at_once_send_one_mail(site: Site, server: SmtpServer, ann: str) -> None:
    assert words(site.at_once([{"appid": MAIL, "email": ann}] * 50)) == ["OK"] * 50
    assert len(mails_to(server, ann)) == 1
    code = code_for(server, ann)
    assert site.login(appid=MAIL, email=ann, otp=code)["result"] == "OK"


def test_asked_again_the_next_server_sends_the_same_code(
    site: Site, post_office: Post, ann: str
) -> None:
    servers = (post_office.server, post_office.other)

    def counts() -> list[int]:
        return [len(mails_to(server, ann)) for server in servers]

    def asked() -> bool:
        """Ask, until the cool-down is over."""
        before = counts()
        start(site, TURNS, ann)
        return counts() != before

    for expected in ([1, 0], [1, 1], [2, 1]):
        until(asked)
        assert counts() == expected
    mails = [mail for server in servers for mail in mails_to(server, ann)]
    assert len({code_in(mail) for mail in mails}) == 1
    assert len({parsed(mail)["Message-ID"] for mail in mails}) == 3


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a33_e6_looking_at_what_is_in_a_mail_uses_nothing_up(
    site: Site, server: SmtpServer, ann: str, method: str
) -> None:
    start(site, MAIL, ann)
    (mail,) = mails_to(server, ann)
    assert [text for text in texts(mail) if "://" in text or "href" in text] == []
    gateway, code = site.gateways[0], code_in(mail)
    for path in ("/", f"/{code}", f"/?op=login&appid={MAIL}&email={ann}&otp={code}"):
        for _ in range(2):
            post(gateway.url, path=path, method=method)
    assert len(mails_to(server, ann)) == 1
    assert site.login(appid=MAIL, email=ann, otp=code)["result"] == "OK"


def test_sign_in_at_a_terminal(site: Site, server: SmtpServer, ann: str) -> None:
    arguments = ("login", "--url", site.gateways[0].url, "--appid", EVERYTHING)
    with Terminal(*arguments) as terminal:
        terminal.wait_for("Phone number, email address or user name: ")
        terminal.enter(ann.upper())
        terminal.wait_for("A code was sent. It is valid for 10 minutes.")
        terminal.wait_for("Code (empty to send it again): ")
        code = code_for(server, ann)
        terminal.enter(wrong(code)[0])
        terminal.wait_for("That was not the code. Code: ")
        terminal.enter(f"{code[:3]} {code[3:]}")
        terminal.wait_for(f"Signed in as {ann}")
        assert terminal.end() == 0
        (token,) = re.findall("^token: ([0-9a-f]{48})\r$", terminal.shown, re.MULTILINE)
    assert site.tokens(ann) == [token]


# The mail


def test_e2_mail_is_as_mail_programs_want_it(site: Site, server: SmtpServer, ann: str) -> None:
    start(site, MAIL, ann)
    (mail,) = mails_to(server, ann)
    message = parsed(mail)
    assert (message["From"], message["To"]) == (FROM, ann)
    assert message["Subject"] == f"Your sign-in code for {NAME}"
    assert message["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch("<[^@<> ]+@example.com>", message["Message-ID"])
    age = datetime.datetime.now(datetime.UTC) - parsedate_to_datetime(message["Date"])
    assert abs(age.total_seconds()) < 60
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "text/plain",
        "text/html",
    ]
    plain, page = texts(mail)
    code = code_in(mail)
    assert plain.startswith(f"{code} is your sign-in code for {NAME}.\n")
    assert f">{code}</p>" in page
    assert "for Sch\u00f6ne &lt;App&gt; &amp; Co is" in page
    assert max(map(len, mail.data.split(b"\r\n"))) <= 78
    assert mail.data.isascii()


@pytest.mark.parametrize(
    ("lang", "tag"),
    [
        (None, "en"),
        ("de", "de"),
        ("de_AT", "de"),
        ("DE-de-1996", "de"),
        ("fr", "en"),
        ("{{ 7*7 }}", "en"),
        ("../de", "en"),
        ("de\r\nBcc: x@y.example", "en"),
    ],
)
def test_a25_language_is_one_of_the_configured_ones(
    site: Site, server: SmtpServer, ann: str, lang: str | None, tag: str
) -> None:
    start(site, WORDED, ann, lang=lang)
    (mail,) = mails_to(server, ann)
    code = code_in(mail)
    assert texts(mail) == [
        part[tag].replace("{{ code }}", code).replace("{{ lang }}", tag)
        for part in (WORDS["text"], WORDS["html"])
    ]
    assert parsed(mail)["Subject"] == WORDS["subject"][tag].replace("{{ app }}", NAME)
