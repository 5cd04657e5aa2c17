from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.servers import oidc_provider
from tests.servers.oauth_client import OAuthClient, OAuthClientError
from tests.servers.oidc_clients import Client
from tests.servers.oidc_fake import OidcFake
from tests.servers.oidc_flow import post
from tests.servers.oidc_grants import s256
from tests.servers.oidc_keys import ABSENT, read
from tests.servers.oidc_provider import OidcProvider
from tests.servers.tls import Authority
from tests.servers.visitor import Arrival, Visitor

URI = "com.example.app:/signed-in"
PUBLIC = Client("app", (URI,), "none", more={"application_type": "native"})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def fake(authority: Authority) -> Iterator[OidcFake]:
    with OidcFake(authority.server(), PUBLIC) as fake:
        yield fake


async def walk(url: str, authority: Authority) -> Arrival:
    async with Visitor(authority.client()) as somebody:
        return await somebody.walk(url, {}, "")


async def test_somebody_else_can_redeem_what_it_brings(
    authority: Authority, tmp_path: Path
) -> None:
    with OidcProvider(tmp_path, authority, PUBLIC) as provider:
        app = OAuthClient(authority, provider.issuer, "app", URI)
        arrival = await provider.sign_in(app.start(), "alice")
        assert arrival.url == URI
        brought = app.finish(arrival.parameters)
        assert brought.keys() == {"code", "code_verifier", "redirect_uri", "nonce"}
        assert "POST /token" not in provider.requests()
        nonce = brought.pop("nonce")
        form = {"grant_type": "authorization_code", "client_id": "app", **brought}
        said = await post(provider.issuer + "/token", authority.client(), form, {})
        claims = read(said.body["id_token"])[1]
        assert (claims["sub"], claims["nonce"]) == ("alice", nonce)


def test_it_asks_as_it_should(fake: OidcFake, authority: Authority) -> None:
    asked = []
    for _ in range(2):
        app = OAuthClient(authority, fake.issuer, "app", URI, scope="openid")
        url = app.start()
        assert url.startswith(fake.url + "/authorize?")
        asked.append(dict(parse_qsl(urlsplit(url).query)))
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[0].pop(name)) == len(asked[1][name]) == 43
        assert asked[1].pop(name) not in asked[0].values()
    assert asked[0] == {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": URI,
        "scope": "openid",
        "code_challenge_method": "S256",
    }


async def test_its_verifier_fits_its_challenge(fake: OidcFake, authority: Authority) -> None:
    app = OAuthClient(authority, fake.issuer, "app", URI)
    url = app.start()
    brought = app.finish((await walk(url, authority)).parameters)
    asked = dict(parse_qsl(urlsplit(url).query))
    assert s256(brought["code_verifier"]) == asked["code_challenge"]
    assert brought["nonce"] == asked["nonce"]


@pytest.mark.parametrize(
    ("callback", "complaint"),
    [
        ({"state": "x"}, 'unexpected "state"'),
        ({"state": ABSENT}, 'response parameter "state" missing'),
        ({"iss": "https://evil.test"}, 'unexpected "iss"'),
        ({"iss": ABSENT}, 'response parameter "iss"'),
        ({"error": "server_error"}, "server_error"),
    ],
)
async def test_an_answer_that_is_not_in_order_is_refused(
    fake: OidcFake, authority: Authority, callback: dict[str, Any], complaint: str
) -> None:
    fake.callback = callback
    app = OAuthClient(authority, fake.issuer, "app", URI)
    arrival = await walk(app.start(), authority)
    with pytest.raises(OAuthClientError, match=complaint):
        app.finish(arrival.parameters)


async def test_turning_back_is_told(authority: Authority, tmp_path: Path) -> None:
    with OidcProvider(tmp_path, authority, PUBLIC) as provider:
        app = OAuthClient(authority, provider.issuer, "app", URI)
        arrival = await provider.cancel(app.start())
        with pytest.raises(OAuthClientError, match="access_denied"):
            app.finish(arrival.parameters)


def test_an_issuer_under_another_name_is_refused(fake: OidcFake, authority: Authority) -> None:
    fake.metadata = {"issuer": "https://evil.test"}
    with pytest.raises(OAuthClientError, match='"issuer"'):
        OAuthClient(authority, fake.issuer, "app", URI).start()


def test_an_issuer_that_is_not_trusted_is_refused(fake: OidcFake, tmp_path: Path) -> None:
    with pytest.raises(OAuthClientError, match="unable to verify the first certificate"):
        OAuthClient(Authority(tmp_path), fake.issuer, "app", URI).start()


def test_missing_packages_say_how_to_get_them(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ignored = shutil.ignore_patterns("node_modules")
    node = shutil.copytree(oidc_provider.NODE, tmp_path / "node", ignore=ignored)
    monkeypatch.setattr(oidc_provider, "NODE", node)
    with pytest.raises(RuntimeError, match="`make servers`"):
        OAuthClient(authority, "https://localhost:1", "app", URI)
