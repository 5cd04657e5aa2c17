"""Whatever goes wrong at vendors and mail servers, nothing secret gets out of the gateway.

Everything goes wrong once before the tests, with logs as talkative as they can be. Codes have ten
digits, so that none is in a text by chance. Vendors' errors repeat the whole message.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from tests.logins.delivery import by_mail, by_phone, delivering
from tests.logins.mailboxes import PASSWORD, USER, fresh_address, mails_to, smtp_sender, texts
from tests.logins.site import Answer, Site, until, wrong
from tests.logins.vendors import CREDENTIALS, KINDS, Vendors, all_vendors, sender
from tests.servers.numbers import fresh_number
from tests.servers.sms import SmsVendor
from tests.servers.smtp import SmtpServer
from tests.servers.smtp_record import CONNECT, END, Fault
from tests.servers.tls import Authority

WORD = "xyzzy"  # in every message, and in what servers say
TEXT = f"{{code}} {WORD}"
MAIL = {"text": f"{{{{ code }}}} {WORD}", "html": f"<p>{{{{ code }}}} {WORD}", "subject": WORD}
# What our vendors say of themselves.
PHRASES = ("Something is wrong", "We will be back", "Authenticate", "Bad Credentials", "opted out")

GENERAL = (
    *("cut", "truncated_json", "empty", "html", "not_utf8", "null", "array", "deep", "redirect"),
    *("http400", "http401", "http403", "http404", "http429", "http500", "http503"),
    *("json400", "json401", "json422", "json500"),
)
SAID = f"{WORD}: <{{}}> {WORD}"
SMTP: Sequence[tuple[str, str | Fault]] = [
    *((stage, f"550 5.1.1 {SAID}") for stage in ("MAIL", "RCPT", "DATA", END)),
    *((stage, f"451 4.7.1 {SAID}") for stage in ("EHLO", "STARTTLS", "MAIL", "RCPT", "DATA", END)),
    *((stage, f"535 5.7.8 {SAID}") for stage in ("AUTH", "RCPT")),
    *((CONNECT, f"{code} {SAID}") for code in (421, 554)),
    *(("RCPT", f"{code} {SAID}") for code in (199, 354, 999)),
    *((stage, Fault.DROP) for stage in (CONNECT, "EHLO", "AUTH", "MAIL", "RCPT", END)),
]


@dataclass
class Story:
    """What happened."""

    site: Site
    vendors: Vendors
    server: SmtpServer
    people: list[str] = field(default_factory=list)
    failed: list[Answer] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def begin(self, app: str, who: str, **fields: Any) -> None:
        self.people.append(who)
        answer = self.site.login(appid=app, phone=who, **fields)
        self.answers.append(answer)
        if answer["result"] == "FAIL":
            self.failed.append(answer)

    def begin_until(self, sent: Callable[[], object], app: str, who: str) -> None:
        """Begin again and again: by what failed before, the cool-down may have begun."""

        def begun() -> object:
            self.begin(app, who)
            return sent()

        until(begun)

    def finish(self, app: str, who: str, code: str) -> None:
        """Sign in at the second try. By this, nobody is left alone for what went wrong before."""
        self.answers.append(self.site.login(appid=app, phone=who, otp=wrong(code)[0]))
        self.answers.append(self.site.login(appid=app, phone=who, otp=code))
        assert self.answers[-1]["result"] == "OK"

    @property
    def codes(self) -> set[str]:
        """All codes, also those that were taken back."""
        bodies = [call.body for vendor in self.vendors.values() for call in vendor.calls]
        mails = [text for mail in self.server.mails for text in texts(mail)]
        return set(re.findall(r"(?<![0-9])[0-9]{10}(?![0-9])", f"{bodies}{mails}"))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    authority = Authority(tmp_path_factory.mktemp("ca"))
    long: Mapping[str, Any] = {"code": {"length": 10}, "resend_after": "1ms"}
    with (
        all_vendors() as vendors,
        SmtpServer(authority.server(), account=(USER, PASSWORD)) as server,
        SmsVendor() as unused,
    ):
        smtp = smtp_sender(server, authority)
        providers = {"mail": by_mail(smtp, **MAIL, **long)}
        providers["mail-wrong"] = by_mail({**smtp, "password": CREDENTIALS[-1]}, **MAIL, **long)
        for kind, vendor in vendors.items():
            right = sender(kind, vendor, name=kind)
            providers[kind] = by_phone(right, template=TEXT, **long)
            foreign = {**right, **KINDS[kind].wrong}
            providers[f"{kind}-wrong"] = by_phone(foreign, template=TEXT, **long)
        logging = {"format": "json", "level": "debug"}
        folder = tmp_path_factory.mktemp("secrets")
        with delivering(folder, unused, providers, logging=logging) as site:
            told = Story(site, vendors, server)
            for kind in KINDS:
                texting(told, kind)
            mailing(told)
            hanging(told)
            yield told


def texting(story: Story, kind: str) -> None:
    vendor = story.vendors[kind]
    for fault in (*vendor.failures, *GENERAL):
        number = fresh_number()
        vendor.fail(fault, times=1)
        story.begin(kind, number)
        story.begin_until(partial(vendor.count, number), kind, number)
        story.finish(kind, number, vendor.code_for(number))
    story.begin(f"{kind}-wrong", fresh_number())
    vendor.stop()
    story.begin(kind, fresh_number())
    vendor.start()


def mailing(story: Story) -> None:
    server = story.server
    for stage, what in SMTP:
        ann = fresh_address()
        server.hang_up()
        server.fail(stage, what.format(ann) if isinstance(what, str) else what)
        story.begin("mail", ann)
        server.ok()
        story.begin_until(partial(mails_to, server, ann), "mail", ann)
        story.finish("mail", ann, code_for(server, ann))
    story.begin("mail-wrong", fresh_address())
    server.stop()
    story.begin("mail", fresh_address())
    server.start()


def hanging(story: Story) -> None:
    """All at once, since it takes its time."""
    for vendor in story.vendors.values():
        vendor.fail("hang")
    story.server.fail(END, Fault.HANG)
    people = {kind: fresh_number() for kind in KINDS} | {"mail": fresh_address()}
    with ThreadPoolExecutor(len(people)) as pool:
        list(pool.map(story.begin, people.keys(), people.values()))
    for vendor in story.vendors.values():
        vendor.ok()
    story.server.ok()
    for app, who in people.items():
        code = story.vendors[app].code_for(who) if app in KINDS else code_for(story.server, who)
        story.finish(app, who, code)


def code_for(server: SmtpServer, address: str) -> str:
    return texts(mails_to(server, address)[-1])[0].split()[0]


@pytest.fixture
def said(story: Story) -> str:
    """All that the gateway printed, and its metrics, once everybody is in its log."""
    (gateway,) = story.site.gateways
    until(lambda: gateway.stderr.count('"event":"login"') >= len(story.answers))
    return gateway.stdout + gateway.stderr + "".join(story.site.metrics())


def found_in(text: str, secrets: Iterable[str]) -> list[str]:
    """Return which of these are in a text, as they are or as they may be written."""
    return [secret for secret in secrets if any(form in text for form in forms(secret))]


def forms(secret: str) -> set[str]:
    in_base64 = base64.b64encode(secret.encode()).decode()
    return {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], in_base64}


def test_everything_went_wrong(story: Story) -> None:
    assert len(story.failed) > 100
    assert {answer["error"] for answer in story.failed} == {"UNAVAILABLE", "BADPHONE", "BADEMAIL"}
    assert len(story.codes) > 200


def test_p11_codes_are_nowhere(story: Story, said: str) -> None:
    assert found_in(said + str(story.answers), story.codes) == []


def test_c13_numbers_and_addresses_are_masked(story: Story, said: str) -> None:
    assert found_in(said + str(story.failed), story.people) == []


def test_c13_credentials_are_nowhere(story: Story, said: str) -> None:
    credentials = [*CREDENTIALS, PASSWORD, story.site.mesibo.app_token]
    pairs = [f"{USER}:{PASSWORD}", f"\0{USER}\0{PASSWORD}"]
    assert found_in(said + str(story.answers), [*credentials, *pairs]) == []


def test_c13_tokens_are_in_their_answer_only(story: Story, said: str) -> None:
    tokens = [minted.token for minted in story.site.mesibo.minted]
    assert len(tokens) > 150
    assert found_in(said + str(story.failed), tokens) == []


def test_c13_what_vendors_say_is_nowhere(story: Story, said: str) -> None:
    assert found_in(said + str(story.answers), (WORD, *PHRASES)) == []


def test_c13_labels_of_metrics_are_of_the_configuration(story: Story) -> None:
    (metrics,) = story.site.metrics()
    names = {*KINDS, "mail", *(f"{kind}-wrong" for kind in (*KINDS, "mail"))}
    senders = {*KINDS, "smtp"}
    assert set(re.findall('sender="([^"]*)"', metrics)) == senders
    assert set(re.findall('upstream="([^"]*)"', metrics)) == senders | {"issuer"}
    assert set(re.findall('app="([^"]*)"', metrics)) == names


def test_p11_problems_of_a_vendor_are_in_the_log_by_its_name(story: Story, said: str) -> None:
    details = re.findall(r'"detail":"([^"]*)"', said)
    for name in (*KINDS, "smtp"):
        assert [detail for detail in details if f"{name}: " in detail] != []
    assert [detail for detail in details if len(detail) > 300] == []
