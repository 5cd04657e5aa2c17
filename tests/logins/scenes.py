"""Two gateways on one Redis, and identity providers: one that is well known, and another one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.logins.browsing import Browser
from tests.logins.identity import SignInSite, by_issuer, clients, fresh_public_url, serving
from tests.servers.gateway import Reply
from tests.servers.oidc_fake import TOKEN, OidcFake
from tests.servers.oidc_keys import ABSENT
from tests.servers.redis_server import RedisServer
from tests.servers.tls import Authority


@dataclass(frozen=True)
class Scene:
    """Providers are ``idp``, ``posting`` (by form) and ``quiet`` (that does not tell of RFC 9207),
    ``other`` is of somebody else."""

    site: SignInSite
    idp: OidcFake
    quiet: OidcFake
    other: OidcFake

    @property
    def redeemed(self) -> int:
        """How many codes were sent to identity providers."""
        return sum(len(each.visits(TOKEN)) for each in (self.idp, self.quiet, self.other))

    def turned_away(self, browser: Browser, url: str) -> Reply:
        """Open a callback URL that leads to nothing: no app is told of it, and no code is sent."""
        before = self.redeemed, len(self.site.mesibo.calls)
        reply = browser.get(url)
        assert reply.status >= 400, reply
        assert reply.header("Location") is None
        assert before == (self.redeemed, len(self.site.mesibo.calls))
        return reply


@contextlib.contextmanager
def two_issuers(factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Scene]:
    """Run it all."""
    authority = Authority(factory.mktemp("tls"))
    tls, public_url = authority.server(), fresh_public_url()
    with (
        OidcFake(tls, clients(public_url, "idp", "posting")) as idp,
        OidcFake(tls, clients(public_url, "quiet")) as quiet,
        OidcFake(tls, clients(public_url, "other")) as other,
    ):
        quiet.metadata["authorization_response_iss_parameter_supported"] = ABSENT
        providers = {
            "idp": by_issuer(idp.issuer, authority),
            "posting": by_issuer(idp.issuer, authority, response_mode="form_post"),
            "quiet": by_issuer(quiet.issuer, authority),
            "other": by_issuer(other.issuer, authority),
        }
        folder, store = factory.mktemp("site"), {"url": redis.url}
        with serving(
            folder, authority, providers, count=2, public_url=public_url, store=store
        ) as site:
            yield Scene(site, idp, quiet, other)
