"""Services whose people sign in with an identity provider: configuration, gateways, apps.

    with serving(folder, authority, {"idp": by_issuer(idp.issuer, authority)}) as site:
        site.ask("idp", id_token=idp.token())                 # as the app does
        challenge = site.start("idp", return_url=RETURN)      # ... that sends people to a browser
        brought = brought_by(Browser(site).sign_in(challenge["url"]))
        site.redeem(brought)

Gateways speak TLS and share one public URL; whatever goes there goes to the next one in turn.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tests.logins.site import Answer, Fields, Site, fresh_client, running
from tests.servers.configs import GENEROUS, Config, base_config
from tests.servers.gateway import GatewayProcess, Reply, post
from tests.servers.http_scripted import once
from tests.servers.mesibo import MesiboCloud
from tests.servers.oidc_clients import Client
from tests.servers.oidc_grants import s256
from tests.servers.process import free_port
from tests.servers.sms import SmsVendor
from tests.servers.stock_clients import check_reply
from tests.servers.tls import Authority

APP: Final = "com.example.messenger"
OTHER_APP: Final = "com.example.other"
NAME: Final = "Example Messenger"  # of both
RETURN: Final = "com.example.messenger:/signed-in"
WEB_RETURN: Final = "https://chat.example.com/signed-in?from=idp"
LOOPBACK: Final = "http://127.0.0.1/signed-in"
RETURNS: Final = (RETURN, WEB_RETURN, LOOPBACK)

CLIENT: Final = "gateway-client"  # what identity providers call the gateway
CLIENT_SECRET: Final = "gateway-client-secret-5dd1c7"
VERIFIER: Final = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
CHALLENGE: Final = s256(VERIFIER)
STORE_SECRET: Final = "a secret of all gateways on one store"


class SignInSite(Site):
    """A service that browsers can reach."""

    def __init__(self, site: Site, public_url: str, trust: ssl.SSLContext) -> None:
        super().__init__(site.gateways, site.mesibo, site.sms)
        self.public_url = public_url
        self.trust = trust

    def next_url(self) -> str:
        """Return where the next gateway listens."""
        return next(self._turns).url

    # -- apps

    def login(
        self, *, client: str | None = None, at: GatewayProcess | None = None, **fields: Any
    ) -> Answer:
        """See ``Site``."""
        request = {"op": "login", "appid": APP, "dt": "1", **fields}
        headers = {"X-Forwarded-For": client or fresh_client()}
        url = at.url if at else self.next_url()
        reply = post(url, request, headers, tls=self.trust)
        second_step = bool(str(fields.get("otp") or "").strip())
        complaints = check_reply(reply.body, op_login=True, second_step=second_step)
        assert complaints == [], reply.body
        answer: Answer = reply.json
        return answer

    def at_once(self, requests: Sequence[Fields], client: str | None = None) -> list[Answer]:
        """See ``Site``."""
        together = threading.Barrier(len(requests), timeout=10)

        def send(fields: Fields) -> Answer:
            together.wait()
            return self.login(client=client, **fields)

        with ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(send, requests))

    def ask(self, provider: str, **fields: Any) -> Answer:
        """Log in with a provider by its name."""
        return self.login(provider=provider, **fields)

    def start(self, provider: str, **fields: Any) -> dict[str, Any]:
        """Begin a sign-in that goes on in a browser; return its challenge."""
        answer = self.ask(provider, **fields)
        assert answer["result"] == "OK", answer
        challenge: dict[str, Any] = answer["challenge"]
        return challenge

    def redeem(self, brought: Mapping[str, str], **fields: Any) -> Answer:
        """Exchange what a browser brought, with the verifier."""
        given = {"challenge": brought["challenge"], "otp": brought["code"]}
        return self.login(**{**given, "code_verifier": VERIFIER, **fields})

    def refused(self, provider: str, **fields: Any) -> tuple[str, str]:
        """Log in in vain: nothing goes to mesibo. Return the word, and the detail of the audit."""
        client, before = fresh_client(), len(self.mesibo.calls)
        answer = self.ask(provider, client=client, **fields)
        assert answer["result"] == "FAIL", answer
        (line,) = self.audit(client)
        assert len(self.mesibo.calls) == before
        return answer["error"], line.get("detail", "")


def brought_by(reply: Reply) -> dict[str, str]:
    """Return what a browser takes to the app."""
    location = reply.header("Location")
    assert reply.status == 303, reply
    assert location is not None
    return once(urlsplit(location).query)


def by_issuer(issuer: str | None, authority: Authority, **keys: Any) -> Config:
    """Return a provider (None: plain OAuth 2.0); ``keys`` add to its own."""
    config = {
        "issuer": issuer,
        "client_id": CLIENT,
        "client_secret": CLIENT_SECRET,
        "ca_file": str(authority.ca_file),
        "allow_private_network": True,
    }
    return {"type": "oauth2", "config": {**config, **keys}}


def clients(public_url: str, *providers: str) -> Client:
    """Return the gateway, as identity providers know it that are providers of these names."""
    callbacks = tuple(f"{public_url}/callback/{name}" for name in providers)
    return Client(CLIENT, (*callbacks, *RETURNS), secret=CLIENT_SECRET)


def fresh_public_url() -> str:
    """Return where gateways are going to be."""
    return f"https://localhost:{free_port()}"


def _configure(
    public_url: str, authority: Authority, providers: Mapping[str, Config], keys: Mapping[str, Any]
) -> Callable[[MesiboCloud, SmsVendor], Config]:
    first = [urlsplit(public_url).port]
    tls = authority.files()

    def configure(mesibo: MesiboCloud, sms: SmsVendor) -> Config:
        base = base_config(mesibo, sms)
        both = {**base["providers"], **providers}
        app = {"name": NAME, "providers": list(both)}
        return {
            **base,
            "listen": f"127.0.0.1:{first.pop() if first else 0}",
            "public_url": public_url,
            "tls": {"certificate": str(tls.certificate), "private_key": str(tls.private_key)},
            "secret": STORE_SECRET,
            "providers": both,
            "apps": {
                APP: {**app, "return_urls": list(RETURNS)},
                OTHER_APP: {**app, "return_urls": ["com.example.other:/signed-in"]},
            },
            "trusted_proxies": ["127.0.0.1/32"],
            "limits": {"per_ip": GENEROUS, "failures_per_identity": ["5/15m"]},
            "logging": {"format": "json"},
            **keys,
        }

    return configure


@contextlib.contextmanager
def serving(
    folder: Path,
    authority: Authority,
    providers: Mapping[str, Config],
    *,
    count: int = 1,
    public_url: str | None = None,
    **keys: Any,
) -> Iterator[SignInSite]:
    """Run gateways with these providers and one that is called ``phone``.

    ``keys`` replace top-level keys. ``public_url`` is one of ``fresh_public_url``.
    """
    public_url = public_url or fresh_public_url()
    with running(folder, count, _configure(public_url, authority, providers, keys)) as site:
        yield SignInSite(site, public_url, authority.client())
