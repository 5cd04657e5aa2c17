"""Mail servers that fail: what people are told, who sends instead, and what is kept back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.logins.delivery import (
    ACCEPTED,
    AMBIGUOUS,
    PER_EMAIL,
    REFUSED,
    UNAVAILABLE,
    by_mail,
    delivering,
    messages,
)
from tests.logins.mailboxes import (
    PASSWORD,
    USER,
    code_for,
    fresh_address,
    mails_to,
    smtp_sender,
)
from tests.logins.site import Answer, Site, fresh_client, words
from tests.servers.sms import SmsVendor
from tests.servers.smtp import SmtpServer
from tests.servers.smtp_record import CONNECT, END, Fault
from tests.servers.tls import Authority

DEADLINE = 8.0
AT_ONCE = 1.5
PATIENCE = 1.0  # of the sender in BRIEF
ONCE = {limit: ["1/hour"] for limit in PER_EMAIL}

# App ids.
ALONE = "alone"  # one server, one mail an hour
PAIR = "pair"  # two servers
BRIEF = "brief"  # two servers; the first has little time
SLOW = "slow"  # two servers; the first has all the time that there is
WRONG = "wrong"  # two servers; the first does not know the password


class Post(NamedTuple):
    site: Site
    first: SmtpServer
    second: SmtpServer


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def post(authority: Authority, tmp_path: Path) -> Iterator[Post]:
    tls, account = authority.server(), (USER, PASSWORD)
    with (
        SmtpServer(tls, account=account) as first,
        SmtpServer(tls, account=account) as second,
        SmsVendor() as sms,
    ):
        one = smtp_sender(first, authority, name="first")
        two = smtp_sender(second, authority, name="second")
        providers = {
            ALONE: by_mail(one, limits=ONCE),
            PAIR: by_mail(one, two, limits=ONCE),
            BRIEF: by_mail({**one, "timeout": f"{PATIENCE:g}s"}, two),
            SLOW: by_mail(one, two),
            WRONG: by_mail({**one, "password": "mail-secret-of-nobody"}, two),
        }
        with delivering(tmp_path, sms, providers) as site:
            yield Post(site, first, second)


@pytest.fixture
def ann() -> str:
    return fresh_address()


def timed(login: Callable[[], Answer]) -> tuple[Answer, float]:
    started = time.monotonic()
    return login(), time.monotonic() - started


# Encryption


@pytest.mark.parametrize("attack", ["not offered", "refused"])
def test_e4_stripped_starttls_is_unavailable_and_gives_nothing_away(
    post: Post, ann: str, attack: str
) -> None:
    """No mail, and neither password nor address on the wire; nothing is spent."""
    site, server, _ = post
    client = fresh_client()
    if attack == "not offered":
        server.offers_tls = False
    else:
        server.fail("STARTTLS", "454 4.7.0 TLS not available")
    for _ in range(2):
        answer = site.login(appid=ALONE, email=ann, client=client)
        assert (answer["error"], answer["errtitle"]) == ("UNAVAILABLE", "Not available")
    assert server.mails == []
    said = [command for command in server.commands if not command.tls]
    assert {command.verb for command in said} <= {"EHLO", "STARTTLS", "QUIT"}
    assert [command for command in said if "example.com" in command.argument] == []
    assert [command for command in server.commands if command.tls] == []
    lines = site.audit(client, 2)
    assert {line["outcome"] for line in lines} == {"unavailable"}
    assert all("TLS" in line["detail"] for line in lines)

    server.offers_tls = True
    server.ok()
    assert site.login(appid=ALONE, email=ann, client=client)["result"] == "OK"
    assert [mail.tls for mail in mails_to(server, ann)] == [True]


@pytest.mark.parametrize("certificate", ["expired", "other_name", "foreign"])
def test_e4_server_with_a_wrong_certificate_gets_nothing(
    authority: Authority, tmp_path: Path, ann: str, certificate: str
) -> None:
    (tmp_path / "ca").mkdir()
    tls = {
        "expired": authority.server("expired"),
        "other_name": authority.server("other_name"),
        "foreign": Authority(tmp_path / "ca").server(),
    }
    with SmtpServer(tls[certificate], account=(USER, PASSWORD)) as server, SmsVendor() as sms:
        mail = by_mail(smtp_sender(server, authority))
        with delivering(tmp_path, sms, {"mail": mail}) as site:
            client = fresh_client()
            answer = site.login(appid="mail", email=ann, client=client)
            assert answer["error"] == "UNAVAILABLE"
            (line,) = site.audit(client)
            assert "certificate refused" in line["detail"]
        assert server.mails == []
        assert {command.verb for command in server.commands} <= {"EHLO", "STARTTLS"}


# What a server answers


@pytest.mark.parametrize("answer", ["550 5.1.1 User unknown", "550 no such user here"])
def test_recipient_that_is_refused_for_good_is_the_persons_mistake(
    post: Post, ann: str, answer: str
) -> None:
    """Nobody else is asked, nothing is spent, nothing is pending."""
    site, first, second = post
    first.fail("RCPT", answer, to=ann)
    client = fresh_client()
    for _ in range(2):
        refused = site.login(appid=PAIR, email=ann, client=client)
        assert refused["error"] == "BADEMAIL"
        assert refused["errtitle"] == "Invalid email address"
        assert refused["errmsg"]
    assert (first.mails, second.mails, second.connections) == ([], [], 0)
    assert site.login(appid=PAIR, email=ann, otp="123456")["error"] == "BADOTP"
    assert messages(site) == {("first", REFUSED): 2}
    first.ok()
    assert site.login(appid=PAIR, email=ann, client=client)["result"] == "OK"
    assert len(mails_to(first, ann)) == 1


@pytest.mark.parametrize(
    ("stage", "answer"),
    [
        ("RCPT", "451 4.7.1 Greylisted, try again later"),
        ("RCPT", "550 5.7.1 Relaying denied"),
        ("MAIL", "451 4.3.0 Try again later"),
        ("DATA", "452 4.3.1 Out of disk space"),
        (END, "554 5.7.1 Looks like spam"),
        (CONNECT, "421 4.7.0 Too many connections"),
        ("AUTH", "454 4.7.0 Temporary authentication failure"),
    ],
)
def test_mail_that_is_not_taken_goes_to_the_next_server(
    post: Post, ann: str, stage: str, answer: str
) -> None:
    site, first, second = post
    first.fail(stage, answer)
    client = fresh_client()
    response, took = timed(lambda: site.login(appid=PAIR, email=ann, client=client))
    assert response["challenge"]["kind"] == "code"
    assert took < AT_ONCE
    assert (first.mails, len(mails_to(second, ann))) == ([], 1)
    assert messages(site) == {("first", UNAVAILABLE): 1, ("second", ACCEPTED): 1}
    assert [line["sender"] for line in site.audit(client)] == ["second"]
    code = code_for(second, ann)
    assert site.login(appid=PAIR, email=ann, otp=code)["address"] == ann


def test_server_that_does_not_know_the_password_is_not_the_last(post: Post, ann: str) -> None:
    site, first, second = post
    assert site.login(appid=WRONG, email=ann)["result"] == "OK"
    assert (first.mails, len(mails_to(second, ann))) == ([], 1)
    assert first.count("AUTH") == 1


def test_server_that_is_not_there_is_not_the_last(post: Post, ann: str) -> None:
    site, first, second = post
    first.stop()
    response, took = timed(lambda: site.login(appid=PAIR, email=ann))
    assert response["result"] == "OK"
    assert took < AT_ONCE
    assert len(mails_to(second, ann)) == 1


def test_a27_server_that_says_nothing_leaves_its_rest_to_the_next(post: Post, ann: str) -> None:
    site, first, second = post
    first.fail(CONNECT, Fault.HANG)
    response, took = timed(lambda: site.login(appid=BRIEF, email=ann))
    assert response["result"] == "OK"
    assert PATIENCE - 0.1 < took < PATIENCE + AT_ONCE
    assert (first.mails, len(mails_to(second, ann))) == ([], 1)


def test_a27_server_that_never_greets_is_given_up_in_time_for_the_next(
    post: Post, ann: str
) -> None:
    site, first, second = post
    first.fail(CONNECT, Fault.HANG)
    response, took = timed(lambda: site.login(appid=SLOW, email=ann))
    assert response["result"] == "OK"
    assert took < DEADLINE
    assert (first.mails, len(mails_to(second, ann))) == ([], 1)


def test_a27_server_that_hangs_after_the_mail_may_have_sent_it(post: Post) -> None:
    """Both the one that is asked and people are told in time, and nobody sends a second mail."""
    site, first, second = post
    ann, bob = fresh_address(), fresh_address()
    first.fail(END, Fault.HANG)
    with ThreadPoolExecutor(2) as pool:
        brief = pool.submit(timed, lambda: site.login(appid=BRIEF, email=ann))
        slow = pool.submit(timed, lambda: site.login(appid=SLOW, email=bob))
        waits = [brief.result(), slow.result()]
    assert [answer["result"] for answer, _ in waits] == ["OK", "OK"]
    assert PATIENCE - 0.1 < waits[0][1] < PATIENCE + AT_ONCE
    assert DEADLINE - 0.5 < waits[1][1] < DEADLINE + AT_ONCE
    assert messages(site) == {("first", AMBIGUOUS): 2}
    first.ok()
    for app, address in ((BRIEF, ann), (SLOW, bob)):
        assert site.login(appid=app, email=address)["result"] == "OK"  # inside the cool-down
        assert (len(mails_to(first, address)), second.mails) == (1, [])
        code = code_for(first, address)
        assert site.login(appid=app, email=address, otp=code)["address"] == address


def test_all_dead_is_unavailable_and_costs_nothing(post: Post, ann: str) -> None:
    site, first, second = post
    client = fresh_client()
    first.stop()
    second.fail("MAIL", "451 4.3.0 Try again later")
    refused = [site.login(appid=PAIR, email=ann, client=client) for _ in range(4)]
    assert words(refused) == ["UNAVAILABLE"] * 4
    assert site.login(appid=PAIR, email=ann, otp="123456")["error"] == "BADOTP"
    second.ok()
    assert site.login(appid=PAIR, email=ann, client=client)["result"] == "OK"
    assert len(mails_to(second, ann)) == 1
