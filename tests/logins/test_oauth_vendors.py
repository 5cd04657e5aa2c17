"""Identity providers with manners of their own: Apple, GitHub, Google and Microsoft."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from tests.logins.browsing import Browser, query_of
from tests.logins.identity import (
    CHALLENGE,
    CLIENT,
    RETURN,
    SignInSite,
    brought_by,
    by_issuer,
    clients,
    fresh_public_url,
    serving,
)
from tests.logins.site import Answer
from tests.servers.gateway import Reply
from tests.servers.oidc_fake import AUTHORIZE, EMAILS, TOKEN, USER, OidcFake
from tests.servers.oidc_flow import Flow
from tests.servers.oidc_keys import ABSENT, Key
from tests.servers.oidc_manners import APPLE, GITHUB, GOOGLE, MICROSOFT, TENANT
from tests.servers.tls import Authority

OTHER_TENANT: Final = "66666666-7777-8888-9999-000000000000"
ANN_OF_MICROSOFT: Final = f"{TENANT}.{MICROSOFT.person['oid']}"
APPLE_KEY: Final = Key("ES256", "F6G7H8J9K0")


@dataclass(frozen=True)
class Scene:
    site: SignInSite
    idps: Mapping[str, OidcFake]

    def browser_signs_in(self, provider: str) -> Reply:
        """Take a browser through it, as far as it gets."""
        browser = Browser(self.site)
        asked = {"return_url": RETURN, "code_challenge": CHALLENGE}
        back = browser.sign_in_there(browser.depart(self.site.start(provider, **asked)["url"]))
        url, _, query = back.partition("?")
        if any(cookie["samesite"] == "None" for cookie in browser.cookies.values()):
            return browser.post(url, query, cross_site=True)
        return browser.get(back)

    def signed_in(self, provider: str) -> Answer:
        return self.site.redeem(brought_by(self.browser_signs_in(provider)))

    def token(self, provider: str, **changes: Any) -> str:
        return self.idps[provider].token({"jti": secrets.token_hex(8), **changes})


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    public_url = fresh_public_url()
    known = clients(public_url, "apple", "github", "google", "microsoft", "by-mail")
    apple = replace(known, auth="apple", key=APPLE_KEY, team="TEAM")
    github = replace(known, auth="client_secret_post")
    with ExitStack() as stack:

        def running(client: Any, manner: Any) -> OidcFake:
            return stack.enter_context(OidcFake(authority.server(), client, manner=manner))

        idps = {
            "apple": running(apple, APPLE),
            "github": running(github, GITHUB),
            "google": running(known, GOOGLE),
            "microsoft": running(known, MICROSOFT),
        }
        folder = tmp_path_factory.mktemp("site")
        providers = _providers(idps, authority)
        site = stack.enter_context(serving(folder, authority, providers, public_url=public_url))
        yield Scene(site, idps)


def _providers(idps: Mapping[str, OidcFake], authority: Authority) -> dict[str, Any]:
    paths = {"authorization": AUTHORIZE, "token": TOKEN, "userinfo": USER, "emails": EMAILS}
    at_github = {f"{name}_endpoint": idps["github"].url + path for name, path in paths.items()}
    signed = {"team_id": "TEAM", "key_id": APPLE_KEY.kid, "client_secret": None}
    pem = APPLE_KEY.private_pem.decode()
    google = {"preset": "google", "require": {"hd": "example.com"}}
    microsoft = by_issuer(
        idps["microsoft"].issuer_for("organizations"),
        authority,
        preset="microsoft",
        tenants=[TENANT],
    )
    issuer = {name: idp.issuer for name, idp in idps.items()}
    return {
        "apple": by_issuer(issuer["apple"], authority, preset="apple", private_key=pem, **signed),
        "github": by_issuer(None, authority, preset="github", **at_github),
        "google": by_issuer(issuer["google"], authority, **google),
        "microsoft": microsoft,
        "by-mail": {**microsoft, "address": "{email}"},
    }


# -- Apple


def test_apple_posts_the_answer_across_sites(scene: Scene) -> None:
    answer = scene.signed_in("apple")
    assert answer["address"] == f"apple:{APPLE.person['sub']}"
    assert answer["name"] == "Ann Example"
    again = scene.signed_in("apple")  # without her name, which Apple tells once
    assert again["address"] == answer["address"]


def test_a91_apple_takes_the_hash_of_a_nonce(scene: Scene) -> None:
    nonce = hashlib.sha256(b"raw nonce of the app").hexdigest()
    token = scene.token("apple", nonce=nonce)
    assert scene.site.refused("apple", id_token=token)[0] == "BADLOGIN"
    answer = scene.site.ask("apple", id_token=token, nonce="raw nonce of the app")
    assert answer["result"] == "OK"


# -- GitHub: OAuth 2.0 alone


def test_github_names_people_by_a_number_that_stays(scene: Scene) -> None:
    answer = scene.signed_in("github")
    assert (answer["address"], answer["name"]) == ("github:4711", "Ann Example")
    scene.idps["github"].github_user["login"] = "somebody-else"
    try:
        assert scene.signed_in("github")["address"] == "github:4711"
    finally:
        scene.idps["github"].github_user["login"] = "ann"


def test_o1_github_code_of_an_app(scene: Scene) -> None:
    flow = Flow(CLIENT, RETURN, "read:user")
    back = Browser(scene.site).sign_in_there(flow.start(scene.idps["github"].url + AUTHORIZE))
    brought = {
        "code": query_of(back)["code"],
        "code_verifier": flow.verifier,
        "redirect_uri": RETURN,
    }
    assert scene.site.ask("github", **brought)["address"] == "github:4711"
    assert scene.site.refused("github", **brought)[0] == "BADLOGIN"


def test_github_has_no_id_tokens(scene: Scene) -> None:
    for name in ("google", "apple"):
        word, _ = scene.site.refused("github", id_token=scene.token(name))
        assert word == "BADREQUEST"


# -- Google


@pytest.mark.parametrize(
    "domain", ["other.example", "EXAMPLE.COM", "", ["example.com.evil"], ABSENT]
)
def test_google_accounts_of_other_domains(scene: Scene, domain: object) -> None:
    word, detail = scene.site.refused("google", id_token=scene.token("google", hd=domain))
    assert (word, "require" in detail) == ("BADLOGIN", True)
    idp = scene.idps["google"]
    idp.claims = idp.userinfo = {"hd": domain}
    try:
        assert scene.browser_signs_in("google").status == 403
    finally:
        idp.claims = idp.userinfo = {}


def test_google_accounts_of_the_domain(scene: Scene) -> None:
    assert scene.signed_in("google")["address"] == f"google:{GOOGLE.person['sub']}"


# -- Microsoft: O19, one issuer for each tenant


def test_o19_people_of_a_listed_tenant(scene: Scene) -> None:
    answer = scene.site.ask("microsoft", id_token=scene.token("microsoft"))
    assert answer["address"] == f"microsoft:{ANN_OF_MICROSOFT}"
    assert scene.signed_in("microsoft")["address"] == f"microsoft:{ANN_OF_MICROSOFT}"


@pytest.mark.parametrize(
    ("tid", "issuer"),
    [
        pytest.param(OTHER_TENANT, OTHER_TENANT, id="o19 another tenant"),
        pytest.param(OTHER_TENANT, TENANT, id="o19 issuer of one, tid of another"),
        pytest.param(TENANT, OTHER_TENANT, id="o19 tid of one, issuer of another"),
        pytest.param(TENANT, "common", id="o19 issuer of all"),
        pytest.param(TENANT, "organizations", id="o19 issuer of all organizations"),
        pytest.param(TENANT, "{tenantid}", id="o19 issuer as it is announced"),
        pytest.param(TENANT, f"{TENANT}/", id="o19 issuer with a slash"),
        pytest.param(TENANT.upper(), TENANT, id="o19 tid in capitals"),
        pytest.param(ABSENT, TENANT, id="o19 no tid"),
        pytest.param([TENANT], TENANT, id="o19 tid a list"),
    ],
)
def test_people_of_other_tenants(scene: Scene, tid: object, issuer: str) -> None:
    idp = scene.idps["microsoft"]
    token = scene.token("microsoft", tid=tid, iss=idp.issuer_for(issuer))
    assert scene.site.refused("microsoft", id_token=token)[0] == "BADLOGIN"


@pytest.mark.parametrize("owner", [ABSENT, False, "false", 0, "0"])
def test_o9_address_that_any_tenant_could_write(scene: Scene, owner: object) -> None:
    """Not even with ``email_verified``: whoever runs a tenant can make it say so."""
    changes = {"email": "victim@example.com", "email_verified": True, "xms_edov": owner}
    answer = scene.site.ask("microsoft", id_token=scene.token("microsoft", **changes))
    assert answer["address"] == f"microsoft:{ANN_OF_MICROSOFT}"
    word, _ = scene.site.refused("by-mail", id_token=scene.token("microsoft", **changes))
    assert word == "UNAVAILABLE"


def test_o9_address_of_a_domain_that_the_tenant_owns(scene: Scene) -> None:
    token = scene.token("microsoft", email="ann@example.com", xms_edov=True)
    assert scene.site.ask("by-mail", id_token=token)["address"] == "ann@example.com"
