from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from providers._senders import Sender
from providers._senders.smtp import SmtpConfig
from tests.providers.senders.smtp.mail import ACCOUNT, Make, Meter
from tests.providers.sending import NewSender
from tests.servers.smtp import SmtpServer
from tests.servers.tls import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def server_tls(authority: Authority) -> ssl.SSLContext:
    return authority.server()


@pytest.fixture
def server(server_tls: ssl.SSLContext) -> Iterator[SmtpServer]:
    """A mail server with STARTTLS and AUTH."""
    with SmtpServer(server_tls, account=ACCOUNT) as server:
        yield server


@pytest.fixture
def meter() -> Meter:
    return Meter()


@pytest.fixture
def make(server: SmtpServer, authority: Authority, new_sender: NewSender) -> Make:
    username, password = ACCOUNT

    def make(**keys: Any) -> Sender:
        usual = {
            "host": "localhost",
            "port": server.port,
            "username": username,
            "password": password,
            "ca_file": str(authority.ca_file),
        }
        return new_sender(SmtpConfig, **{**usual, **keys})

    return make
