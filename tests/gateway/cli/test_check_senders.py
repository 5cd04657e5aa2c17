"""``check``, with and without ``--connect``, for every type of sender: nothing is ever sent."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.gateway.cli.command import run
from tests.logins.delivery import by_mail, by_phone
from tests.logins.mailboxes import PASSWORD, USER, smtp_sender
from tests.logins.vendors import CREDENTIALS, KINDS, Vendors, all_vendors, sender
from tests.servers.configs import Config
from tests.servers.smtp import SmtpServer
from tests.servers.tls import Authority, Kind

SMTP = ("starttls", "tls")
SILENT = ("console", "mail-console")  # there is nothing to connect to
WRONG_PASSWORD = "mail-secret-of-nobody"
# A provider is named after its sender, or after how that encrypts.
TOLD_OF_CREDENTIALS = [*(kind for kind in KINDS if kind != "http"), *SMTP]


@dataclass
class Upstreams:
    """A vendor of each kind by https, and mail servers by both kinds of TLS."""

    vendors: Vendors
    mail: Mapping[str, SmtpServer]
    authority: Authority

    def providers(self, *, wrong: bool = False) -> Config:
        made = {
            kind: by_phone(sender(kind, vendor, **(KINDS[kind].wrong if wrong else {})))
            for kind, vendor in self.vendors.items()
        }
        password = {"password": WRONG_PASSWORD} if wrong else {}
        for security, server in self.mail.items():
            smtp = smtp_sender(server, self.authority, security=security, **password)
            made[security] = by_mail(smtp)
        console = {"type": "console"}
        return {**made, "console": by_phone(console), "mail-console": by_mail(console)}

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        with contextlib.ExitStack() as afterwards:
            for vendor in self.vendors.values():
                vendor.stop()
                afterwards.callback(vendor.start)
            for server in self.mail.values():
                server.stop()
                afterwards.callback(server.start)
            yield

    @property
    def sent(self) -> int:
        texts = sum(len(vendor.messages) for vendor in self.vendors.values())
        return texts + sum(len(server.mails) for server in self.mail.values())

    def asked(self) -> dict[str, int]:
        """Return how often each was called or connected to."""
        calls = {kind: len(vendor.calls) for kind, vendor in self.vendors.items()}
        return calls | {name: server.connections for name, server in self.mail.items()}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@contextlib.contextmanager
def running(authority: Authority, certificate: Kind) -> Iterator[Upstreams]:
    tls, account = authority.server(certificate), (USER, PASSWORD)
    with (
        all_vendors(tls) as vendors,
        SmtpServer(tls, account=account) as starttls,
        SmtpServer(tls, security="tls", account=account) as implicit,
    ):
        yield Upstreams(vendors, {"starttls": starttls, "tls": implicit}, authority)


@pytest.fixture(scope="module")
def upstreams(authority: Authority) -> Iterator[Upstreams]:
    with running(authority, "good") as started:
        yield started


def check(
    authority: Authority, folder: Path, providers: Config, *options: str
) -> tuple[int, list[str]]:
    """Run ``check`` on these providers; return its exit status and its lines."""
    config = {"issuer": {"type": "sandbox"}, "apps": {"*": {}}, "providers": providers}
    file = folder / "gateway.yaml"
    file.write_text(yaml.safe_dump(json.loads(json.dumps(config)), sort_keys=False))  # no aliases
    trusted = {"SSL_CERT_FILE": str(authority.ca_file)}
    ended = run("check", "--config", str(file), *options, env=trusted)
    assert ended.stderr == ""
    for secret in (*CREDENTIALS, PASSWORD, WRONG_PASSWORD):
        assert secret not in ended.stdout
    return ended.returncode, ended.stdout.splitlines()


def told(lines: list[str]) -> dict[str, str]:
    """Return the problem of each provider; every line must be one."""
    found = [re.fullmatch(r"provider ([a-z-]+): ([a-z]+): (.{10,200})", line) for line in lines]
    assert None not in found, lines
    problems = {match[1]: match[3] for match in found if match}
    assert len(problems) == len(lines), lines
    return problems


def test_every_sender_is_accepted_without_a_connection(
    upstreams: Upstreams, tmp_path: Path
) -> None:
    before = upstreams.asked()
    status, lines = check(upstreams.authority, tmp_path, upstreams.providers())
    assert (status, lines) == (0, [f"{tmp_path}/gateway.yaml: fine"])
    assert upstreams.asked() == before


def test_every_sender_is_tried_and_nothing_is_sent(upstreams: Upstreams, tmp_path: Path) -> None:
    before = upstreams.asked()
    status, lines = check(upstreams.authority, tmp_path, upstreams.providers(), "--connect")
    assert (status, lines) == (0, [f"{tmp_path}/gateway.yaml: fine"])
    after = upstreams.asked()
    assert {name: after[name] - before[name] for name in after} == dict.fromkeys(after, 1)
    assert upstreams.sent == 0
    for server in upstreams.mail.values():
        assert {"MAIL", "RCPT", "DATA"} & {command.verb for command in server.commands} == set()
        assert server.count("AUTH") == 1


def test_a_sender_of_any_kind_that_knows_is_told_of_wrong_credentials(
    upstreams: Upstreams, tmp_path: Path
) -> None:
    """The HTTP sender knows of no call that costs nothing: it says only whom it cannot reach."""
    providers = upstreams.providers(wrong=True)
    status, lines = check(upstreams.authority, tmp_path, providers, "--connect")
    assert status == 1
    problems = told(lines)
    assert list(problems) == TOLD_OF_CREDENTIALS
    assert [name for name, text in problems.items() if "credentials" not in text] == []
    assert upstreams.sent == 0


def test_a_sender_of_any_kind_that_cannot_be_reached_is_a_line(
    upstreams: Upstreams, tmp_path: Path
) -> None:
    providers = upstreams.providers()
    with upstreams.stopped():
        status, lines = check(upstreams.authority, tmp_path, providers, "--connect")
    assert status == 1
    problems = told(lines)
    assert list(problems) == [*KINDS, *SMTP]
    assert {text for text in problems.values() if not text.startswith("no connection")} == set()


@pytest.mark.parametrize(
    ("certificate", "why"), [("expired", "has expired"), ("other_name", "mismatch")]
)
def test_a_sender_of_any_kind_with_a_wrong_certificate_is_a_line(
    authority: Authority, tmp_path: Path, certificate: Kind, why: str
) -> None:
    with running(authority, certificate) as upstreams:
        status, lines = check(authority, tmp_path, upstreams.providers(), "--connect")
        assert [call for vendor in upstreams.vendors.values() for call in vendor.calls] == []
        assert [server.count("AUTH") for server in upstreams.mail.values()] == [0, 0]
    assert status == 1
    problems = told(lines)
    assert list(problems) == [*KINDS, *SMTP]
    for text in problems.values():
        assert text.startswith("certificate refused: ")
        assert why in text


def test_each_sender_of_a_list_has_its_line(upstreams: Upstreams, tmp_path: Path) -> None:
    """The other providers are fine."""
    vendors = upstreams.vendors
    senders = [
        sender("twilio", vendors["twilio"], name="first", **KINDS["twilio"].wrong),
        sender("vonage", vendors["vonage"], name="second"),
        sender("plivo", vendors["plivo"], name="third", **KINDS["plivo"].wrong),
    ]
    providers = {**upstreams.providers(), "phone": by_phone(*senders)}
    status, lines = check(upstreams.authority, tmp_path, providers, "--connect")
    assert status == 1
    assert lines == [
        f"provider phone: {name}: the vendor refuses the credentials" for name in ("first", "third")
    ]


def test_stripped_starttls_is_told(upstreams: Upstreams, tmp_path: Path) -> None:
    server = upstreams.mail["starttls"]
    server.offers_tls = False
    try:
        status, lines = check(upstreams.authority, tmp_path, upstreams.providers(), "--connect")
    finally:
        server.offers_tls = True
    assert status == 1
    assert "does not offer STARTTLS" in told(lines)["starttls"]
    assert len(lines) == 1
