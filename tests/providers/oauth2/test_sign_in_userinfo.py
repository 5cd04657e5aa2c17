"""Sign-ins for which the ID token alone is not enough."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from structlog.testing import capture_logs

from providers import Rejected, Unavailable
from tests.providers.oauth2.arriving import LACKING, OUTAGES, NewSite, Site, from_app, is_ann
from tests.servers.oidc_fake import USERINFO
from tests.servers.oidc_keys import ABSENT


def at_hash(access_token: str) -> str:
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()


async def test_userinfo_tells_what_is_missing(site: Site) -> None:
    access_token = site.access_token()
    token = site.idp.token({**LACKING, "at_hash": at_hash(access_token)})
    assert is_ann(await from_app(site.oauth2, id_token=token, access_token=access_token))
    (visit,) = site.idp.visits(USERINFO)
    assert visit.header("Authorization") == f"Bearer {access_token}"
    assert (visit.method, visit.query, visit.body) == ("GET", "", b"")


async def test_without_access_token_nobody_is_asked(site: Site) -> None:
    identity = await from_app(site.oauth2, id_token=site.idp.token(LACKING))
    assert (identity.name, identity.email) == (None, "ann@example.test")
    assert site.idp.visits(USERINFO) == []


async def test_what_the_token_says_stands_above_userinfo(site: Site) -> None:
    site.idp.userinfo = {"email": "other@example.test", "sub": "ann-1", "iss": "x", "exp": 1}
    token = site.idp.token({"name": ABSENT})
    identity = await from_app(site.oauth2, id_token=token, access_token=site.access_token())
    assert (identity.name, identity.email) == ("Ann Example", "ann@example.test")
    assert identity.claims["iss"] == site.idp.issuer


@pytest.mark.parametrize("sub", ["bob-1", "", None, ["ann-1"], ABSENT, "ANN-1"])
async def test_userinfo_of_somebody_else_is_refused(site: Site, sub: Any) -> None:
    site.idp.userinfo = {"sub": sub}
    fields = {"id_token": site.idp.token(LACKING), "access_token": site.access_token()}
    with capture_logs() as logs, pytest.raises(Rejected, match="another person"):
        await from_app(site.oauth2, **fields)
    assert [(line["log_level"], line["provider"]) for line in logs] == [("error", "corp")]


async def test_access_token_of_another_id_token_is_refused(site: Site) -> None:
    token = site.idp.token({**LACKING, "at_hash": at_hash("another")})
    with pytest.raises(Rejected, match="at_hash"):
        await from_app(site.oauth2, id_token=token, access_token=site.access_token())
    assert site.idp.visits(USERINFO) == []


@pytest.mark.parametrize("access_token", ["a\r\nX-Admin: 1", "a b", "\u00e9", "a\0", "\ud800"])
async def test_access_token_that_fits_in_no_header_is_refused(
    site: Site, access_token: str
) -> None:
    with pytest.raises(Rejected, match="access token"):
        await from_app(site.oauth2, id_token=site.idp.token(LACKING), access_token=access_token)
    assert site.idp.visits() == []


@pytest.mark.parametrize("outage", [*OUTAGES, "http401", "http403"])
async def test_somebody_signs_in_without_what_is_only_comfort(site: Site, outage: str) -> None:
    site.idp.script(USERINFO, outage)
    fields = {"id_token": site.idp.token(LACKING), "access_token": site.access_token()}
    with capture_logs() as logs:
        identity = await from_app(site.oauth2, **fields)
    assert (identity.subject, identity.name) == ("ann-1", None)
    assert "userinfo is left out" in [line["event"] for line in logs]


@pytest.mark.parametrize("outage", OUTAGES)
async def test_nobody_signs_in_without_what_decides(new_site: NewSite, outage: str) -> None:
    site = new_site(require={"groups": "staff"})
    site.idp.script(USERINFO, outage)
    fields = {"id_token": site.idp.token(), "access_token": site.access_token()}
    with pytest.raises(Unavailable) as caught:
        await from_app(site.oauth2, **fields)
    assert caught.value.upstream == "corp"
    site.idp.sound()
    site.idp.userinfo = {"groups": ["staff"]}
    assert is_ann(await from_app(site.oauth2, **fields))


async def test_subject_may_be_what_userinfo_tells(new_site: NewSite) -> None:
    site = new_site(claims={"subject": "employee"})
    site.idp.userinfo = {"employee": 4711}
    fields = {"id_token": site.idp.token(), "access_token": site.access_token()}
    assert (await from_app(site.oauth2, **fields)).subject == "4711"
    site.idp.script(USERINFO, "http503")
    with pytest.raises(Unavailable):
        await from_app(site.oauth2, **fields)


async def test_access_token_that_is_not_good_cannot_help(new_site: NewSite) -> None:
    site = new_site(require={"groups": "staff"})
    with pytest.raises(Rejected, match="access token"):
        await from_app(site.oauth2, id_token=site.idp.token(), access_token="made-up")


@pytest.mark.parametrize("groups", [ABSENT, [], ["guests"], "guests", None])
async def test_userinfo_has_to_fulfil_what_is_required(new_site: NewSite, groups: Any) -> None:
    site = new_site(require={"groups": "staff"})
    site.idp.userinfo = {"groups": groups}
    fields = {"id_token": site.idp.token(), "access_token": site.access_token()}
    with pytest.raises(Rejected, match="groups"):
        await from_app(site.oauth2, **fields)


async def test_there_may_be_no_userinfo(site: Site) -> None:
    site.idp.metadata = {"userinfo_endpoint": ABSENT}
    fields = {"id_token": site.idp.token(LACKING), "access_token": site.access_token()}
    with capture_logs() as logs:
        identity = await from_app(site.oauth2, **fields)
    assert (identity.subject, identity.name) == ("ann-1", None)
    assert logs == []


async def test_a95_verified_is_said_of_one_address_only(site: Site) -> None:
    site.idp.userinfo = {"email": "own@example.test", "email_verified": True}
    token = site.idp.token({**LACKING, "email": "victim@example.test", "email_verified": ABSENT})
    identity = await from_app(site.oauth2, id_token=token, access_token=site.access_token())
    assert identity.email == "own@example.test"
    assert "victim@example.test" not in str(identity)
