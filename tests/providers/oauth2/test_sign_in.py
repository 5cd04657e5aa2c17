"""Sign-ins with an ID token that an app has got."""

from __future__ import annotations

import hashlib

import pytest

from providers import Rejected, UnknownIdentity
from tests.providers.oauth2.arriving import LACKING, RETURN, Site, from_app, is_ann
from tests.servers.oidc_fake import TOKEN, USERINFO

NONCE = "n-0S6_WzA2Mj"


# An ID token from an app


async def test_id_token_signs_in_and_is_used_up(site: Site) -> None:
    identity = await from_app(site.oauth2, id_token=site.idp.token())
    assert is_ann(identity)
    assert identity.proof is not None
    assert 0 < identity.proof.lifetime <= 330


async def test_o7_the_same_token_has_the_same_proof(site: Site) -> None:
    token = site.idp.token()
    first = await from_app(site.oauth2, id_token=token)
    again = await from_app(site.oauth2, id_token=token)
    other = await from_app(site.oauth2, id_token=site.idp.token({"jti": "2"}))
    assert first.proof is not None
    assert again.proof is not None
    assert other.proof is not None
    assert first.proof.id == again.proof.id != other.proof.id


async def test_token_with_all_that_is_wanted_costs_no_request(site: Site) -> None:
    await from_app(site.oauth2, id_token=site.idp.token())
    before = len(site.idp.visits())
    token = site.access_token()
    await from_app(site.oauth2, id_token=site.idp.token({"jti": "2"}), access_token=token)
    assert len(site.idp.visits()) == before
    assert site.idp.visits(TOKEN) == site.idp.visits(USERINFO) == []


@pytest.mark.parametrize(
    "told", [NONCE, hashlib.sha256(NONCE.encode()).hexdigest()], ids=["raw", "SHA-256"]
)
async def test_a91_nonce_goes_with_the_token(site: Site, told: str) -> None:
    token = site.idp.token({"nonce": told})
    assert is_ann(await from_app(site.oauth2, id_token=token, nonce=NONCE))
    for fields in ({}, {"nonce": "another"}):
        with pytest.raises(Rejected):
            await from_app(site.oauth2, id_token=token, **fields)


async def test_a89_token_of_another_issuer_is_for_the_next_provider(site: Site) -> None:
    with pytest.raises(UnknownIdentity):
        await from_app(site.oauth2, id_token=site.idp.token({"iss": "https://other.example"}))


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "eyJ.eyJ.x", "\ud800", "x" * 20_000])
async def test_unreadable_token_is_refused_but_has_a_name(site: Site, token: str) -> None:
    with pytest.raises(Rejected) as caught:
        await from_app(site.oauth2, id_token=token)
    assert not isinstance(caught.value, UnknownIdentity)
    assert site.idp.visits() == []


async def test_token_comes_before_a_code(site: Site) -> None:
    sent = {"code": "x", "code_verifier": "x" * 43, "redirect_uri": RETURN}
    assert is_ann(await from_app(site.oauth2, id_token=site.idp.token(), **sent))
    assert site.idp.visits(TOKEN) == []


# An app's ID token is good while the identity provider is down


async def test_token_is_verified_during_an_outage(site: Site) -> None:
    await from_app(site.oauth2, id_token=site.idp.token())
    token = site.idp.token({**LACKING, "jti": "2"})
    site.idp.stop()
    identity = await from_app(site.oauth2, id_token=token, access_token="access-token")
    assert (identity.subject, identity.name) == ("ann-1", None)
