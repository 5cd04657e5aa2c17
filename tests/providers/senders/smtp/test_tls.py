"""Encryption and login: nothing is sent in the clear or to a stranger."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any, Literal

import pytest
import uvloop
from pydantic import SecretStr

from providers import Context, Unavailable
from providers._senders.smtp import SmtpConfig
from providers._tls import client_context, system_authorities
from tests.providers.senders.smtp.mail import ACCOUNT, MESSAGE, Make, Meter
from tests.servers.smtp import SmtpServer
from tests.servers.smtp_record import Fault
from tests.servers.tls import Authority, Kind

ENCRYPTED: list[Literal["starttls", "tls"]] = ["starttls", "tls"]
REFUSALS: dict[Kind, str] = {
    "expired": "certificate refused: certificate has expired",
    "other_name": "certificate refused: Hostname mismatch, certificate is not valid for",
}


def said_in_the_clear(server: SmtpServer) -> list[str]:
    return [command.verb for command in server.commands if not command.tls]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("security", ENCRYPTED)
async def test_e4_credentials_and_mail_are_encrypted(
    server_tls: ssl.SSLContext, make: Make, security: Literal["starttls", "tls"], host: str
) -> None:
    with SmtpServer(server_tls, security, account=ACCOUNT) as server:
        await make(port=server.port, security=security, host=host).send(MESSAGE, 5.0)
        assert server.mails[0].tls
        assert said_in_the_clear(server) == (["EHLO", "STARTTLS"] if security == "starttls" else [])
        assert server.count("AUTH") == 1


async def test_without_encryption_where_that_is_configured(make: Make) -> None:
    keys = {"security": "none", "ca_file": None}
    with SmtpServer(security="none", account=ACCOUNT) as server:
        await make(port=server.port, **keys).send(MESSAGE, 5.0)
    with SmtpServer(security="none") as server:
        await make(port=server.port, username=None, password=None, **keys).send(MESSAGE, 5.0)
        assert server.count("AUTH") == 0
        assert len(server.mails) == 1


@pytest.mark.parametrize("security", ENCRYPTED)
def test_uvloop_serves_as_well(
    server_tls: ssl.SSLContext, authority: Authority, security: Literal["starttls", "tls"]
) -> None:
    async def send(port: int) -> None:
        username, password = ACCOUNT
        config = SmtpConfig(
            type="smtp",
            host="localhost",
            port=port,
            security=security,
            username=username,
            password=SecretStr(password),
            ca_file=authority.ca_file,
        )
        sender = config.create(Context(Meter()))
        for _ in range(2):
            await sender.send(MESSAGE, 5.0)
        server.fail("MAIL", Fault.DROP)
        server.fail("connect", Fault.DROP)
        with pytest.raises(Unavailable):
            await sender.send(MESSAGE, 5.0)
        server.ok()
        await sender.send(MESSAGE, 5.0)
        await sender.close()

    with SmtpServer(server_tls, security, account=ACCOUNT) as server:
        uvloop.run(send(server.port))
        assert [mail.connection for mail in server.mails] == [1, 1, 3]


# E4: whoever is in between


async def test_e4_stripped_starttls_is_a_failure(server: SmtpServer, make: Make) -> None:
    server.offers_tls = False
    with pytest.raises(Unavailable, match="does not offer STARTTLS"):
        await make().send(MESSAGE, 5.0)
    assert said_in_the_clear(server) == ["EHLO"]


@pytest.mark.parametrize("what", ["454 4.7.0 TLS not available", "500 what?", Fault.DROP])
async def test_e4_refused_starttls_is_a_failure(
    server: SmtpServer, make: Make, what: str | Fault
) -> None:
    server.fail("STARTTLS", what)
    with pytest.raises(Unavailable):
        await make().send(MESSAGE, 5.0)
    assert set(said_in_the_clear(server)) <= {"EHLO", "STARTTLS", "QUIT"}


@pytest.mark.parametrize(
    "injected",
    [
        b"250-mail.example.test\r\n250 AUTH EVIL\r\n",  # no way to log in: EHLO would be in vain
        b"250 mail.example.test\r\n235 welcome\r\n250 ok\r\n250 ok\r\n354 go on\r\n250 thanks\r\n",
        b"250-the end of this comes later",
        b"421 go away\r\n",
    ],
    ids=["ehlo", "whole-session", "half-an-answer", "421"],
)
async def test_e4_what_is_put_in_before_tls_is_thrown_away(
    server: SmtpServer, make: Make, injected: bytes
) -> None:
    server.injected = injected
    await make().send(MESSAGE, 5.0)
    assert [(mail.tls, mail.user) for mail in server.mails] == [(True, ACCOUNT[0])]
    assert [command.verb for command in server.commands if command.tls] == [
        *("EHLO", "AUTH", "MAIL", "RCPT", "DATA")
    ]
    assert server.connections == 1


@pytest.mark.parametrize("kind", REFUSALS)
@pytest.mark.parametrize("security", ENCRYPTED)
async def test_e4_certificate_that_does_not_fit_is_refused(
    authority: Authority, make: Make, security: Literal["starttls", "tls"], kind: Kind
) -> None:
    with SmtpServer(authority.server(kind), security, account=ACCOUNT) as server:
        sender = make(port=server.port, security=security)
        with pytest.raises(Unavailable) as caught:
            await sender.send(MESSAGE, 5.0)
        assert REFUSALS[kind] in str(caught.value)
        assert await sender.check() == [str(caught.value)]
        assert [c.verb for c in server.commands if c.tls] == []
        assert set(said_in_the_clear(server)) <= {"EHLO", "STARTTLS"}


@pytest.mark.parametrize("whose", ["another", "the system's"])
@pytest.mark.parametrize("security", ENCRYPTED)
async def test_e4_certificate_of_an_unknown_authority_is_refused(
    server_tls: ssl.SSLContext,
    make: Make,
    tmp_path: Path,
    security: Literal["starttls", "tls"],
    whose: str,
) -> None:
    ca_file = str(Authority(tmp_path).ca_file) if whose == "another" else None
    with SmtpServer(server_tls, security, account=ACCOUNT) as server:
        with pytest.raises(Unavailable, match="certificate refused: "):
            await make(port=server.port, security=security, ca_file=ca_file).send(MESSAGE, 5.0)
        assert (server.count("AUTH"), server.mails) == (0, [])


async def test_a_server_that_begins_in_the_clear_is_none_for_tls(make: Make) -> None:
    with SmtpServer(security="none", account=ACCOUNT) as server:
        with pytest.raises(Unavailable, match=r"no TLS \(WRONG_VERSION_NUMBER\)"):
            await make(port=server.port, security="tls").send(MESSAGE, 5.0)
        assert server.commands == []


async def test_the_authorities_are_read_once(
    server: SmtpServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = make(pool_size=1)
    monkeypatch.setattr(ssl, "create_default_context", None)
    for _ in range(2):
        await sender.send(MESSAGE, 5.0)
        await asyncio.to_thread(server.hang_up)
    assert server.connections == 2
    assert client_context(None) is system_authorities() is system_authorities()


# Logging in


async def test_wrong_credentials_are_tried_once_a_mail(server: SmtpServer, make: Make) -> None:
    sender = make(password="wrong-secret")
    with pytest.raises(Unavailable) as caught:
        await sender.send(MESSAGE, 5.0)
    assert str(caught.value) == "smtp: the mail server refuses the credentials (535 5.7.8)"
    assert (server.count("AUTH"), server.count("MAIL")) == (1, 0)


@pytest.mark.parametrize("mechanisms", ["LOGIN", "PLAIN", "CRAM-MD5 LOGIN", "GSSAPI LOGIN PLAIN"])
async def test_a_mechanism_that_both_know_is_used(
    server: SmtpServer, make: Make, mechanisms: str
) -> None:
    server.mechanisms = mechanisms
    await make().send(MESSAGE, 5.0)
    (login,) = (command for command in server.commands if command.verb == "AUTH")
    assert login.argument.split()[0] == ("PLAIN" if "PLAIN" in mechanisms else "LOGIN")


async def test_a_server_without_a_mechanism_that_both_know(server: SmtpServer, make: Make) -> None:
    server.mechanisms = "GSSAPI"
    with pytest.raises(Unavailable, match="offers neither AUTH PLAIN nor AUTH LOGIN"):
        await make().send(MESSAGE, 5.0)
    assert server.count("AUTH") == 0


async def test_credentials_of_any_letters_arrive(server: SmtpServer, make: Make) -> None:
    server.account = ("gw@exämple.org", "pass wörd: 秘密")
    username, password = server.account
    await make(username=username, password=password).send(MESSAGE, 5.0)
    assert server.mails[0].user == username


async def test_a_login_that_is_missing_is_asked_for(server: SmtpServer, make: Make) -> None:
    with pytest.raises(Unavailable, match="wants a login"):
        await make(username=None, password=None).send(MESSAGE, 5.0)


# Trying it out


async def test_check_goes_as_far_as_it_can_without_a_mail(server: SmtpServer, make: Make) -> None:
    assert await make().check() == []
    verbs = [command.verb for command in server.commands]
    assert verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", "NOOP", "QUIT"]
    assert server.mails == []


@pytest.mark.parametrize(
    ("stage", "what", "problem"),
    [
        ("connect", "554 no", "the mail server answers 554 to the connection"),
        ("EHLO", "550 5.7.1 no", "answers 550 5.7.1 to EHLO"),
        ("STARTTLS", "454 no", "answers 454 to STARTTLS"),
        ("AUTH", "535 5.7.8 mail-secret", "refuses the credentials (535 5.7.8)"),
        ("NOOP", "421 bye", "answers 421 to NOOP"),
        ("NOOP", Fault.DROP, "the mail server closed the connection"),
        ("NOOP", Fault.HANG, "the mail server did not answer in time"),
        ("connect", Fault.HANG, "the mail server did not answer in time"),
        ("connect", Fault.DROP, " connection"),  # closed, or none: as fast as the reset is
    ],
)
async def test_check_says_what_failed(
    server: SmtpServer, make: Make, stage: str, what: str | Fault, problem: str
) -> None:
    server.fail(stage, what)
    (said,) = await make(name="our-mail", timeout="500ms").check()
    assert said.startswith("our-mail: ")
    assert problem in said
    assert "mail-secret" not in said


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"host": "no-such-host.invalid"}, "the name of the mail server is not found"),
        ({"port": 1}, "no connection (ConnectionRefusedError)"),
        ({"password": "wrong-secret"}, "refuses the credentials"),
        ({"security": "tls"}, "no TLS"),
    ],
)
async def test_check_says_what_is_configured_wrong(
    make: Make, keys: dict[str, Any], problem: str
) -> None:
    (said,) = await make(**keys).check()
    assert problem in said


async def test_check_does_not_wait_for_a_good_bye(server: SmtpServer, make: Make) -> None:
    server.fail("QUIT", Fault.HANG)
    assert await make().check() == []
