"""Finding the endpoints: by the discovery document, or as the configuration says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from providers import Unavailable
from providers.oauth2 import discovery as module
from providers.oauth2.discovery import Discovery, Endpoints
from providers.oauth2.presets import ANY_TENANT
from providers.oauth2.published import PAUSE, PAUSE_WITH_COPY
from providers.oauth2.settings import OAuth2Config
from providers.oauth2.web import Web
from tests.providers.oauth2.reaching import APP, Timer, Times, config_for
from tests.servers.http_scripted import Reply
from tests.servers.oidc_fake import AUTHORIZE, DISCOVERY, JWKS, TOKEN, USERINFO, OidcFake
from tests.servers.oidc_keys import ABSENT
from tests.servers.oidc_manners import APPLE, GOOGLE, MICROSOFT, TENANT, Manner
from tests.servers.tls import Authority

HOUR, DAY = 3600.0, 86400.0
HAND = "https://hand.example"


class Site:
    """A provider's discovery, and the identity provider that it asks."""

    def __init__(self, idp: OidcFake, authority: Authority, timer: Timer, **keys: Any) -> None:
        self.config: OAuth2Config = config_for(idp, authority, **keys)
        self.web = Web("corp", self.config, Times())
        self.discovery = Discovery(self.web, self.config.profile, clock=timer)

    async def endpoints(self) -> Endpoints:
        return await self.discovery.endpoints()

    async def refusal(self) -> str:
        with pytest.raises(Unavailable) as caught:
            await self.discovery.endpoints()
        assert caught.value.upstream == "corp"
        return caught.value.detail

    async def close(self) -> None:
        await self.discovery.close()
        await self.web.close()


NewSite = Callable[..., Site]


@pytest.fixture
async def new_site(authority: Authority, timer: Timer) -> AsyncIterator[NewSite]:
    """Make sites by ``new_site(idp, **keys)``; all are closed after the test."""
    made: list[Site] = []

    def new(idp: OidcFake, **keys: Any) -> Site:
        made.append(Site(idp, authority, timer, **keys))
        return made[-1]

    yield new
    for site in made:
        await site.close()


@pytest.fixture
def site(idp: OidcFake, new_site: NewSite) -> Site:
    return new_site(idp)


async def test_endpoints_are_found(idp: OidcFake, site: Site) -> None:
    assert await site.endpoints() == Endpoints(
        idp.issuer,
        idp.url + AUTHORIZE,
        idp.url + TOKEN,
        idp.url + USERINFO,
        None,
        idp.url + JWKS,
        names_issuer=True,
    )
    assert await site.discovery.jwks_uri() == idp.url + JWKS
    assert [visit.path for visit in idp.visits()] == [DISCOVERY]


@pytest.mark.parametrize("told", [ABSENT, False, None, "true", 1, [True]])
async def test_o8_issuer_names_itself_if_it_says_true(idp: OidcFake, site: Site, told: Any) -> None:
    idp.metadata = {"authorization_response_iss_parameter_supported": told}
    assert not (await site.endpoints()).names_issuer


async def test_userinfo_need_not_be_there(idp: OidcFake, site: Site) -> None:
    idp.metadata = {"userinfo_endpoint": ABSENT}
    assert (await site.endpoints()).userinfo is None


@pytest.mark.parametrize(
    ("issuer", "there"),
    [
        ("https://idp.example", "https://idp.example/.well-known/openid-configuration"),
        ("https://idp.example/", "https://idp.example/.well-known/openid-configuration"),
        ("https://idp.example/a/b", "https://idp.example/a/b/.well-known/openid-configuration"),
        ("https://idp.example/a/", "https://idp.example/a/.well-known/openid-configuration"),
    ],
)
def test_document_is_where_the_standard_says(issuer: str, there: str) -> None:
    assert module.location(issuer) == there


async def test_issuer_may_end_with_a_slash(idp: OidcFake, new_site: NewSite) -> None:
    idp.metadata = {"issuer": idp.url + "/"}
    site = new_site(idp, issuer=idp.url + "/")
    assert (await site.endpoints()).issuer == idp.url + "/"
    assert [visit.path for visit in idp.visits()] == [DISCOVERY]


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(lambda issuer: issuer + "/", id="slash"),
        pytest.param(lambda issuer: issuer.upper(), id="upper-case"),
        pytest.param(lambda issuer: issuer + "/realm", id="longer"),
        pytest.param(lambda issuer: issuer[:-1], id="shorter"),
        pytest.param(lambda _: "https://evil.example", id="other"),
        pytest.param(lambda issuer: [issuer], id="list"),
        pytest.param(lambda _: None, id="null"),
        pytest.param(lambda _: ABSENT, id="absent"),
        pytest.param(lambda _: "https://localhost/{tenantid}/v2.0", id="template"),
    ],
)
async def test_o14_another_issuers_document_is_refused_and_told(
    idp: OidcFake, site: Site, told: Any
) -> None:
    idp.metadata = {"issuer": told(idp.issuer)}
    with capture_logs() as logs:
        assert "another issuer's" in await site.refusal()
    (line,) = logs
    assert (line["log_level"], line["provider"]) == ("error", "corp")
    assert "check --connect" in line["detail"]


@pytest.mark.parametrize(
    ("name", "needed"),
    [("authorization_endpoint", True), ("token_endpoint", True), ("jwks_uri", False)],
)
async def test_document_must_name_what_a_sign_in_needs(
    idp: OidcFake, site: Site, name: str, needed: bool
) -> None:
    idp.metadata = {name: ABSENT}
    if needed:
        assert name in await site.refusal()
        assert await site.discovery.jwks_uri() == idp.url + JWKS  # enough for tokens from apps
    else:
        assert (await site.endpoints()).jwks_uri is None
        with pytest.raises(Unavailable, match="jwks_uri"):
            await site.discovery.jwks_uri()


@pytest.mark.parametrize("name", module.NAMES)
@pytest.mark.parametrize(
    "told",
    [
        "",
        "/relative",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://idp.example/#fragment",
        "https://idp.example/#",
        "https://me:secret@idp.example/",
        "https://idp.example/\r\nX: y",
        ["https://idp.example/"],
        {},
        0,
        False,
    ],
)
async def test_o14_endpoints_must_be_sound(idp: OidcFake, site: Site, name: str, told: Any) -> None:
    idp.metadata = {name: told}
    assert re.match(f"{name} of the discovery document (is|has)", await site.refusal())


@pytest.mark.parametrize("name", module.NAMES)
async def test_o14_endpoints_out_there_must_be_https(
    monkeypatch: pytest.MonkeyPatch,
    authority: Authority,
    new_site: NewSite,
    timer: Timer,
    name: str,
) -> None:
    """Nothing else is asked of one that is: where its name leads is seen when it is asked."""
    with OidcFake(authority.server(), APP) as idp:
        idp.metadata = {name: "http://idp.example/x"}
        site = new_site(idp)
        site.web._allow_private = False
        with pytest.raises(Unavailable, match="not at a public address"):
            await site.endpoints()
        monkeypatch.setattr("providers._sockets.is_public", lambda _: True)
        timer.pass_(PAUSE)
        assert "is not https" in await site.refusal()


@pytest.mark.parametrize("fault", ["http503", "http404", "html", "empty", "deep", "huge", "cut"])
async def test_document_that_cannot_be_had_is_asked_for_again_in_a_moment(
    idp: OidcFake, site: Site, timer: Timer, fault: str
) -> None:
    idp.script(DISCOVERY, fault)
    for _ in range(5):
        await site.refusal()
    assert len(idp.visits()) == 1
    idp.sound()
    timer.pass_(PAUSE)
    assert (await site.endpoints()).token == idp.url + TOKEN


async def test_o14_no_redirect_leads_to_another_document(idp: OidcFake, site: Site) -> None:
    idp.script(DISCOVERY, Reply(b"", 301, {"Location": idp.url + "/elsewhere"}))
    assert "redirect" in await site.refusal()
    assert idp.visits("/elsewhere") == []


async def test_identity_provider_may_be_down_at_start(
    idp: OidcFake, new_site: NewSite, timer: Timer
) -> None:
    idp.stop()
    site = new_site(idp)
    assert "no connection" in await site.refusal()
    idp.start()
    timer.pass_(PAUSE)
    assert (await site.endpoints()).token == idp.url + TOKEN


async def test_document_is_kept_for_an_hour(idp: OidcFake, site: Site, timer: Timer) -> None:
    await site.endpoints()
    idp.metadata = {"token_endpoint": idp.url + "/new"}
    timer.pass_(HOUR - 0.1)
    assert (await site.endpoints()).token == idp.url + TOKEN
    timer.pass_(0.1)
    assert (await site.endpoints()).token == idp.url + "/new"
    assert len(idp.visits()) == 2


@pytest.mark.parametrize(
    "answer", ["http503", "html", Reply({"issuer": "https://evil.example"}), Reply({})]
)
async def test_document_serves_for_a_day_while_there_is_no_other(
    idp: OidcFake, site: Site, timer: Timer, answer: Reply | str
) -> None:
    found = await site.endpoints()
    idp.script(DISCOVERY, answer)
    timer.pass_(DAY - 0.1)
    assert [await site.endpoints() for _ in range(3)] == [found] * 3
    assert len(idp.visits()) == 2
    timer.pass_(PAUSE_WITH_COPY)
    await site.refusal()


async def test_all_who_sign_in_first_share_one_fetch(idp: OidcFake, site: Site) -> None:
    idp.script(DISCOVERY, "slow:0.2", times=1)
    tasks = [asyncio.create_task(site.endpoints()) for _ in range(100)]
    await asyncio.to_thread(idp.wait_visits, 1)
    tasks[0].cancel()
    await asyncio.gather(*tasks[1:])
    assert len(idp.visits()) == 1


# Set by hand


async def test_with_all_endpoints_set_nobody_is_asked(idp: OidcFake, new_site: NewSite) -> None:
    site = new_site(
        idp,
        authorization_endpoint=HAND + "/a",
        token_endpoint=HAND + "/t",
        jwks_uri=HAND + "/j",
    )
    assert await site.endpoints() == Endpoints(
        idp.issuer, HAND + "/a", HAND + "/t", None, None, HAND + "/j", names_issuer=False
    )
    assert await site.discovery.jwks_uri() == HAND + "/j"
    assert idp.visits() == []


@pytest.mark.parametrize("name", module.NAMES)
async def test_endpoint_that_is_set_stands_above_what_is_discovered(
    idp: OidcFake, new_site: NewSite, name: str
) -> None:
    field = name.removesuffix("_endpoint")
    idp.metadata = {name: "junk"}  # so nobody minds it
    site = new_site(idp, **{name: HAND})
    found = (await site.endpoints())._asdict()
    assert found.pop(field) == HAND
    assert all(HAND not in str(url) for url in found.values())


async def test_keys_that_are_set_need_no_document(idp: OidcFake, new_site: NewSite) -> None:
    site = new_site(idp, jwks_uri=HAND)
    assert await site.discovery.jwks_uri() == HAND
    assert idp.visits() == []


async def test_github_needs_no_document(idp: OidcFake, new_site: NewSite) -> None:
    site = new_site(idp, preset="github", issuer=None)
    found = await site.endpoints()
    assert (found.issuer, found.jwks_uri, found.names_issuer) == (None, None, False)
    assert found.emails == "https://api.github.com/user/emails"
    with pytest.raises(Unavailable):
        await site.discovery.jwks_uri()
    assert idp.visits() == []


# Those that people know


@pytest.mark.parametrize("manner", [GOOGLE, APPLE], ids=["google", "apple"])
async def test_well_known_documents_are_understood(
    authority: Authority, new_site: NewSite, manner: Manner
) -> None:
    with OidcFake(authority.server(), APP, manner=manner) as idp:
        site = new_site(idp)
        found = await site.endpoints()
        assert (found.token, found.jwks_uri) == (idp.url + TOKEN, idp.url + JWKS)


@pytest.mark.parametrize("word", [*ANY_TENANT, TENANT])
async def test_o19_microsofts_document_for_several_tenants_names_a_template(
    authority: Authority, new_site: NewSite, timer: Timer, word: str
) -> None:
    with OidcFake(authority.server(), APP, manner=MICROSOFT) as idp:
        tenants = [TENANT, TENANT.replace("b", "c")] if word in ANY_TENANT else []
        issuer = idp.issuer_for(word)
        site = new_site(idp, preset="microsoft", issuer=issuer, tenants=tenants)
        assert (await site.endpoints()).token == idp.url + TOKEN
        idp.metadata = {"issuer": idp.issuer_for("somebody-elses")}
        timer.pass_(DAY)
        assert "another issuer's" in await site.refusal()


async def test_o19_template_is_microsofts_alone(authority: Authority, new_site: NewSite) -> None:
    with OidcFake(authority.server(), APP, manner=MICROSOFT) as idp:
        site = new_site(idp, issuer=idp.issuer_for("common"))
        assert "another issuer's" in await site.refusal()
