"""The stand-in for a mail server, by the standard library's client."""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests.servers.reserved_port import HOST
from tests.servers.smtp import SmtpServer
from tests.servers.smtp_record import CONNECT, END, Fault
from tests.servers.tls import Authority

ACCOUNT = ("gw", "mail-secret")
MAIL = b"Subject: x\r\n\r\n.dots\r\n..more\r\n"
SENDER, TO = "gw@example.test", "ann@example.test"
ENCRYPTED: list[Literal["starttls", "tls"]] = ["starttls", "tls"]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer(security="none") as server:
        yield server


def connect(server: SmtpServer) -> smtplib.SMTP:
    return smtplib.SMTP(HOST, server.port, "client.example.test", timeout=5)


@pytest.mark.parametrize("security", ENCRYPTED)
def test_takes_mail_after_tls_and_login(
    authority: Authority, security: Literal["starttls", "tls"]
) -> None:
    client: smtplib.SMTP
    with SmtpServer(authority.server(), security, ACCOUNT) as server:
        if security == "tls":
            client = smtplib.SMTP_SSL("localhost", server.port, context=authority.client())
        else:
            client = connect(server)
            client.ehlo()
            assert not client.has_extn("auth")
            client.starttls(context=authority.client())
        with client:
            with pytest.raises(smtplib.SMTPSenderRefused) as caught:
                client.sendmail(SENDER, TO, MAIL)
            assert caught.value.smtp_code == 530
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("gw", "wrong")
            client.login(*ACCOUNT)
            client.sendmail(SENDER, TO, MAIL)
        assert server.mails == [(1, SENDER, [TO], MAIL, True, "gw")]
        assert server.commands[-1] == (1, "QUIT", "", True)


def test_can_hide_that_it_offers_tls(authority: Authority) -> None:
    with SmtpServer(authority.server()) as server:
        server.offers_tls = False
        with connect(server) as client, pytest.raises(smtplib.SMTPNotSupportedError):
            client.starttls()


def test_can_add_to_its_answer_to_starttls(authority: Authority) -> None:
    with (
        SmtpServer(authority.server()) as server,
        socket.create_connection((HOST, server.port), timeout=5) as client,
    ):
        server.injected = b"250 injected\r\n"
        lines = client.makefile("rb")
        lines.readline()
        client.sendall(b"EHLO x\r\nSTARTTLS\r\n")
        while lines.readline()[3:4] == b"-":
            pass
        assert [lines.readline(), lines.readline()] == [
            b"220 Ready to start TLS\r\n",
            b"250 injected\r\n",
        ]
        lines.detach()
        tls = authority.client().wrap_socket(client, server_hostname="localhost")
        tls.sendall(b"NOOP\r\n")
        assert tls.recv(100) == b"250 OK\r\n"
        tls.close()


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", END])
def test_answers_what_it_is_told(server: SmtpServer, stage: str) -> None:
    server.fail(stage, "451 4.7.1 later", times=1)
    with connect(server) as client, pytest.raises(smtplib.SMTPException):
        client.sendmail(SENDER, TO, MAIL)
    assert server.mails == []
    with connect(server) as client:
        client.sendmail(SENDER, TO, MAIL)
    assert len(server.mails) == 1


def test_answers_by_recipient(server: SmtpServer) -> None:
    server.fail("RCPT", "550 5.1.1 no", to="nobody@")
    server.fail("RCPT", 0.2, to="slow@")
    with connect(server) as client:
        started = time.monotonic()
        refused = client.sendmail(SENDER, [TO, "nobody@example.test"], MAIL)
        assert refused == {"nobody@example.test": (550, b"5.1.1 no")}
        assert time.monotonic() - started < 0.2
        client.sendmail(SENDER, "slow@example.test", MAIL)
        assert time.monotonic() - started > 0.2
    server.ok()
    with connect(server) as client:
        client.sendmail(SENDER, "nobody@example.test", MAIL)


@pytest.mark.parametrize("stage", [CONNECT, "MAIL", END])
def test_drops_connections(server: SmtpServer, stage: str) -> None:
    server.fail(stage, Fault.DROP)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        connect(server).sendmail(SENDER, TO, MAIL)
    server.wait(lambda: not server.open, "end of the connection")
    assert len(server.mails) == (stage == END)  # done, and nobody was told


def test_hangs_and_leaves_after_421(server: SmtpServer) -> None:
    server.fail("NOOP", Fault.HANG)
    with connect(server) as client:
        assert client.sock is not None
        client.sock.settimeout(0.1)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.noop()
    server.fail("NOOP", "421 4.3.2 bye")
    client = connect(server)
    assert client.noop()[0] == 421
    server.wait(lambda: not server.open, "end of the connection")
    client.close()


def test_counts_connections_and_hangs_up(server: SmtpServer) -> None:
    clients = [connect(server) for _ in range(3)]
    clients.pop().quit()
    server.wait(lambda: server.open == 2, "two connections")
    assert (server.connections, server.most_open) == (3, 3)
    server.hang_up()
    for client in clients:
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.noop()


def test_stops_and_starts_on_its_port(server: SmtpServer) -> None:
    with connect(server) as client:
        client.sendmail(SENDER, TO, MAIL)
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        connect(server)
    server.start()
    with connect(server) as client:
        client.sendmail(SENDER, TO, MAIL)
    assert [mail.connection for mail in server.mails] == [1, 2]


def test_speaks_tls_from_the_first_byte_only_if_told(authority: Authority) -> None:
    with (
        SmtpServer(authority.server(), "tls") as server,
        pytest.raises((smtplib.SMTPServerDisconnected, TimeoutError)),
    ):
        smtplib.SMTP(HOST, server.port, timeout=0.5)
    with SmtpServer(security="none") as server, pytest.raises(ssl.SSLError):
        smtplib.SMTP_SSL(HOST, server.port, timeout=5)
