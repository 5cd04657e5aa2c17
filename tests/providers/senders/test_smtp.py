"""The configuration of the SMTP sender, and what it loads. What it does is tested in smtp/."""

from __future__ import annotations

import subprocess
import sys
from importlib import util
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config import read
from providers._senders._smtp import Smtp
from providers._senders.smtp import SmtpConfig
from tests.config.reading import the_problem
from tests.providers.sending import NewSender
from tests.servers.tls import Authority

ROOT = Path(__file__).resolve().parents[3]
LOGIN = {"username": "gw", "password": "mail-secret"}
CLEARTEXT = {"security": "none", "allow_cleartext": True}


def config(**keys: Any) -> SmtpConfig:
    return SmtpConfig.model_validate({"type": "smtp", "host": "mail.example.com", **keys})


def test_what_is_not_said_is_safe() -> None:
    made = config()
    assert (made.name, made.security, made.allow_cleartext) == ("smtp", "starttls", False)
    assert (made.timeout, made.pool_size) == (8.0, 8)


@pytest.mark.parametrize(
    ("keys", "port"),
    [
        ({}, 587),
        ({"security": "tls"}, 465),
        ({"security": "none", "host": "localhost"}, 25),
        ({"security": "tls", "port": 1465}, 1465),
    ],
)
async def test_the_port_is_the_usual_one_unless_given(
    keys: dict[str, Any], port: int, new_sender: NewSender
) -> None:
    sender = new_sender(SmtpConfig, **{"host": "mail.example.com", **keys})
    assert isinstance(sender, Smtp)
    assert sender._server.port == port


async def test_no_description_holds_the_password(new_sender: NewSender) -> None:
    sender = new_sender(SmtpConfig, host="mail.example.com", **LOGIN)
    assert isinstance(sender, Smtp)
    assert sender._server.login == ("gw", "mail-secret")
    assert "mail-secret" not in f"{config(**LOGIN)!r} {sender._server!r} {vars(sender)}"


@pytest.mark.parametrize(
    "keys",
    [
        LOGIN,
        {"helo": "gw.example.com"},
        {"helo": "[192.0.2.1]"},
        {"helo": "[IPv6:2001:db8::1]"},
        {"host": "2001:db8::1"},
        {"host": "mail_1.example.com"},
        {"pool_size": 50, "timeout": "4s"},
        CLEARTEXT,
        *(
            {"security": "none", "host": host, **LOGIN}
            for host in ("localhost", "LocalHost", "127.0.0.1", "127.1.2.3", "::1")
        ),
    ],
)
def test_accepted(keys: dict[str, Any]) -> None:
    config(**keys)


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"username": "gw"}, "username and password, or neither"),
        ({"password": "mail-secret"}, "username and password, or neither"),
        ({"security": "none"}, "allow_cleartext"),
        ({"security": "none", "host": "10.0.0.1"}, "allow_cleartext"),
        ({"security": "none", "host": "localhost.example.com"}, "allow_cleartext"),
        ({"security": "none", **LOGIN}, "password in the clear"),
        ({**CLEARTEXT, **LOGIN}, "password in the clear"),
        ({"security": "ssl"}, "starttls"),
        ({"host": ""}, "host name or an address"),
        ({"host": "smtp://mail.example.com"}, "host name or an address"),
        ({"host": "mail.example.com:587"}, "host name or an address"),
        ({"host": "mail.example.com\n"}, "host name or an address"),
        ({"port": 0}, "greater"),
        ({"port": 65_536}, "less"),
        ({"pool_size": 0}, "greater"),
        ({"pool_size": 51}, "less"),
        ({"timeout": "0s"}, "duration"),
        ({"timeout": 8}, "duration"),
        ({"helo": "gw example"}, "address in brackets"),
        ({"helo": "gw\r\nMAIL FROM:<a@example.com>"}, "address in brackets"),
        ({"tls": True}, "Extra"),
        ({"ca_file": "/no/such/ca.pem"}, "cannot read the file: No such file"),
        ({"ca_file": __file__}, "cannot be used as PEM"),
    ],
)
def test_e4_refused(keys: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        config(**keys)
    (problem,) = caught.value.errors(include_input=False, include_url=False)
    assert complaint in problem["msg"]
    assert "mail-secret" not in str(caught.value)


def test_a_relative_ca_file_counts_from_the_folder_of_the_configuration(tmp_path: Path) -> None:
    Authority(tmp_path)
    file = tmp_path / "smtp.yaml"
    file.write_text("{type: smtp, host: mail.example.com, ca_file: ca.pem}")
    assert read(file).parse(SmtpConfig).ca_file == tmp_path / "ca.pem"


def test_without_its_library_the_operator_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    problem = the_problem(SmtpConfig, "{type: smtp, host: mail.example.com}")
    assert problem == 'needs the library aiosmtplib: pip install ".[email]"'


def test_the_library_is_loaded_only_for_a_sender() -> None:
    code = (
        "import sys; from providers._senders import smtp; import providers.email_otp;"
        "assert 'aiosmtplib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
