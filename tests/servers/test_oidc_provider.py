from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import encode_basic_auth

from tests.servers import oidc_provider
from tests.servers.oidc_clients import ASSERTION, Client
from tests.servers.oidc_flow import Flow, Said, get, post
from tests.servers.oidc_keys import ABSENT, Key, jwt, read
from tests.servers.oidc_provider import Lifetimes, OidcProvider
from tests.servers.tls import Authority
from tests.servers.visitor import Arrival, TurnedAwayError

URI = "https://gw.test/callback/idp"
KEY = Key("ES256")
BASIC = Client("basic", (URI,), secret="s +%:")
POST = Client("post", (URI,), "client_secret_post", secret="s")
PUBLIC = Client("public", (URI,), "none")
SIGNING = Client("signing", (URI,), "private_key_jwt", key=KEY)
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
BY_ALGORITHM = [
    Client(alg, (URI,), "none", more={"id_token_signed_response_alg": alg}) for alg in ALGORITHMS
]
START = 2.0  # seconds, on an idle machine


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def provider(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[OidcProvider]:
    folder = tmp_path_factory.mktemp("oidc")
    clients = (BASIC, POST, PUBLIC, SIGNING, *BY_ALGORITHM)
    with OidcProvider(folder, authority, *clients) as provider:
        yield provider


@pytest.fixture
def app(provider: OidcProvider, authority: Authority) -> App:
    return App(provider, authority)


class App:
    """What an app does with the provider."""

    def __init__(self, provider: OidcProvider, authority: Authority, client: str = "post") -> None:
        self.provider = provider
        self.trust = authority.client()
        self.flow = Flow(client, URI, "openid profile email groups")

    def start(self, **changes: Any) -> str:
        return self.flow.start(self.provider.issuer + "/auth", changes)

    async def sign_in(self, login: str = "alice", **changes: Any) -> Arrival:
        return await self.provider.sign_in(self.start(**changes), login)

    async def redeem(self, code: str, /, **changes: Any) -> Said:
        proof = {"client_id": self.flow.client_id}
        if self.flow.client_id == POST.id:
            proof["client_secret"] = POST.secret
        return await self.send(self.flow.redemption(code, proof | changes), {})

    async def send(self, form: dict[str, str], headers: dict[str, str]) -> Said:
        return await post(self.provider.issuer + "/token", self.trust, form, headers)

    async def keys(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = (
            await get(self.provider.issuer + "/jwks", self.trust, {})
        ).body["keys"]
        return found


# -- when all is well


async def test_a_sign_in_ends_with_a_token_and_a_person(provider: OidcProvider, app: App) -> None:
    arrival = await app.sign_in()
    assert (arrival.method, arrival.url) == ("GET", URI)
    assert arrival.parameters.keys() == {"code", "state", "iss"}
    assert arrival.parameters["state"] == app.flow.state
    assert arrival.parameters["iss"] == provider.issuer
    said = await app.redeem(arrival.parameters["code"])
    assert said.body.keys() == {"access_token", "expires_in", "id_token", "scope", "token_type"}
    header, claims = read(said.body["id_token"])
    assert (header["alg"], header["kid"]) == ("RS256", (await app.keys())[0]["kid"])
    assert (claims["iss"], claims["aud"]) == (provider.issuer, "post")
    assert (claims["sub"], claims["nonce"]) == ("alice", app.flow.nonce)
    assert claims["groups"] == ["staff", "admins"]
    assert (claims["email"], claims["email_verified"]) == ("alice@example.test", True)
    bearer = {"Authorization": f"Bearer {said.body['access_token']}"}
    userinfo = (await get(provider.issuer + "/me", app.trust, bearer)).body
    assert userinfo == {**oidc_provider.ALICE.claims, "sub": "alice"}


async def test_bobs_address_is_not_verified(app: App) -> None:
    said = await app.redeem((await app.sign_in("bob")).parameters["code"])
    claims = read(said.body["id_token"])[1]
    assert (claims["email"], claims["email_verified"]) == ("bob@example.test", False)


async def test_the_answer_can_come_as_a_form(app: App) -> None:
    arrival = await app.sign_in(response_mode="form_post")
    assert (arrival.method, arrival.url) == ("POST", URI)
    assert (await app.redeem(arrival.parameters["code"])).status == 200


async def test_consent_may_be_asked_for(app: App) -> None:
    assert "code" in (await app.sign_in(prompt="consent")).parameters


@pytest.mark.parametrize("alg", ALGORITHMS)
async def test_tokens_are_signed_as_the_client_wants(
    provider: OidcProvider, authority: Authority, alg: str
) -> None:
    app = App(provider, authority, alg)
    said = await app.redeem((await app.sign_in()).parameters["code"])
    assert read(said.body["id_token"])[0]["alg"] == alg


@pytest.mark.parametrize("authorized", [True, False])
async def test_basic_credentials_are_form_encoded(
    provider: OidcProvider, authority: Authority, authorized: bool
) -> None:
    app = App(provider, authority, "basic")
    form = app.flow.redemption((await app.sign_in()).parameters["code"])
    secret = "s+%2B%25%3A" if authorized else BASIC.secret
    said = await app.send(form, {"Authorization": encode_basic_auth("basic", secret)})
    assert said.status == (200 if authorized else 400)


@pytest.mark.parametrize("key", [KEY, Key("ES256", KEY.kid)], ids=["own", "of-another"])
async def test_a_client_can_sign(provider: OidcProvider, authority: Authority, key: Key) -> None:
    app = App(provider, authority, "signing")
    now = int(time.time())
    claims = {"iss": "signing", "sub": "signing", "aud": provider.issuer}
    assertion = jwt(key.header, {**claims, "iat": now, "exp": now + 60, "jti": str(now)}, key)
    proof = {"client_assertion_type": ASSERTION, "client_assertion": assertion}
    said = await app.redeem((await app.sign_in()).parameters["code"], **proof)
    assert said.status == (200 if key is KEY else 401)


# -- what it refuses


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"code_verifier": "x" * 43}, 400, "invalid_grant"),
        ({"code_verifier": ABSENT}, 400, "invalid_grant"),
        ({"redirect_uri": URI + "/"}, 400, "invalid_grant"),
        ({"code": "x"}, 400, "invalid_grant"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_id": "public", "client_secret": ABSENT}, 400, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 400, "unsupported_grant_type"),
    ],
)
async def test_a_code_is_not_redeemed(
    app: App, changes: dict[str, Any], status: int, error: str
) -> None:
    said = await app.redeem((await app.sign_in()).parameters["code"], **changes)
    assert (said.status, said.body["error"]) == (status, error)


async def test_a_code_is_good_once(app: App) -> None:
    code = (await app.sign_in()).parameters["code"]
    assert (await app.redeem(code)).status == 200
    assert (await app.redeem(code)).body["error"] == "invalid_grant"


async def test_a_wrong_password_ends_at_the_form(provider: OidcProvider, app: App) -> None:
    with pytest.raises(TurnedAwayError, match="Wrong user name or password") as caught:
        await provider.sign_in(app.start(), "alice", "bob-pw")
    assert caught.value.status == 401


async def test_whoever_turns_back_denies_access(provider: OidcProvider, app: App) -> None:
    told = (await provider.cancel(app.start())).parameters
    assert (told["error"], told["state"]) == ("access_denied", app.flow.state)
    assert "code" not in told


@pytest.mark.parametrize(
    "changes", [{"client_id": "nobody"}, {"redirect_uri": URI + "/x"}], ids=lambda each: str(*each)
)
async def test_a_browser_is_not_sent_to_a_stranger(app: App, changes: dict[str, Any]) -> None:
    with pytest.raises(TurnedAwayError) as caught:
        await app.sign_in(**changes)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": ABSENT, "code_challenge_method": ABSENT},
        {"code_challenge_method": "plain"},
        {"scope": "openid unknown", "prompt": "none"},
    ],
    ids=["no-challenge", "plain", "not-signed-in"],
)
async def test_a_wrong_request_is_told_to_the_app(app: App, changes: dict[str, Any]) -> None:
    assert "error" in (await app.sign_in(**changes)).parameters


async def test_its_certificate_may_be_bad(authority: Authority, tmp_path: Path) -> None:
    with (
        OidcProvider(tmp_path, authority, POST, certificate="expired") as provider,
        pytest.raises(OSError, match="certificate has expired"),
    ):
        provider.requests()


# -- steering


async def test_keys_can_be_replaced(provider: OidcProvider, app: App) -> None:
    before = await app.keys()
    code = (await app.sign_in()).parameters["code"]
    provider.rotate(keep=True)
    both = await app.keys()
    assert both[len(before) :] == before
    provider.rotate(keep=False)
    after = await app.keys()
    assert {key["kid"] for key in after}.isdisjoint(key["kid"] for key in both)
    token = (await app.redeem(code)).body["id_token"]  # what was begun goes on
    assert read(token)[0]["kid"] == after[0]["kid"]


async def test_requests_can_be_read(authority: Authority, tmp_path: Path) -> None:
    with OidcProvider(tmp_path, authority, POST) as provider:
        assert provider.requests() == []
        app = App(provider, authority)
        await app.redeem((await app.sign_in()).parameters["code"])
        found = [line.rpartition("/")[0] if "-" in line else line for line in provider.requests()]
        assert (found[0], found[-1]) == ("GET /auth", "POST /token")
        assert len(found) == len(provider.requests()) == 5


async def test_lifetimes_can_be_short(authority: Authority, tmp_path: Path) -> None:
    times = Lifetimes(code=1, id_token=7, access_token=8)
    with OidcProvider(tmp_path, authority, POST, lifetimes=times) as provider:
        app = App(provider, authority)
        said = await app.redeem((await app.sign_in()).parameters["code"])
        claims = read(said.body["id_token"])[1]
        assert (claims["exp"] - claims["iat"], said.body["expires_in"]) == (7, 8)


async def test_it_can_be_stopped_and_started_again(authority: Authority, tmp_path: Path) -> None:
    provider = OidcProvider(tmp_path, authority, POST)
    app = App(provider, authority)
    with provider:
        first = await app.keys()
    with pytest.raises(OSError, match="Cannot connect"):
        await app.keys()
    with provider:
        assert await app.keys() != first


async def test_it_starts_soon(authority: Authority, tmp_path: Path) -> None:
    began = time.monotonic()
    with OidcProvider(tmp_path, authority, POST):
        assert time.monotonic() - began < 5 * START


def test_missing_packages_say_how_to_get_them(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = shutil.copytree(oidc_provider.NODE, tmp_path / "node")
    monkeypatch.setattr(oidc_provider, "NODE", node)
    OidcProvider(tmp_path, authority)
    (node / "package-lock.json").write_text("{}")
    with pytest.raises(RuntimeError, match="`make servers`"):
        OidcProvider(tmp_path, authority)
    shutil.rmtree(node / "node_modules")
    with pytest.raises(RuntimeError, match="`make servers`"):
        OidcProvider(tmp_path, authority)


def test_a_client_that_it_does_not_take_is_an_error(authority: Authority, tmp_path: Path) -> None:
    wrong = Client("wrong", (URI,), "client_secret_basic")
    with pytest.raises(RuntimeError, match="client_secret is mandatory"):
        OidcProvider(tmp_path, authority, wrong).start()
