"""Crowds in front of a slow vendor and of a slow mail server."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.logins.delivery import by_mail, by_phone, delivering
from tests.logins.mailboxes import PASSWORD, USER, fresh_address, mails_to, smtp_sender
from tests.logins.site import Answer, Site, words
from tests.servers.configs import http_sender
from tests.servers.sms import SmsVendor
from tests.servers.smtp import SmtpServer
from tests.servers.smtp_record import END
from tests.servers.tls import Authority

pytestmark = pytest.mark.alone

CROWD = 500
ROUNDS = 4
DEADLINE = 8.0
GRACE = 2.0  # for a busy machine
GROWTH = 4 * 1024 * 1024  # bytes: 4 KiB for each login of two rounds
POOL = 8  # connections of a sender to its mail server
MAILS = 100


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has."""
    fields = dict(
        line.split(":\t") for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return int(fields["VmRSS"].split()[0]) * 1024


def timed(site: Site, requests: Sequence[Mapping[str, Any]]) -> tuple[list[Answer], float]:
    started = time.monotonic()
    return site.at_once(requests), time.monotonic() - started


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    accepted = {"json": {"status": "accepted"}}
    with (
        SmsVendor() as sms,
        delivering(tmp_path, sms, {"phone": by_phone(http_sender(sms, success=accepted))}) as site,
    ):
        yield site


def test_500_logins_over_a_vendor_that_takes_a_second_are_all_answered_in_flat_memory(
    site: Site,
) -> None:
    site.sms.fail("slow:1")
    sizes = []
    for each in range(ROUNDS):
        people = [f"4479{each}1{n:06d}" for n in range(CROWD)]
        answers, took = timed(site, [{"phone": number} for number in people])
        assert Counter(words(answers)) == {"OK": CROWD}
        assert 1.0 < took < DEADLINE
        texts = {message.to: message.text for message in site.sms.messages}
        codes = [texts[number].split()[0] for number in people]
        proofs = [{"phone": p, "otp": c} for p, c in zip(people, codes, strict=True)]
        answers, _ = timed(site, proofs)
        assert Counter(words(answers)) == {"OK": CROWD}
        sizes.append(resident(site.gateways[0].pid))
    assert len(site.sms.messages) == len(site.mesibo.minted) == ROUNDS * CROWD
    assert sizes[-1] - sizes[1] < GROWTH, sizes  # the first rounds fill what is kept anyway


@pytest.mark.parametrize(
    ("seconds", "everybody"),
    [pytest.param(0.2, True, id="slow"), pytest.param(2.0, False, id="far-too-slow")],
)
def test_crowd_at_a_slow_mail_server_gets_one_mail_each_or_is_told(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, seconds: float, everybody: bool
) -> None:
    authority = Authority(tmp_path_factory.mktemp("ca"))
    with (
        SmtpServer(authority.server(), account=(USER, PASSWORD)) as server,
        SmsVendor() as sms,
        delivering(tmp_path, sms, {"mail": by_mail(smtp_sender(server, authority))}) as site,
    ):
        server.fail(END, seconds)
        people = [fresh_address() for _ in range(MAILS)]
        answers, took = timed(site, [{"appid": "mail", "email": address} for address in people])
        assert took < DEADLINE + GRACE
        for address, word in zip(people, words(answers), strict=True):
            assert (word, len(mails_to(server, address))) in {("OK", 1), ("UNAVAILABLE", 0)}
        sent = words(answers).count("OK")
        if everybody:
            assert (sent, server.most_open) == (MAILS, POOL)
        else:
            assert POOL <= sent < MAILS
