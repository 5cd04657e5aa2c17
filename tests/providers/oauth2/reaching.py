"""What the tests share that reach an identity provider."""

from __future__ import annotations

from typing import Any

from providers.oauth2.settings import OAuth2Config
from tests.servers.oidc_clients import Client
from tests.servers.oidc_fake import OidcFake
from tests.servers.tls import Authority

APP = Client("app", ("https://gw.test/callback/corp",), secret="s")


def settings(**keys: Any) -> OAuth2Config:
    """Return a configuration for an identity provider out in the Internet, changed by ``keys``."""
    usual = {"issuer": "https://idp.example", "client_id": APP.id, "client_secret": APP.secret}
    return OAuth2Config.model_validate(usual | keys)


def config_for(idp: OidcFake, authority: Authority, **keys: Any) -> OAuth2Config:
    """Return the configuration for an identity provider on this machine, changed by ``keys``."""
    here = {"ca_file": str(authority.ca_file), "allow_private_network": True}
    return settings(**{"issuer": idp.issuer} | here | keys)


class Times:
    """A meter that keeps what it is told of upstreams: names and outcomes."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def message(self, sender: str, outcome: str) -> None:
        raise AssertionError

    def upstream(self, upstream: str, outcome: str, seconds: float) -> None:
        self.calls.append((upstream, outcome))


class Timer:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds
