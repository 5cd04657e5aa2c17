"""Sign-ins over a real identity provider, made by others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from providers import Cancelled, Identity, Rejected
from providers.oauth2 import OAuth2
from tests.providers.oauth2.arriving import attempt, from_app, new_trip, provider
from tests.providers.oauth2.reaching import settings
from tests.servers.oidc_clients import Client
from tests.servers.oidc_flow import Flow
from tests.servers.oidc_keys import Key
from tests.servers.oidc_provider import OidcProvider
from tests.servers.tls import Authority

URI = "https://gw.test/callback/idp"
KEY = Key("ES256", "key-1")
SECRET = "s +%:&"
PEM = KEY.private_pem.decode()
CLIENTS = {
    "basic": Client("basic", (URI,), secret=SECRET),
    "post": Client("post", (URI,), "client_secret_post", secret=SECRET),
    "none": Client("none", (URI,), "none"),
    "private_key_jwt": Client("private_key_jwt", (URI,), "private_key_jwt", key=KEY),
}
KEYS: dict[str, dict[str, Any]] = {
    "basic": {"client_secret": SECRET},
    "post": {"client_auth": "post", "client_secret": SECRET},
    "none": {"client_secret": None},
    "private_key_jwt": {"client_auth": "private_key_jwt", "private_key": PEM, "key_id": "key-1"},
}
ALGORITHMS = ("PS256", "ES256", "EdDSA")
BY_ALGORITHM = [
    Client(alg, (URI,), "none", more={"id_token_signed_response_alg": alg}) for alg in ALGORITHMS
]


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[OidcProvider]:
    folder = tmp_path_factory.mktemp("oidc")
    clients = (*CLIENTS.values(), *BY_ALGORITHM)
    with OidcProvider(folder, authority, *clients) as server:
        yield server


class Door:
    """Makes providers of the server, and takes people through them."""

    def __init__(self, server: OidcProvider, authority: Authority) -> None:
        self.server = server
        self._authority = authority
        self.made: list[OAuth2] = []

    def client(self, name: str = "basic", **keys: Any) -> OAuth2:
        config = settings(
            issuer=self.server.issuer,
            client_id=name,
            allow_private_network=True,
            ca_file=str(self._authority.ca_file),
            **{**KEYS.get(name, {"client_secret": None}), **keys},
        )
        self.made.append(provider(config))
        return self.made[-1]

    async def enter(self, oauth2: OAuth2, login: str = "alice") -> Identity:
        """Go there in a browser and come back."""
        trip = new_trip(URI)
        back = await self.server.sign_in(await oauth2.depart(trip), login)
        assert back.url == URI
        assert (back.method == "POST") == oauth2.posts_back
        assert back.parameters["state"] == trip.state
        return await oauth2.arrive(attempt(""), trip, back.parameters)


@pytest.fixture
async def door(server: OidcProvider, authority: Authority) -> AsyncIterator[Door]:
    door = Door(server, authority)
    yield door
    for oauth2 in door.made:
        await oauth2.close()


def is_alice(found: Identity) -> bool:
    return (found.subject, found.username, found.email, found.name) == (
        "alice",
        "alice",
        "alice@example.test",
        "Alice Example",
    )


@pytest.mark.parametrize("name", CLIENTS)
async def test_client_proves_itself_as_it_is_registered(door: Door, name: str) -> None:
    oauth2 = door.client(name)
    for _ in range(2):
        assert is_alice(await door.enter(oauth2))


@pytest.mark.parametrize("alg", ALGORITHMS)
async def test_o4_tokens_of_every_algorithm_that_is_allowed(door: Door, alg: str) -> None:
    assert is_alice(await door.enter(door.client(alg, algorithms=[alg])))
    with pytest.raises(Rejected):
        await door.enter(door.client(alg, algorithms=["RS256"]))


async def test_answer_may_be_posted(door: Door) -> None:
    assert is_alice(await door.enter(door.client(response_mode="form_post")))


async def test_code_of_an_app(door: Door) -> None:
    oauth2 = door.client()
    flow = Flow("basic", URI, "openid profile email")
    back = await door.server.sign_in(flow.start(door.server.issuer + "/auth"), "alice")
    sent = {
        "code": back.parameters["code"],
        "code_verifier": flow.verifier,
        "redirect_uri": URI,
        "nonce": flow.nonce,
    }
    assert is_alice(await from_app(oauth2, **sent))
    with pytest.raises(Rejected, match="invalid_grant"):
        await from_app(oauth2, **sent)


async def test_a95_address_that_is_not_verified_is_not_known(door: Door) -> None:
    found = await door.enter(door.client(), "bob")
    assert (found.subject, found.email) == ("bob", None)
    assert "bob@example.test" not in str(found)


async def test_groups_decide(door: Door) -> None:
    scopes = ["openid", "profile", "email", "groups"]
    oauth2 = door.client(scopes=scopes, require={"groups": "admins"})
    assert is_alice(await door.enter(oauth2))
    with pytest.raises(Rejected, match="groups"):
        await door.enter(oauth2, "bob")


async def test_turning_back(door: Door) -> None:
    oauth2, trip = door.client(), new_trip(URI)
    back = await door.server.cancel(await oauth2.depart(trip))
    with pytest.raises(Cancelled):
        await oauth2.arrive(attempt(""), trip, back.parameters)


async def test_check_finds_nothing(door: Door) -> None:
    assert await door.client().check() == []
