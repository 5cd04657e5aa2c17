"""What a real OpenID Provider publishes, made by others (npm oidc-provider)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from providers import Rejected
from providers.oauth2.checking import Inspection
from providers.oauth2.discovery import Discovery
from providers.oauth2.keys import Keys
from providers.oauth2.settings import OAuth2Config
from providers.oauth2.web import Web
from tests.providers.oauth2.reaching import APP, Timer, Times, settings
from tests.servers.oidc_provider import OidcProvider
from tests.servers.tls import Authority


@pytest.fixture(scope="module")
def provider(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[OidcProvider]:
    folder: Path = tmp_path_factory.mktemp("provider")
    with OidcProvider(folder, authority, APP) as provider:
        yield provider


class Client(NamedTuple):
    config: OAuth2Config
    web: Web
    discovery: Discovery
    keys: Keys

    async def published(self) -> list[tuple[str, str]]:
        """Names and algorithms of the keys that are published now."""
        document = await self.web.json(await self.discovery.jwks_uri(), within=5.0)
        return [(key["kid"], key["alg"]) for key in document["keys"]]


@pytest.fixture
async def client(
    provider: OidcProvider, authority: Authority, timer: Timer
) -> AsyncIterator[Client]:
    here = {"ca_file": str(authority.ca_file), "allow_private_network": True}
    config = settings(issuer=provider.issuer, **here)
    web = Web("corp", config, Times())
    discovery = Discovery(web, config.profile, clock=timer)
    yield Client(config, web, discovery, Keys(web, discovery, clock=timer))
    await web.close()


async def test_it_has_no_problems(client: Client) -> None:
    assert await Inspection(client.config, client.config.profile, client.web).problems() == []


async def test_its_endpoints_are_found(provider: OidcProvider, client: Client) -> None:
    found = await client.discovery.endpoints()
    assert found.issuer == provider.issuer
    assert found.names_issuer
    assert all(
        url is not None and url.startswith(provider.issuer + "/")
        for url in (found.authorization, found.token, found.userinfo, found.jwks_uri)
    )


async def test_a97_its_keys_are_found_and_followed(
    provider: OidcProvider, client: Client, timer: Timer
) -> None:
    old = await client.published()
    for kid, alg in old:
        await client.keys.find(kid, alg)
    provider.rotate(keep=False)
    timer.pass_(1.0)
    new = await client.published()
    assert not set(old) & set(new)
    for kid, alg in new:
        await client.keys.find(kid, alg)
    for kid, alg in old:
        with pytest.raises(Rejected):
            await client.keys.find(kid, alg)
