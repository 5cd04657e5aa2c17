"""OidcFake as well-known providers: where they differ from the book."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.servers.oidc_clients import Client
from tests.servers.oidc_fake import (
    AUTHORIZE,
    DISCOVERY,
    EMAILS,
    JWKS,
    TOKEN,
    USER,
    USERINFO,
    OidcFake,
)
from tests.servers.oidc_flow import Flow, Said, get, post
from tests.servers.oidc_keys import Key, jwt, read
from tests.servers.oidc_manners import APPLE, GITHUB, GOOGLE, MICROSOFT, TENANT, Manner
from tests.servers.tls import Authority
from tests.servers.visitor import Arrival, Visitor

URI = "https://gw.test/callback/idp"
TEAM_KEY = Key("ES256")
POST = Client("app", (URI,), "client_secret_post", secret="s")
APPLE_CLIENT = Client("app", (URI,), "apple", key=TEAM_KEY, team="TEAM123456")
SECRET = {"client_id": "app", "client_secret": "s"}
OTHER_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def site(authority: Authority) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(authority, stack)


class Site:
    """Starts fakes, and walks through them."""

    def __init__(self, authority: Authority, stack: ExitStack) -> None:
        self._authority = authority
        self._stack = stack
        self.trust = authority.client()
        self.flow = Flow("app", URI, "openid email name")

    def plays(self, manner: Manner, client: Client = POST) -> OidcFake:
        fake = OidcFake(self._authority.server(), client, manner=manner)
        return self._stack.enter_context(fake)

    async def browse(self, idp: OidcFake, **changes: Any) -> Arrival:
        async with Visitor(self.trust) as somebody:
            return await somebody.walk(self.flow.start(idp.url + AUTHORIZE, changes), {}, "")

    async def redeem(
        self, idp: OidcFake, code: str, proof: dict[str, str], headers: dict[str, str]
    ) -> Said:
        form = self.flow.redemption(code) | proof
        return await post(idp.url + TOKEN, self.trust, form, headers)


async def test_google_says_whose_domain_it_is_and_no_iss(site: Site) -> None:
    idp = site.plays(GOOGLE)
    arrival = await site.browse(idp)
    assert arrival.parameters.keys() == {"code", "state"}
    said = await site.redeem(idp, arrival.parameters["code"], SECRET, {})
    claims = read(said.body["id_token"])[1]
    assert (claims["hd"], claims["azp"], claims["email_verified"]) == ("example.com", "app", True)


@pytest.mark.parametrize(
    ("tenant", "named"),
    [("common", "{tenantid}"), ("organizations", "{tenantid}"), (TENANT, TENANT)],
)
async def test_microsoft_names_no_issuer_for_all_tenants(
    site: Site, tenant: str, named: str
) -> None:
    idp = site.plays(MICROSOFT)
    said = await get(idp.issuer_for(tenant) + DISCOVERY, site.trust, {})
    assert said.body["issuer"] == f"{idp.url}/{named}/v2.0"
    assert "code_challenge_methods_supported" not in said.body
    assert (await get(idp.url + DISCOVERY, site.trust, {})).status == 404


async def test_microsofts_tokens_are_of_a_tenant(site: Site) -> None:
    idp = site.plays(MICROSOFT)
    assert idp.issuer == f"{idp.url}/common/v2.0"
    claims = read(idp.token())[1]
    assert (claims["iss"], claims["tid"]) == (f"{idp.url}/{TENANT}/v2.0", TENANT)
    assert "email_verified" not in claims
    claims = read(idp.token({"tid": OTHER_TENANT}))[1]
    assert claims["iss"] == f"{idp.url}/{OTHER_TENANT}/v2.0"
    assert read(idp.token({"iss": idp.issuer}))[1]["iss"] == idp.issuer
    key = (await get(idp.url + JWKS, site.trust, {})).body["keys"][0]
    assert "alg" not in key


async def test_apple_posts_and_tells_the_name_once(site: Site) -> None:
    idp = site.plays(APPLE, APPLE_CLIENT)
    first = await site.browse(idp, response_mode="form_post")
    assert first.method == "POST"
    assert first.parameters.keys() == {"code", "state", "user"}
    assert json.loads(first.parameters["user"])["name"]["firstName"] == "Ann"
    again = await site.browse(idp, response_mode="form_post")
    assert again.parameters.keys() == {"code", "state"}


async def test_apple_gives_scopes_by_form_only(site: Site) -> None:
    idp = site.plays(APPLE, APPLE_CLIENT)
    assert (await site.browse(idp)).parameters["error"] == "invalid_request"
    assert "code" in (await site.browse(idp, scope="openid")).parameters


async def test_apple_wants_a_signed_secret(site: Site) -> None:
    idp = site.plays(APPLE, APPLE_CLIENT)
    code = (await site.browse(idp, response_mode="form_post")).parameters["code"]
    assert (await site.redeem(idp, code, SECRET, {})).status == 401
    now = read(idp.token())[1]["iat"]
    claims = {"iss": "TEAM123456", "sub": "app", "aud": "https://appleid.apple.com"}
    secret = jwt(TEAM_KEY.header, {**claims, "iat": now, "exp": now + 60}, TEAM_KEY)
    said = await site.redeem(idp, code, {"client_id": "app", "client_secret": secret}, {})
    claims = read(said.body["id_token"], idp.keys[0])[1]
    assert (claims["email_verified"], claims["nonce"]) == ("true", site.flow.nonce)


async def test_apple_has_its_own_word_for_turning_back(site: Site) -> None:
    idp = site.plays(APPLE, APPLE_CLIENT)
    idp.cancels = True
    told = (await site.browse(idp, response_mode="form_post")).parameters
    assert told == {
        "error": "user_cancelled_authorize",
        "error_description": "the person turned back",
        "state": site.flow.state,
    }


JSON = {"Accept": "application/json"}


async def test_github_tells_who_it_is_by_its_api(site: Site) -> None:
    idp = site.plays(GITHUB)
    assert (await get(idp.url + DISCOVERY, site.trust, {})).status == 404
    code = (await site.browse(idp)).parameters["code"]
    said = await site.redeem(idp, code, SECRET, JSON)
    assert said.body.keys() == {"access_token", "token_type", "scope"}
    bearer = {"Authorization": f"Bearer {said.body['access_token']}"}
    user = await get(idp.url + USER, site.trust, bearer)
    assert (user.body["id"], user.body["email"]) == (4711, None)
    emails = await get(idp.url + EMAILS, site.trust, bearer)
    assert [each["primary"] for each in emails.body] == [False, True, False]
    assert (await get(idp.url + USER, site.trust, bearer | {"User-Agent": ""})).status == 403
    for path in (USER, EMAILS, USERINFO):
        assert (await get(idp.url + path, site.trust, {})).status == 401


async def test_github_answers_a_form_unless_asked_for_json(site: Site) -> None:
    idp = site.plays(GITHUB)
    code = (await site.browse(idp)).parameters["code"]
    said = await site.redeem(idp, code, SECRET, {})
    assert said.body.startswith("access_token=")


@pytest.mark.parametrize(
    ("proof", "error"),
    [
        (SECRET | {"client_secret": "t"}, "incorrect_client_credentials"),
        (SECRET | {"code": "x"}, "bad_verification_code"),
        (SECRET | {"code_verifier": "x"}, "bad_verification_code"),
    ],
)
async def test_githubs_errors_have_status_200(
    site: Site, proof: dict[str, str], error: str
) -> None:
    idp = site.plays(GITHUB)
    code = (await site.browse(idp)).parameters["code"]
    said = await site.redeem(idp, code, proof, JSON)
    assert (said.status, said.body["error"]) == (200, error)
