"""Sign-ins in a browser, there and back."""

from __future__ import annotations

import hashlib
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from structlog.testing import capture_logs

from providers import Cancelled, Rejected, Unavailable
from tests.providers.oauth2.arriving import NewSite, Site, is_ann, new_trip
from tests.providers.oauth2.reaching import APP
from tests.servers.oidc_fake import DISCOVERY, TOKEN
from tests.servers.oidc_keys import ABSENT


async def test_browser_goes_there_and_back(site: Site) -> None:
    identity = await site.in_browser()
    assert is_ann(identity)
    assert identity.proof is None


async def test_o1_o3_what_a_browser_takes_there(new_site: NewSite) -> None:
    site = new_site(authorization_params={"prompt": "login"}, scopes=["openid", "email"])
    trip = new_trip()
    url = await site.oauth2.depart(trip)
    sent = dict(parse_qsl(urlsplit(url).query, strict_parsing=True))
    assert url.startswith(f"{site.idp.url}/authorize?")
    assert (sent["state"], sent["nonce"]) == (trip.state, trip.nonce)
    assert sent["redirect_uri"] == trip.return_url
    assert sent["scope"] == "openid email"
    assert sent["prompt"] == "login"
    assert "response_mode" not in sent
    assert trip.verifier not in url
    assert APP.secret not in sent.values()


async def test_o1_code_of_another_trip_is_refused(site: Site) -> None:
    mine, theirs = new_trip(), new_trip()
    back = await site.visit(theirs)
    with pytest.raises(Rejected, match="invalid_grant"):
        await site.arrive(mine, back.parameters)


@pytest.mark.parametrize("nonce", ["another", ABSENT, None, "", ["x"]])
async def test_o3_a91_nonce_of_another_trip_is_refused(site: Site, nonce: Any) -> None:
    site.idp.claims = {"nonce": nonce}
    with pytest.raises(Rejected, match="nonce"):
        await site.in_browser()


async def test_a91_in_a_browser_the_nonce_is_no_hash(site: Site) -> None:
    trip = new_trip()
    back = await site.visit(trip)
    site.idp.claims = {"nonce": hashlib.sha256(trip.nonce.encode()).hexdigest()}
    with pytest.raises(Rejected, match="nonce"):
        await site.arrive(trip, back.parameters)


@pytest.mark.parametrize("issuer", ["https://other.example", ABSENT])
async def test_o8_a103_answer_of_another_issuer_is_refused(site: Site, issuer: Any) -> None:
    site.idp.callback = {"iss": issuer}
    with pytest.raises(Rejected, match="iss"):
        await site.in_browser()
    assert site.idp.visits(TOKEN) == []


async def test_o8_issuer_that_does_not_announce_its_name_may_leave_it_out(site: Site) -> None:
    site.idp.metadata = {"authorization_response_iss_parameter_supported": ABSENT}
    assert is_ann(await site.in_browser())


async def test_whoever_turns_back_is_not_refused(site: Site) -> None:
    site.idp.cancels = True
    with capture_logs() as logs, pytest.raises(Cancelled):
        await site.in_browser()
    assert logs == []
    assert site.idp.visits(TOKEN) == []


async def test_whoever_turns_back_needs_no_identity_provider(new_site: NewSite) -> None:
    site = new_site()
    site.idp.stop()
    with pytest.raises(Cancelled):
        await site.arrive(new_trip(), {"error": "access_denied", "iss": site.idp.issuer})


async def test_start_during_an_outage_works_after_it(site: Site) -> None:
    site.idp.script(DISCOVERY, "http503", times=1)
    with pytest.raises(Unavailable):
        await site.oauth2.depart(new_trip())
    deadline = time.monotonic() + 10
    while True:
        try:
            assert is_ann(await site.in_browser())
        except Unavailable:
            if time.monotonic() > deadline:
                raise
        else:
            break


async def test_o20_answer_is_redeemed_once(site: Site) -> None:
    trip = new_trip()
    back = await site.visit(trip)
    assert is_ann(await site.arrive(trip, back.parameters))
    with pytest.raises(Rejected, match="invalid_grant"):
        await site.arrive(trip, back.parameters)


# What ``check`` says


async def test_check_finds_nothing_where_all_is_well(site: Site) -> None:
    assert await site.oauth2.check() == []


async def test_check_finds_what_is_wrong(site: Site) -> None:
    site.idp.metadata = {"code_challenge_methods_supported": ["plain"]}
    (problem,) = await site.oauth2.check()
    assert "PKCE" in problem
    assert await site.oauth2.explain("ann") is None
