from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from providers.oauth2.web import Web
from tests.providers.oauth2.arriving import NewSite, Site, provider
from tests.providers.oauth2.reaching import APP, Timer, Times, config_for
from tests.servers.oidc_fake import OidcFake
from tests.servers.tls import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs the certificates of identity providers."""
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def idp(authority: Authority) -> Iterator[OidcFake]:
    """An identity provider, over TLS."""
    with OidcFake(authority.server(), APP) as idp:
        yield idp


@pytest.fixture
def times() -> Times:
    """A meter that keeps what it is told of upstreams."""
    return Times()


@pytest.fixture
def timer() -> Timer:
    """A clock that stands still."""
    return Timer()


@pytest.fixture
async def web(idp: OidcFake, authority: Authority, times: Times) -> AsyncIterator[Web]:
    """What reaches ``idp``."""
    web = Web("corp", config_for(idp, authority), times)
    yield web
    await web.close()


@pytest.fixture
async def new_site(idp: OidcFake, authority: Authority, times: Times) -> AsyncIterator[NewSite]:
    """Make providers of ``idp``, or of another one, by the keys of their configuration."""
    made: list[Site] = []

    def new(other: OidcFake | None = None, **keys: Any) -> Site:
        there = other or idp
        made.append(Site(provider(config_for(there, authority, **keys), times), there, authority))
        return made[-1]

    yield new
    for site in made:
        await site.oauth2.close()


@pytest.fixture
def site(new_site: NewSite) -> Site:
    """A provider of ``idp`` as most are configured."""
    return new_site()
