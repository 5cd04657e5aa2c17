"""The three ways in, with an identity provider and an app that others have made."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from tests.gateway.browser.markup import Markup
from tests.logins.browsing import Browser, query_of
from tests.logins.identity import (
    APP,
    CHALLENGE,
    RETURN,
    VERIFIER,
    WEB_RETURN,
    SignInSite,
    brought_by,
    by_issuer,
    clients,
    fresh_public_url,
    serving,
)
from tests.logins.site import words
from tests.servers.gateway import Reply
from tests.servers.oauth_client import OAuthClient
from tests.servers.oidc_clients import Client
from tests.servers.oidc_flow import Flow, post
from tests.servers.oidc_provider import OidcProvider
from tests.servers.tls import Authority
from tests.servers.visitor import TurnedAwayError

MOBILE: Final = "mobile"
ASKED: Final[dict[str, Any]] = {"return_url": RETURN, "code_challenge": CHALLENGE}


@dataclass(frozen=True)
class Scene:
    site: SignInSite
    idp: OidcProvider
    authority: Authority

    def id_token(self, login: str, nonce: str) -> str:
        """Return what the vendor's SDK gives to the app."""
        flow = Flow(MOBILE, RETURN, "openid profile email groups")
        flow.nonce = nonce
        arrival = asyncio.run(self.idp.sign_in(flow.start(f"{self.idp.issuer}/auth"), login))
        form = {**flow.redemption(arrival.parameters["code"]), "client_id": MOBILE}
        said = asyncio.run(post(f"{self.idp.issuer}/token", self.authority.client(), form, {}))
        token: str = said.body["id_token"]
        return token

    def sign_in(self, browser: Browser, there: str, login: str) -> Reply:
        """Sign in at the authorization URL, and come back."""
        arrival = asyncio.run(self.idp.sign_in(there, login))
        if arrival.method == "POST":
            return browser.post(arrival.url, arrival.parameters, cross_site=True)
        return browser.get(f"{arrival.url}?{urlencode(arrival.parameters)}")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    public_url = fresh_public_url()
    known = clients(public_url, "idp", "posting", "staff", "away")
    web = replace(known, redirect_uris=tuple(u for u in known.redirect_uris if "https" in u))
    native = Client(MOBILE, (RETURN,), "none", more={"application_type": "native"})
    with OidcProvider(tmp_path_factory.mktemp("idp"), authority, web, native) as idp:
        one = by_issuer(idp.issuer, authority, audiences=[MOBILE])
        mobile = {"client_id": MOBILE, "client_secret": None}
        groups = {"scopes": ["openid", "email", "groups"], "require": {"groups": "admins"}}
        providers = {
            "idp": one,
            **dict.fromkeys(("kept", "dropped", "away"), one),
            "posting": by_issuer(idp.issuer, authority, response_mode="form_post"),
            "staff": by_issuer(idp.issuer, authority, **groups),
            "mobile": by_issuer(idp.issuer, authority, **mobile),
        }
        folder = tmp_path_factory.mktemp("site")
        with serving(folder, authority, providers, public_url=public_url) as site:
            yield Scene(site, idp, authority)


# -- an ID token from the app


@pytest.mark.parametrize("hashed", [False, True], ids=["raw", "sha256"])
def test_o3_o7_id_token_of_an_app(scene: Scene, hashed: bool) -> None:
    raw = f"nonce-of-the-app-{hashed}"
    nonce = hashlib.sha256(raw.encode()).hexdigest() if hashed else raw
    token = scene.id_token("alice", nonce)
    assert scene.site.refused("idp", id_token=token)[0] == "BADLOGIN"
    assert scene.site.refused("idp", id_token=token, nonce="another")[0] == "BADLOGIN"
    answer = scene.site.ask("idp", id_token=token, nonce=raw)
    assert (answer["address"], answer["name"]) == ("idp:alice", "Alice Example")
    assert scene.site.refused("idp", id_token=token, nonce=raw)[0] == "BADLOGIN"


# -- a code from the app


@pytest.mark.parametrize(
    ("provider", "client_id", "uri"),
    [("idp", "gateway-client", WEB_RETURN), ("mobile", MOBILE, RETURN)],
    ids=["with a secret", "public client"],
)
def test_o1_o20_code_of_an_independent_client(
    scene: Scene, provider: str, client_id: str, uri: str
) -> None:
    app = OAuthClient(scene.authority, scene.idp.issuer, client_id, uri)
    arrival = asyncio.run(scene.idp.sign_in(app.start(), "bob"))
    brought = app.finish(arrival.parameters)
    answer = scene.site.ask(provider, **brought)
    assert (answer["address"], answer["name"]) == (f"{provider}:bob", "Bob Example")
    assert scene.site.refused(provider, **brought)[0] == "BADLOGIN"


# -- a browser


@pytest.mark.parametrize("provider", ["idp", "posting"])
def test_o11_browser_and_back_with_a_code(scene: Scene, provider: str) -> None:
    site, browser = scene.site, Browser(scene.site)
    challenge = site.start(provider, **ASKED)
    reply = scene.sign_in(browser, browser.depart(challenge["url"]), "alice")
    brought = brought_by(reply)
    assert brought["challenge"] == challenge["id"]
    assert site.redeem(brought)["address"] == f"{provider}:alice"
    assert words([site.redeem(brought)]) == ["BADOTP"]


def test_browser_without_a_return_url_shows_the_code(scene: Scene) -> None:
    site, browser = scene.site, Browser(scene.site)
    challenge = site.start("idp")
    reply = scene.sign_in(browser, browser.depart(challenge["url"]), "alice")
    code = Markup(reply.body.decode()).one("p", class_="code").text
    assert site.login(challenge=challenge["id"], otp=code)["address"] == "idp:alice"


def test_sign_in_page_leads_there_and_back(scene: Scene) -> None:
    site, browser = scene.site, Browser(scene.site)
    asked = urlencode({"appid": APP, "return_url": RETURN, "code_challenge": CHALLENGE})
    page = Markup(browser.get(f"{site.public_url}/signin?{asked}").body.decode())
    (link,) = [a["href"] for a in page.all("a") if "provider=idp" in a["href"]]
    trip = str(browser.get(site.public_url + link).header("Location"))
    brought = brought_by(scene.sign_in(browser, browser.depart(trip), "bob"))
    assert site.redeem(brought)["address"] == "idp:bob"


def test_wrong_password_there_leads_nowhere(scene: Scene) -> None:
    browser = Browser(scene.site)
    there = browser.depart(scene.site.start("idp", **ASKED)["url"])
    with pytest.raises(TurnedAwayError):
        asyncio.run(scene.idp.sign_in(there, "alice", "wrong"))


def test_denial_is_told_to_app_and_person_and_is_no_failed_try(scene: Scene) -> None:
    site, browser = scene.site, Browser(scene.site)
    challenge = site.start("idp", **ASKED)
    arrival = asyncio.run(scene.idp.cancel(browser.depart(challenge["url"])))
    assert arrival.parameters["error"] == "access_denied"
    reply = browser.get(f"{arrival.url}?{urlencode(arrival.parameters)}")
    assert reply.status == 200
    page = Markup(reply.body.decode())
    (back,) = [a["href"] for a in page.all("a") if a["href"].startswith(RETURN)]
    assert query_of(back)["challenge"] == challenge["id"]
    assert query_of(back)["error"] == "BADLOGIN"
    (line,) = site.audit(browser.client)
    assert (line["outcome"], line["level"]) == ("cancelled", "info")
    brought = brought_by(scene.sign_in(browser, browser.depart(challenge["url"]), "alice"))
    assert site.redeem(brought, code_verifier=VERIFIER)["address"] == "idp:alice"


def test_people_who_are_not_in_the_group(scene: Scene) -> None:
    site = scene.site
    for login, status in ("alice", 303), ("bob", 403):
        browser = Browser(site)
        there = browser.depart(site.start("staff", **ASKED)["url"])
        assert scene.sign_in(browser, there, login).status == status
        (line,) = site.audit(browser.client)
        assert (line["outcome"] == "proven") is (login == "alice")


# -- A97: its keys change


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "dropped"])
def test_a97_rotation(scene: Scene, keep: bool) -> None:
    provider = "kept" if keep else "dropped"
    old = [scene.id_token("alice", f"{provider} {i}") for i in range(2)]
    assert scene.site.ask(provider, id_token=old[0], nonce=f"{provider} 0")["result"] == "OK"
    scene.idp.rotate(keep=keep)
    new = scene.id_token("alice", f"{provider} new")
    asked = scene.idp.requests().count("GET /jwks")
    assert scene.site.ask(provider, id_token=new, nonce=f"{provider} new")["result"] == "OK"
    assert scene.idp.requests().count("GET /jwks") == asked + 1
    answer = scene.site.ask(provider, id_token=old[1], nonce=f"{provider} 1")
    assert words([answer]) == ["OK" if keep else "BADLOGIN"]


def test_identity_provider_goes_away_and_comes_back(scene: Scene) -> None:
    """ID tokens do not need it, once its keys are known."""
    token = scene.id_token("alice", "before")
    site, browser = scene.site, Browser(scene.site)
    brought_by(scene.sign_in(browser, browser.depart(site.start("away", **ASKED)["url"]), "alice"))
    challenge = site.start("away", **ASKED)
    back = asyncio.run(scene.idp.sign_in(browser.depart(challenge["url"]), "alice"))
    scene.idp.stop()
    try:
        assert site.ask("away", id_token=token, nonce="before")["result"] == "OK"
        reply = browser.get(f"{back.url}?{urlencode(back.parameters)}")
        assert reply.status == 503
        assert browser.get(challenge["url"]).status == 303  # its site is not asked for that
    finally:
        scene.idp.start()
    reply = scene.sign_in(browser, browser.depart(challenge["url"]), "alice")
    assert site.redeem(brought_by(reply))["address"] == "away:alice"
