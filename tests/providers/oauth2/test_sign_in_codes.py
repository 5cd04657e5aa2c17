"""Sign-ins with a code that an app has got, and what the gateway asks the identity provider."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from providers import LoginError, Rejected, Unavailable, UnknownIdentity
from tests.providers.oauth2.arriving import (
    LACKING,
    OUTAGES,
    RETURN,
    NewSite,
    Site,
    from_app,
    is_ann,
)
from tests.providers.oauth2.reaching import APP, Times
from tests.servers.oidc_clients import Client, Method
from tests.servers.oidc_fake import DISCOVERY, JWKS, TOKEN, USERINFO, OidcFake
from tests.servers.oidc_flow import Flow
from tests.servers.oidc_keys import ABSENT, Key
from tests.servers.tls import Authority


async def test_code_signs_in(site: Site) -> None:
    identity = await site.by_code()
    assert is_ann(identity)
    assert identity.proof is None
    (visit,) = site.idp.visits(TOKEN)
    assert visit.method == "POST"
    assert visit.query == ""


@pytest.mark.parametrize("nonce", ["raw", "SHA-256"])
async def test_a91_nonce_of_a_code_is_compared_if_the_app_sends_it(site: Site, nonce: str) -> None:
    flow = Flow(APP.id, RETURN)
    told = flow.nonce
    if nonce == "SHA-256":
        flow.nonce = hashlib.sha256(told.encode()).hexdigest()
    assert is_ann(await from_app(site.oauth2, **await site.code(flow), nonce=told))
    with pytest.raises(Rejected, match="nonce"):
        await from_app(site.oauth2, **await site.code(flow), nonce="another")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"code_verifier": "y" * 43}, id="O1: verifier"),
        pytest.param({"code": "never-given"}, id="code"),
        pytest.param({"redirect_uri": "com.example.app:/other"}, id="O20: redirect_uri"),
    ],
)
async def test_code_that_is_not_good_is_the_persons(site: Site, changes: dict[str, str]) -> None:
    with capture_logs() as logs, pytest.raises(Rejected, match="invalid_grant"):
        await site.by_code(**changes)
    assert logs == []


async def test_o20_code_is_good_once(site: Site) -> None:
    sent = await site.code(Flow(APP.id, RETURN))
    assert is_ann(await from_app(site.oauth2, **sent))
    with pytest.raises(Rejected, match="invalid_grant"):
        await from_app(site.oauth2, **sent)


@pytest.mark.parametrize(
    "changes", [{"code_verifier": "x" * 42}, {"code_verifier": "plain text" * 5}, {"code": "a\nb"}]
)
async def test_a107_nobody_is_asked_about_what_is_no_code(
    site: Site, changes: dict[str, str]
) -> None:
    sent = {"code": "x", "code_verifier": "x" * 43, "redirect_uri": RETURN}
    with pytest.raises(Rejected):
        await from_app(site.oauth2, **(sent | changes))
    assert site.idp.visits() == []


@pytest.mark.parametrize("outage", [*OUTAGES, "http302", "http404", "http429", "json500"])
async def test_a111_o20_code_is_sent_once_whatever_comes_back(site: Site, outage: str) -> None:
    sent = await site.code(Flow(APP.id, RETURN))
    site.idp.script(TOKEN, outage)
    with pytest.raises(Unavailable) as caught:
        await from_app(site.oauth2, **sent)
    assert caught.value.upstream == "corp"
    assert len(site.idp.visits(TOKEN)) == 1


@pytest.mark.parametrize("path", [DISCOVERY, JWKS])
@pytest.mark.parametrize("outage", ["http503", "html"])
async def test_a111_outage_elsewhere_is_an_outage(site: Site, path: str, outage: str) -> None:
    site.idp.script(path, outage)
    with pytest.raises(Unavailable) as caught:
        await site.by_code()
    assert caught.value.upstream == "corp"


async def test_wrong_secret_is_the_operators(new_site: NewSite) -> None:
    site = new_site(client_secret="wrong")
    with capture_logs() as logs, pytest.raises(Unavailable):
        await site.by_code()
    (line,) = logs
    assert line["log_level"] == "error"
    assert "invalid_client" in line["answer"]
    assert "client_secret" in line["advice"]
    assert "wrong" not in str({**line, "answer": ""})


@pytest.mark.parametrize("claims", [{"aud": "other"}, {"exp": 1}, {"sub": ""}, {"at_hash": "x"}])
async def test_id_token_for_a_code_is_verified_like_any(site: Site, claims: Any) -> None:
    site.idp.claims = claims
    with pytest.raises(Rejected) as caught:
        await site.by_code()
    assert not isinstance(caught.value, UnknownIdentity)


async def test_a89_a_code_is_for_no_other_provider(site: Site) -> None:
    """Even if its token turns out to be another issuer's: the code has been shown."""
    site.idp.claims = {"iss": "https://other.example"}
    with pytest.raises(Rejected, match="another issuer") as caught:
        await site.by_code()
    assert not isinstance(caught.value, UnknownIdentity)


async def test_signature_of_another_key_is_refused(site: Site) -> None:
    site.idp.forge = lambda claims: site.idp.token(claims, by=Key("RS256", site.idp.keys[0].kid))
    with pytest.raises(Rejected):
        await site.by_code()


async def test_no_id_token_is_the_operators(site: Site) -> None:
    site.idp.forge = lambda claims: ""
    with capture_logs() as logs, pytest.raises(Unavailable, match="ID token"):
        await site.by_code()
    assert [line["log_level"] for line in logs] == ["error"]


# Which client it is


@pytest.fixture(params=["client_secret_basic", "client_secret_post", "none", "private_key_jwt"])
def other_client(
    request: pytest.FixtureRequest, authority: Authority
) -> Iterator[tuple[OidcFake, dict[str, Any]]]:
    """An identity provider with an odd secret, and the keys of the configuration for it."""
    method: Method = request.param
    key = Key("ES256", "key-1")
    secret = "" if method in ("none", "private_key_jwt") else "s +%:\u00e4\U0001f511"
    keys: dict[str, Any] = {"client_secret": secret or None}
    if method == "client_secret_post":
        keys["client_auth"] = "post"
    if method == "private_key_jwt":
        pem = key.private_pem.decode()
        keys |= {"client_auth": "private_key_jwt", "private_key": pem, "key_id": "key-1"}
    client = Client(APP.id, APP.redirect_uris, method, secret, key)
    with OidcFake(authority.server(), client) as idp:
        yield idp, keys


async def test_client_proves_itself_as_it_is_registered(
    new_site: NewSite, other_client: tuple[OidcFake, dict[str, Any]]
) -> None:
    idp, keys = other_client
    site = new_site(idp, **keys)
    assert is_ann(await site.by_code())
    assert is_ann(await site.in_browser())  # each assertion is good once


# Time


@pytest.mark.parametrize("path", [DISCOVERY, TOKEN, JWKS, USERINFO])
async def test_a111_no_identity_provider_keeps_anybody_waiting(
    new_site: NewSite, path: str
) -> None:
    site = new_site(timeout="500ms", require={"groups": "staff"})
    sent = await site.code(Flow(APP.id, RETURN))
    site.idp.script(path, "hang")
    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        await from_app(site.oauth2, **sent)
    assert 0.4 < time.monotonic() - started < 1.5
    assert caught.value.upstream == "corp"


async def test_a111_all_requests_share_one_deadline(new_site: NewSite) -> None:
    site = new_site(timeout="1s", require={"groups": "staff"})
    sent = await site.code(Flow(APP.id, RETURN))
    for path in (DISCOVERY, TOKEN, JWKS, USERINFO):
        site.idp.script(path, "slow:0.4")
    started = time.monotonic()
    with pytest.raises(Unavailable):
        await from_app(site.oauth2, **sent)
    assert time.monotonic() - started < 1.5


async def test_what_is_only_comfort_is_waited_for_no_longer_than_that(new_site: NewSite) -> None:
    site = new_site(timeout="500ms")
    site.idp.claims = dict.fromkeys(LACKING, ABSENT)
    sent = await site.code(Flow(APP.id, RETURN))
    site.idp.script(USERINFO, "hang")
    identity = await from_app(site.oauth2, **sent)
    assert (identity.subject, identity.name) == ("ann-1", None)


async def test_a111_what_hangs_is_left_alone_after_a_while(new_site: NewSite) -> None:
    site = new_site(timeout="500ms")
    sent = [await site.code(Flow(APP.id, RETURN)) for _ in range(11)]
    site.idp.script(TOKEN, "hang")
    for failure in await asyncio.gather(
        *(from_app(site.oauth2, **each) for each in sent[:10]), return_exceptions=True
    ):
        assert isinstance(failure, Unavailable)
    with pytest.raises(Unavailable, match="left alone"):
        await from_app(site.oauth2, **sent[10])
    assert len(site.idp.visits(TOKEN)) == 10


@pytest.mark.parametrize("path", [DISCOVERY, JWKS])
async def test_nothing_goes_on_after_the_end(site: Site, path: str) -> None:
    site.idp.script(path, "hang")
    before = asyncio.all_tasks()
    login = asyncio.create_task(from_app(site.oauth2, id_token=site.idp.token()))
    await asyncio.to_thread(site.idp.wait_visits, 1, path)
    await site.oauth2.close()
    await asyncio.wait([login], timeout=5)
    assert asyncio.all_tasks() == before


# Nothing gets out


@pytest.mark.parametrize("outage", ["json400", "json401", *OUTAGES])
async def test_no_secret_in_errors_and_logs(site: Site, outage: str) -> None:
    sent = await site.code(Flow(APP.id, RETURN))
    site.idp.script(TOKEN, outage)
    with capture_logs() as logs, pytest.raises(LoginError) as caught:
        await from_app(site.oauth2, **sent)
    text = f"{caught.value} {caught.value.__cause__} {json.dumps(logs)}"
    for secret in (sent["code"], sent["code_verifier"], "example.test", "Bearer"):
        assert secret not in text


async def test_upstream_in_metrics_is_the_provider(site: Site, times: Times) -> None:
    await site.in_browser()
    assert {name for name, _ in times.calls} == {"corp"}
