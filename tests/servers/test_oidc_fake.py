from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from aiohttp import ClientError, encode_basic_auth

from tests.servers.http_scripted import Reply
from tests.servers.oidc_clients import Client
from tests.servers.oidc_fake import AUTHORIZE, DISCOVERY, JWKS, TOKEN, USERINFO, OidcFake
from tests.servers.oidc_flow import Flow, Said, get, post
from tests.servers.oidc_keys import ABSENT, Key, Shared, Unsigned, read
from tests.servers.tls import Authority
from tests.servers.visitor import Arrival, TurnedAwayError, Visitor

URI = "https://gw.test/callback/idp"
APP = Client("app", (URI,), secret="s")
OTHER = Client("other", (URI, URI + "?a=b"), secret="t")
BASIC = {"Authorization": encode_basic_auth("app", "s")}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def idp(authority: Authority) -> Iterator[OidcFake]:
    with OidcFake(authority.server(), APP, OTHER) as idp:
        yield idp


@pytest.fixture
def app(idp: OidcFake, authority: Authority) -> App:
    return App(idp, authority)


class App:
    """What an app and a browser do with the fake."""

    def __init__(self, idp: OidcFake, authority: Authority) -> None:
        self.idp = idp
        self.trust = authority.client()
        self.flow = Flow(APP.id, URI)

    async def browse(self, **changes: Any) -> Arrival:
        async with Visitor(self.trust) as somebody:
            return await somebody.walk(self.flow.start(self.idp.url + AUTHORIZE, changes), {}, "")

    async def code(self) -> str:
        return (await self.browse()).parameters["code"]

    async def redeem(
        self, code: str, headers: dict[str, str] | None = None, /, **changes: Any
    ) -> Said:
        form = self.flow.redemption(code, changes)
        return await post(self.idp.url + TOKEN, self.trust, form, BASIC | (headers or {}))

    async def get(self, path: str, token: str | None = None) -> Said:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await get(self.idp.url + path, self.trust, headers)


# -- when all is well


async def test_it_tells_where_everything_is(idp: OidcFake, app: App) -> None:
    told = (await app.get(DISCOVERY)).body
    assert told["issuer"] == idp.issuer == f"https://localhost:{idp.port}"
    assert told["authorization_endpoint"] == idp.url + AUTHORIZE
    assert told["token_endpoint"] == idp.url + TOKEN
    assert told["userinfo_endpoint"] == idp.url + USERINFO
    assert told["jwks_uri"] == idp.url + JWKS
    assert told["id_token_signing_alg_values_supported"] == ["RS256"]
    assert (await app.get(JWKS)).body == {"keys": [idp.keys[0].jwk]}
    assert (await app.get("/.well-known/other")).status == 404


async def test_a_sign_in_ends_with_a_token_and_a_person(idp: OidcFake, app: App) -> None:
    arrival = await app.browse()
    assert (arrival.method, arrival.url) == ("GET", URI)
    assert arrival.parameters.keys() == {"code", "state", "iss"}
    assert (arrival.parameters["state"], arrival.parameters["iss"]) == (app.flow.state, idp.issuer)
    said = await app.redeem(arrival.parameters["code"])
    assert (said.status, said.body["token_type"]) == (200, "Bearer")
    assert said.headers["Cache-Control"] == "no-store"
    header, claims = read(said.body["id_token"], idp.keys[0])
    assert header == {"alg": "RS256", "kid": idp.keys[0].kid, "typ": "JWT"}
    assert claims["iss"] == idp.issuer
    assert (claims["aud"], claims["azp"], claims["nonce"]) == ("app", "app", app.flow.nonce)
    assert claims["exp"] - claims["iat"] == 300
    assert abs(claims["iat"] - time.time()) < 5
    assert (claims["sub"], claims["email"]) == ("ann-1", "ann@example.test")
    assert (await app.get(USERINFO, said.body["access_token"])).body == idp.person


async def test_everything_asked_is_on_record(idp: OidcFake, app: App) -> None:
    code = await app.code()
    await app.redeem(code, {"X-One": "1"})
    visit = idp.visits(TOKEN)[0]
    assert (visit.method, visit.header("x-one")) == ("POST", "1")
    assert visit.header("Authorization") == BASIC["Authorization"]
    assert visit.form == app.flow.redemption(code)
    assert idp.visits(AUTHORIZE)[0].parameters["nonce"] == app.flow.nonce


async def test_without_openid_there_is_no_id_token(idp: OidcFake, app: App) -> None:
    app.flow.scope = "profile"
    said = await app.redeem(await app.code())
    assert said.body.keys() == {"access_token", "token_type", "expires_in", "scope"}


async def test_the_answer_can_come_as_a_form(idp: OidcFake, app: App) -> None:
    idp.callback = {"state": '"><script>&'}
    arrival = await app.browse(response_mode="form_post")
    assert (arrival.method, arrival.url) == ("POST", URI)
    assert arrival.parameters["state"] == '"><script>&'
    assert (await app.redeem(arrival.parameters["code"])).status == 200


async def test_a_redirect_uri_may_have_a_query(idp: OidcFake, app: App) -> None:
    app.flow = Flow(OTHER.id, URI + "?a=b")
    assert (await app.browse()).parameters.keys() == {"a", "code", "state", "iss"}


# -- what it refuses


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"code_verifier": ABSENT}, "invalid_grant"),
        ({"redirect_uri": URI + "/"}, "invalid_grant"),
        ({"redirect_uri": ABSENT}, "invalid_grant"),
        ({"code": "x"}, "invalid_grant"),
        ({"code": ABSENT}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_id": "other"}, "invalid_request"),
        ({"client_secret": "s"}, "invalid_request"),
    ],
)
async def test_a_code_is_not_redeemed(
    idp: OidcFake, app: App, changes: dict[str, Any], error: str
) -> None:
    said = await app.redeem(await app.code(), **changes)
    assert (said.status, said.body["error"]) == (400, error)
    assert "access_token" not in said.body


@pytest.mark.parametrize("proof", [("app", "wrong"), ("nobody", "s"), ("app", "")])
async def test_a_client_without_its_secret_is_refused(
    idp: OidcFake, app: App, proof: tuple[str, str]
) -> None:
    code = await app.code()
    said = await app.redeem(code, {"Authorization": encode_basic_auth(*proof)})
    assert (said.status, said.body["error"]) == (401, "invalid_client")
    assert said.headers["WWW-Authenticate"].startswith("Basic ")
    assert (await app.redeem(code)).status == 200  # nobody but its client can spoil a code


async def test_a_code_of_another_client_is_refused(idp: OidcFake, app: App) -> None:
    code = await app.code()
    said = await app.redeem(code, {"Authorization": encode_basic_auth("other", "t")})
    assert (said.status, said.body["error"]) == (400, "invalid_grant")


async def test_a_code_is_good_once_and_its_token_void_after_that(idp: OidcFake, app: App) -> None:
    code = await app.code()
    token = (await app.redeem(code)).body["access_token"]
    assert (await app.get(USERINFO, token)).status == 200
    assert (await app.redeem(code)).body["error"] == "invalid_grant"
    assert (await app.get(USERINFO, token)).status == 401


async def test_one_wrong_verifier_is_the_end_of_a_code(idp: OidcFake, app: App) -> None:
    code = await app.code()
    await app.redeem(code, code_verifier="x" * 43)
    assert (await app.redeem(code)).body["error"] == "invalid_grant"


async def test_a_form_that_says_a_thing_twice_is_refused(idp: OidcFake, app: App) -> None:
    form = [*app.flow.redemption(await app.code()).items(), ("code", "x")]
    said = await post(idp.url + TOKEN, app.trust, form, BASIC)
    assert (said.status, said.body["error"]) == (400, "invalid_request")


async def test_a_code_is_posted_not_got(idp: OidcFake, app: App) -> None:
    assert (await app.get(f"{TOKEN}?code={await app.code()}")).status == 405


@pytest.mark.parametrize(
    "changes",
    [{"client_id": "nobody"}, {"redirect_uri": URI + "/x"}, {"redirect_uri": ABSENT}],
    ids=["no-client", "not-registered", "no-redirect_uri"],
)
async def test_a_browser_is_not_sent_to_a_stranger(
    idp: OidcFake, app: App, changes: dict[str, Any]
) -> None:
    with pytest.raises(TurnedAwayError) as caught:
        await app.browse(**changes)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ABSENT}, "invalid_request"),
        ({"code_challenge": ABSENT}, "invalid_request"),
        ({"code_challenge": "x"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "web_message"}, "invalid_request"),
    ],
)
async def test_a_wrong_request_is_told_to_the_app(
    idp: OidcFake, app: App, changes: dict[str, Any], error: str
) -> None:
    told = (await app.browse(**changes)).parameters
    assert (told["error"], told["state"], told["iss"]) == (error, app.flow.state, idp.issuer)
    assert "code" not in told


async def test_nobody_is_told_of_without_an_access_token(idp: OidcFake, app: App) -> None:
    for token in (None, "x"):
        said = await app.get(USERINFO, token)
        assert (said.status, said.headers["WWW-Authenticate"]) == (
            401,
            'Bearer error="invalid_token"',
        )


# -- what it does wrong when told to


async def test_a_person_can_turn_back(idp: OidcFake, app: App) -> None:
    idp.cancels = True
    told = (await app.browse()).parameters
    assert (told["error"], told["state"]) == ("access_denied", app.flow.state)


async def test_the_way_back_can_be_wrong(idp: OidcFake, app: App) -> None:
    idp.callback = {"iss": "https://evil.test", "state": ABSENT, "code": ["a", "b"], "x": "y"}
    flow = app.flow.start(idp.url + AUTHORIZE)
    said = await get(flow, app.trust, {})
    brought = parse_qsl(urlsplit(said.headers["Location"]).query)
    assert (said.status, brought) == (
        302,
        [("code", "a"), ("code", "b"), ("iss", "https://evil.test"), ("x", "y")],
    )


async def test_the_discovery_document_can_be_wrong(idp: OidcFake, app: App) -> None:
    idp.metadata = {"issuer": "https://evil.test", "jwks_uri": ABSENT, "token_endpoint": None}
    told = (await app.get(DISCOVERY)).body
    assert (told["issuer"], told["token_endpoint"]) == ("https://evil.test", None)
    assert "jwks_uri" not in told


async def test_iss_comes_back_only_if_that_is_announced(idp: OidcFake, app: App) -> None:
    idp.metadata = {"authorization_response_iss_parameter_supported": ABSENT}
    assert (await app.browse()).parameters.keys() == {"code", "state"}


async def test_claims_can_be_wrong(idp: OidcFake, app: App) -> None:
    idp.claims = {"nonce": ABSENT, "aud": ["a", "b"], "exp": 1, "email": ABSENT}
    idp.userinfo = {"sub": "bob-2"}
    said = (await app.redeem(await app.code())).body
    claims = read(said["id_token"])[1]
    assert (claims["aud"], claims["exp"], claims["sub"]) == (["a", "b"], 1, "ann-1")
    assert claims.keys().isdisjoint({"nonce", "email"})
    assert (await app.get(USERINFO, said["access_token"])).body == {**idp.person, "sub": "bob-2"}
    assert read(idp.token())[1]["aud"] == ["a", "b"]
    assert read(idp.token({"aud": "app"}))[1]["aud"] == "app"


EVIL = Key("RS256")
FORGERIES: dict[str, Callable[[OidcFake, Any], str]] = {
    "none": lambda idp, claims: idp.token(claims, by=Unsigned("nOnE")),
    "hmac": lambda idp, claims: idp.token(claims, by=Shared(idp.keys[0].public_pem)),
    "stranger": lambda idp, claims: idp.token(claims, by=EVIL),
    "jwk": lambda idp, claims: idp.token(claims, by=EVIL, header={"jwk": EVIL.jwk}),
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
async def test_tokens_can_be_forged(
    idp: OidcFake, app: App, forgery: Callable[[OidcFake, Any], str]
) -> None:
    idp.forge = lambda claims: forgery(idp, claims)
    token = (await app.redeem(await app.code())).body["id_token"]
    assert read(token)[1]["nonce"] == app.flow.nonce
    with pytest.raises(ValueError, match="signature is wrong"):
        read(token, idp.keys[0])


def test_a_token_can_be_had_without_a_sign_in(idp: OidcFake) -> None:
    header, claims = read(idp.token({"nonce": "n", "email": ABSENT}), idp.keys[0])
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (idp.issuer, "app", "n")
    assert "email" not in claims
    header = read(idp.token(header={"kid": ABSENT, "typ": "at+jwt"}), idp.keys[0])[0]
    assert header == {"alg": "RS256", "typ": "at+jwt"}


@pytest.mark.parametrize("alg", ["PS256", "ES256", "EdDSA"])
async def test_keys_can_be_others(idp: OidcFake, app: App, alg: str) -> None:
    idp.keys = [Key(alg), *idp.keys]
    assert (await app.get(JWKS)).body["keys"] == [key.jwk for key in idp.keys]
    told = (await app.get(DISCOVERY)).body["id_token_signing_alg_values_supported"]
    assert told == sorted([alg, "RS256"])
    token = (await app.redeem(await app.code())).body["id_token"]
    assert read(token, idp.keys[0])[0]["alg"] == alg


# -- outages


async def test_a_code_outlives_an_outage(idp: OidcFake, app: App) -> None:
    code = await app.code()
    idp.script(TOKEN, "http503", times=1)
    assert (await app.redeem(code)).status == 503
    assert (await app.redeem(code)).status == 200


async def test_a_code_is_gone_with_an_answer_that_is_lost(idp: OidcFake, app: App) -> None:
    code = await app.code()
    idp.script(TOKEN, "truncated_json", times=1)
    with pytest.raises(ClientError, match="payload is not completed"):
        await app.redeem(code)
    assert (await app.redeem(code)).body["error"] == "invalid_grant"


async def test_any_page_can_be_another(idp: OidcFake, app: App) -> None:
    idp.script(JWKS, Reply(b"", 302, {"Location": "http://169.254.169.254/"}))
    idp.script("/evil", Reply({"keys": [EVIL.jwk]}))
    assert (await app.get(JWKS)).headers["Location"] == "http://169.254.169.254/"
    assert (await app.get("/evil")).body["keys"][0]["kid"] == EVIL.kid
    idp.sound()
    assert (await app.get(JWKS)).body == {"keys": idp.jwks}


def test_without_tls_it_is_plain_http() -> None:
    with OidcFake(None, APP) as idp:
        assert idp.issuer == f"http://localhost:{idp.port}"


async def test_it_comes_back_on_its_port_and_remembers(idp: OidcFake, app: App) -> None:
    code = await app.code()
    idp.stop()
    with pytest.raises(OSError, match="Cannot connect"):
        await app.redeem(code)
    idp.start()
    assert (await app.redeem(code)).status == 200
