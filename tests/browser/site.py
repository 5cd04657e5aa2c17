"""A service that people reach with a browser, and everything around it, for real.

The gateway is at 127.0.0.1, all else at localhost, so that browsers see different sites.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from tests.logins import site as logins
from tests.logins.delivery import by_mail, by_phone
from tests.logins.identity import VERIFIER, SignInSite, by_issuer
from tests.servers import http_scripted
from tests.servers.configs import GENEROUS, Config, base_config, http_sender
from tests.servers.gateway import COMMAND, GatewayProcess, Reply, post
from tests.servers.http_scripted import HttpScripted, Visit, html
from tests.servers.mesibo import MesiboCloud
from tests.servers.oidc_clients import Client
from tests.servers.oidc_fake import OidcFake
from tests.servers.oidc_grants import s256
from tests.servers.oidc_provider import OidcProvider
from tests.servers.process import HOST, free_port
from tests.servers.sms import SmsVendor
from tests.servers.smtp import SmtpServer
from tests.servers.tls import Authority

NAME: Final = "Example Messenger"  # of all apps
APP: Final = "com.example.messenger"
LONE: Final = "com.example.lone"  # has one provider
ODD: Final = "com.example.odd"  # has the providers for what is rare
LABELS: Final = {
    "corp": "Corporate account",
    "phone": "Text message",
    "email": "Email",
    "staff": "User name and password",
}
USER, PASSWORD = "emily", "correct horse battery"
CLIENT, CLIENT_SECRET = "gateway", "the gateway's secret"

CHALLENGE: Final = s256(VERIFIER)
SCHEME_RETURN: Final = "com.example.messenger:/signed-in"  # opens on phones, in no browser of ours
LOOPBACK_RETURN: Final = f"http://{HOST}/signed-in"  # as listed: at any port
LOOPBACK_6_RETURN: Final = "http://[::1]/signed-in"  # where none of our servers is
PAGE: Final = """<!DOCTYPE html><html lang="en"><title>The app</title>
<link rel="icon" href="data:,"><h1>Back in the app</h1>"""


class AppSite(HttpScripted):
    """Where the app is a web page, or listens on loopback for its browser to come back."""

    def respond(self, visit: Visit) -> http_scripted.Reply | None:
        return html(PAGE) if visit.path == "/signed-in" else None


class Servers(NamedTuple):
    """What the gateway and its people talk to."""

    idp: OidcProvider
    moody: OidcFake  # an identity provider that asks nobody, and fails when it is told to
    late: OidcFake  # one that is not there before it is started
    sms: SmsVendor
    mail: SmtpServer
    app: AppSite
    desktop_app: AppSite


@dataclass(frozen=True)
class Site:
    """What there is, all well at the start."""

    authority: Authority
    gateway: SignInSite
    idp: OidcProvider
    moody: OidcFake
    late: OidcFake
    sms: SmsVendor
    mail: SmtpServer
    app: AppSite
    desktop_app: AppSite

    @property
    def url(self) -> str:
        return self.gateway.public_url

    @property
    def web_return(self) -> str:
        return f"{self.app.url}/signed-in"

    @property
    def loopback_return(self) -> str:
        return LOOPBACK_RETURN.replace(HOST, f"{HOST}:{self.desktop_app.port}")

    def get(self, path: str) -> Reply:
        """Ask for a page without a browser."""
        return post(self.url, path=path, method="GET", tls=self.gateway.trust)

    def well(self) -> None:
        """End all moods."""
        self.moody.sound()
        self.moody.cancels = False
        self.sms.ok()


def _providers(authority: Authority, servers: Servers) -> dict[str, Config]:
    idp = {"client_id": CLIENT, "client_secret": CLIENT_SECRET}
    mail = {"type": "smtp", "host": HOST, "port": servers.mail.port}
    sender = http_sender(servers.sms)
    few = {**dict.fromkeys(("per_ip", "per_prefix", "per_app"), GENEROUS), "per_phone": ["2/hour"]}
    plain = {
        "corp": by_issuer(servers.idp.issuer, authority, **idp),
        "phone": by_phone(sender),
        "email": by_mail({**mail, "ca_file": str(authority.ca_file)}),
        "staff": {"type": "insecure_example", "config": {"users": {USER: PASSWORD}}},
    }
    return {
        **{name: {**provider, "label": LABELS[name]} for name, provider in plain.items()},
        "posting": by_issuer(servers.idp.issuer, authority, **idp, response_mode="form_post"),
        "moody": by_issuer(servers.moody.issuer, authority, **idp),
        "late": by_issuer(servers.late.issuer, authority, **idp),
        "impatient": by_phone(sender, resend_after="1s", limits=few),
    }


def _configuration(authority: Authority, url: str, servers: Servers) -> Config:
    tls = authority.files()
    providers = _providers(authority, servers)
    returns = [f"{servers.app.url}/signed-in", LOOPBACK_RETURN, LOOPBACK_6_RETURN, SCHEME_RETURN]
    offers = {APP: list(LABELS), LONE: ["phone"], ODD: list(providers)[len(LABELS) :]}
    apps = {
        app: {"name": NAME, "providers": names, "return_urls": returns}
        for app, names in offers.items()
    }
    return {
        "listen": url.removeprefix("https://"),
        "public_url": url,
        "tls": {"certificate": str(tls.certificate), "private_key": str(tls.private_key)},
        "providers": providers,
        "apps": apps,
        "trusted_proxies": [f"{HOST}/32"],
        "logging": {"format": "json"},
    }


def _client(url: str, *providers: str) -> Client:
    callbacks = tuple(f"{url}/callback/{name}" for name in providers)
    return Client(CLIENT, callbacks, secret=CLIENT_SECRET)


def _servers(folder: Path, authority: Authority, url: str) -> Servers:
    tls = authority.server()
    return Servers(
        idp=OidcProvider(folder, authority, _client(url, "corp", "posting")),
        moody=OidcFake(tls, _client(url, "moody")),
        late=OidcFake(tls, _client(url, "late")),
        sms=SmsVendor(),
        mail=SmtpServer(tls),
        app=AppSite(tls),
        desktop_app=AppSite(None),
    )


@contextlib.contextmanager
def serving(folder: Path, *, command: Sequence[str] = COMMAND) -> Iterator[Site]:
    """Start everything but ``late``; ``command`` starts the gateway."""
    authority = Authority(folder)
    url = f"https://{HOST}:{free_port()}"
    servers = _servers(folder, authority, url)
    started: list[contextlib.AbstractContextManager[object]] = [
        server for server in servers if server is not servers.late
    ]
    with contextlib.ExitStack() as stack:
        stack.callback(servers.late.close)
        for server in started:
            stack.enter_context(server)
        mesibo = stack.enter_context(MesiboCloud())
        config = base_config(mesibo, servers.sms, **_configuration(authority, url, servers))
        gateway = stack.enter_context(GatewayProcess(folder, config, command=command))
        service = SignInSite(logins.Site([gateway], mesibo, servers.sms), url, authority.client())
        yield Site(authority, service, *servers)
