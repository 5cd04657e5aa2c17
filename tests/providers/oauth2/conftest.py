from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from providers.oauth2.web import Web
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
