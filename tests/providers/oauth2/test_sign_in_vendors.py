"""What is different with Apple, GitHub and Microsoft, beyond their pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from providers import Cancelled, Rejected, Unavailable
from tests.providers.oauth2.arriving import NewSite, Site, from_app, new_trip
from tests.providers.oauth2.reaching import APP
from tests.servers.http_scripted import Reply
from tests.servers.oidc_clients import Client
from tests.servers.oidc_fake import AUTHORIZE, EMAILS, TOKEN, USER, OidcFake
from tests.servers.oidc_keys import ABSENT, Key
from tests.servers.oidc_manners import APPLE, GITHUB, MICROSOFT, TENANT
from tests.servers.tls import Authority

APPLE_KEY = Key("ES256", "F6G7H8J9K0")

# Apple


@pytest.fixture
def apple(authority: Authority, new_site: NewSite) -> Iterator[Site]:
    client = Client(APP.id, APP.redirect_uris, "apple", key=APPLE_KEY, team="TEAM")
    with OidcFake(authority.server(), client, manner=APPLE) as idp:
        yield new_site(
            idp,
            preset="apple",
            client_secret=None,
            team_id="TEAM",
            key_id=APPLE_KEY.kid,
            private_key=APPLE_KEY.private_pem.decode(),
        )


async def test_apple_posts_the_name_with_the_first_sign_in_only(apple: Site) -> None:
    assert apple.oauth2.posts_back
    trip = new_trip()
    back = await apple.visit(trip)
    assert back.method == "POST"
    first = await apple.arrive(trip, back.parameters)
    again = await apple.in_browser()
    assert (first.name, again.name) == ("Ann Example", None)
    assert first.subject == again.subject
    assert first.email == again.email == "ann@privaterelay.appleid.com"


async def test_apple_name_is_the_browsers_to_write_and_the_rest_is_not(apple: Site) -> None:
    user = {"name": {"firstName": "Bob\n\x1b"}, "email": "victim@example.test", "sub": "bob"}
    identity = await apple.in_browser(user=json.dumps(user))
    assert identity.name == "Bob"
    assert identity.email == "ann@privaterelay.appleid.com"
    assert identity.subject == APPLE.person["sub"]
    assert "victim" not in str(identity)


@pytest.mark.parametrize("user", ["", "{", "null", "[]"])
async def test_apple_name_that_cannot_be_read_stops_nobody(apple: Site, user: str) -> None:
    assert (await apple.in_browser(user=user)).name is None


async def test_apple_word_for_turning_back(apple: Site) -> None:
    apple.idp.cancels = True
    with pytest.raises(Cancelled, match="user_cancelled_authorize"):
        await apple.in_browser()


async def test_others_have_no_name_in_a_form(site: Site) -> None:
    site.idp.person["name"] = ABSENT
    site.idp.claims = {"name": ABSENT}
    site.idp.userinfo = {"name": ABSENT}
    identity = await site.in_browser(user=json.dumps(APPLE.user))
    assert (identity.subject, identity.name) == ("ann-1", None)


# GitHub


@pytest.fixture
def github_idp(authority: Authority) -> Iterator[OidcFake]:
    client = Client(APP.id, APP.redirect_uris, "client_secret_post", secret=APP.secret)
    with OidcFake(authority.server(), client, manner=GITHUB) as idp:
        yield idp


def github_keys(idp: OidcFake) -> dict[str, Any]:
    paths = {"authorization": AUTHORIZE, "token": TOKEN, "userinfo": USER, "emails": EMAILS}
    endpoints = {f"{name}_endpoint": idp.url + path for name, path in paths.items()}
    return {"preset": "github", "issuer": None, **endpoints}


@pytest.fixture
def github(github_idp: OidcFake, new_site: NewSite) -> Site:
    return new_site(github_idp, **github_keys(github_idp))


@pytest.mark.parametrize("way", ["in_browser", "by_code"])
async def test_github_tells_who_it_is_by_its_api(github: Site, way: str) -> None:
    identity = await getattr(github, way)()
    assert (identity.subject, identity.username) == ("4711", "ann")
    assert (identity.name, identity.email) == ("Ann Example", "ann@example.test")
    assert identity.proof is None
    for path in (USER, EMAILS):
        (visit,) = github.idp.visits(path)
        assert (visit.header("Authorization") or "").startswith("Bearer ")
        assert visit.query == ""


def test_github_has_no_id_tokens(github: Site) -> None:
    assert github.oauth2.identify({"id_token": "a.b.c"}) is None
    both = github.oauth2.identify(
        {"id_token": "a.b.c", "code": "x", "code_verifier": "y", "redirect_uri": "z"}
    )
    assert both is not None
    assert both.startswith("code:")


async def test_github_names_an_issuer_nobody_compares(github: Site) -> None:
    identity = await github.in_browser(iss="https://github.com/login/oauth")
    assert identity.subject == "4711"


async def test_o9_github_address_on_the_profile_is_not_taken(github: Site) -> None:
    github.idp.github_user |= {"email": "public@example.test", "email_verified": True}
    assert (await github.in_browser()).email == "ann@example.test"
    github.idp.github_emails = []
    assert (await github.in_browser()).email is None


@pytest.mark.parametrize("outage", ["http404", "http403", "http503", "html", "cut"])
async def test_github_sign_in_works_without_addresses(github: Site, outage: str) -> None:
    github.idp.script(EMAILS, outage)
    github.idp.github_user |= {"email": "public@example.test"}
    with capture_logs() as logs:
        identity = await github.in_browser()
    assert (identity.subject, identity.email) == ("4711", None)
    assert "userinfo is left out" in [line["event"] for line in logs]


async def test_github_sign_in_waits_for_an_address_that_is_required(
    github_idp: OidcFake, new_site: NewSite
) -> None:
    github = new_site(
        github_idp, **github_keys(github_idp), require={"email": ["ann@example.test"]}
    )
    github.idp.script(EMAILS, "http503", times=1)
    with pytest.raises(Unavailable):
        await github.in_browser()
    assert (await github.in_browser()).email == "ann@example.test"


@pytest.mark.parametrize("outage", ["http503", "html", "cut", "http404", "http429"])
async def test_a111_github_outage_is_an_outage(github: Site, outage: str) -> None:
    github.idp.script(USER, outage)
    with pytest.raises(Unavailable) as caught:
        await github.in_browser()
    assert caught.value.upstream == "corp"


@pytest.mark.parametrize("user", [{}, {"id": None}, {"id": ""}, {"login": "ann"}, {"id": True}])
async def test_github_account_without_an_id_is_nobody(github: Site, user: Any) -> None:
    github.idp.script(USER, Reply(user))
    with pytest.raises(Rejected):
        await github.in_browser()


async def test_o20_github_code_is_good_once(github: Site) -> None:
    trip = new_trip()
    back = await github.visit(trip)
    await github.arrive(trip, back.parameters)
    with pytest.raises(Rejected, match="bad_verification_code"):
        await github.arrive(trip, back.parameters)


async def test_github_secret_that_is_wrong_is_the_operators(
    github_idp: OidcFake, new_site: NewSite
) -> None:
    github = new_site(github_idp, **github_keys(github_idp) | {"client_secret": "wrong"})
    with capture_logs() as logs, pytest.raises(Unavailable):
        await github.in_browser()
    assert ["incorrect_client_credentials" in line["answer"] for line in logs] == [True]


async def test_github_answer_without_access_token_is_an_outage(github: Site) -> None:
    github.idp.script(TOKEN, Reply({"id_token": "a.b.c", "token_type": "bearer"}))
    with pytest.raises(Unavailable, match="access token"):
        await github.in_browser()
    assert github.idp.visits(USER) == []


# Microsoft


@pytest.fixture
def microsoft_idp(authority: Authority) -> Iterator[OidcFake]:
    client = Client(APP.id, APP.redirect_uris, "private_key_jwt", key=APPLE_KEY)
    with OidcFake(authority.server(), client, manner=MICROSOFT) as idp:
        yield idp


@pytest.mark.parametrize("tenant", [TENANT, "organizations"])
async def test_o19_assertion_is_for_whoever_is_known_by_that_name(
    microsoft_idp: OidcFake, new_site: NewSite, tenant: str
) -> None:
    """The issuer; where that stands for many, the token endpoint."""
    seen = []
    site = new_site(
        microsoft_idp,
        preset="microsoft",
        issuer=microsoft_idp.issuer_for(tenant),
        tenants=[TENANT],
        client_secret=None,
        client_auth="private_key_jwt",
        private_key=APPLE_KEY.private_pem.decode(),
    )
    real = site.oauth2._sign_in._authenticate

    def authenticate(audience: str) -> Any:
        seen.append(audience)
        return real(audience)

    site.oauth2._sign_in._authenticate = authenticate
    site.idp.script(TOKEN, "http503")
    with pytest.raises(Unavailable):
        await site.by_code()
    endpoint = microsoft_idp.url + TOKEN
    assert seen == [endpoint if tenant == "organizations" else microsoft_idp.issuer_for(tenant)]


async def test_o19_stranger_who_brings_a_token_is_for_the_next_provider(
    authority: Authority, new_site: NewSite
) -> None:
    with OidcFake(authority.server(), APP, manner=MICROSOFT) as idp:
        keys = {"preset": "microsoft", "tenants": [TENANT]}
        site = new_site(idp, issuer=idp.issuer_for("organizations"), **keys)
        assert (await from_app(site.oauth2, id_token=idp.token())).subject.startswith(TENANT)
        other = "66666666-7777-8888-9999-000000000000"
        with pytest.raises(Rejected):
            await from_app(site.oauth2, id_token=idp.token({"tid": other}))
        idp.person["tid"] = other
        with pytest.raises(Rejected, match="another issuer"):
            await site.in_browser()
