"""Proofs that stay valid, such as signed tokens: each signs in once (O7, A91, C22)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterator

import pytest
import redis
from structlog.testing import capture_logs

from gateway import errors
from gateway.conclusion import MAX_PROOF_LIFETIME
from gateway.deadlines import Deadline
from gateway.outcomes import HandedOver, HandOver, Outcome, SignedIn
from gateway.stores import Store, open_store
from providers import Attempt, Fields, Identity, Proof
from tests.gateway.browsers import CHALLENGE, RETURN, outage
from tests.gateway.conftest import StartRedis
from tests.gateway.kit import APP, BrowserScript, Kit, word
from tests.gateway.stores.conftest import SHORTEN
from tests.servers.redis_server import RedisServer

OTHER_APP = "com.example.other"
TOKEN = "ann.token-of-the-identity-provider"  # what BrowserScript takes: somebody's


@pytest.fixture
def site() -> BrowserScript:
    return BrowserScript()


@pytest.fixture
def kit(site: BrowserScript) -> Kit:
    return Kit(site, app_ids=(APP, OTHER_APP), return_urls=[RETURN])


async def show(kit: Kit, token: str = TOKEN, app: str = APP) -> Outcome:
    return await kit.login(app=app, id_token=token)


async def test_o7_a91_a_proof_signs_in_once(kit: Kit) -> None:
    assert await show(kit) == SignedIn("token-1", "site:ann", None)
    with capture_logs() as logs:
        assert word(await show(kit)) == errors.BADLOGIN
    assert (logs[-1]["outcome"], logs[-1]["action"]) == ("rejected", "authn_login_fail")
    assert "token-of-the" not in str(logs)
    assert len(kit.issuer.issued) == 1


async def test_o7_another_proof_of_the_same_person_is_another_proof(kit: Kit) -> None:
    for number in range(3):
        assert isinstance(await show(kit, f"ann.{number}"), SignedIn)


async def test_o7_a_proof_signs_in_to_one_app(kit: Kit) -> None:
    assert isinstance(await show(kit), SignedIn)
    assert word(await show(kit, app=OTHER_APP)) == errors.BADLOGIN


async def test_o7_a_proof_signs_in_at_one_of_the_providers_that_accept_it() -> None:
    kit = Kit(BrowserScript("one"), BrowserScript("two"))
    assert isinstance(await kit.login(provider="one", id_token=TOKEN), SignedIn)
    assert word(await kit.login(provider="two", id_token=TOKEN)) == errors.BADLOGIN


async def test_o7_a_page_of_ours_takes_a_proof_once_as_well(kit: Kit) -> None:
    wish = HandOver(RETURN, CHALLENGE)
    assert isinstance(await kit.login_on_page(wish, id_token=TOKEN), HandedOver)
    assert word(await kit.login_on_page(wish, id_token=TOKEN)) == errors.BADLOGIN
    assert word(await show(kit)) == errors.BADLOGIN


async def test_a_proof_that_cannot_be_shown_again_is_not_counted() -> None:
    class Once(BrowserScript):
        async def begin(self, attempt: Attempt, fields: Fields) -> Identity:
            return Identity("ann")

    kit = Kit(Once())
    for _ in range(3):
        assert isinstance(await show(kit), SignedIn)


# How long


@pytest.mark.parametrize("passed", [0.001, 1, 299])
async def test_o7_a_proof_is_remembered_for_as_long_as_it_is_valid(kit: Kit, passed: float) -> None:
    await show(kit)
    kit.clock.now += passed
    assert word(await show(kit)) == errors.BADLOGIN


async def test_a_proof_that_nobody_accepts_any_more_is_forgotten(kit: Kit) -> None:
    await show(kit)
    kit.clock.now += 300
    assert isinstance(await show(kit), SignedIn)  # a real provider would refuse it by now


@pytest.mark.parametrize("lifetime", [0.0, -5.0, 0.0001])
async def test_o7_a_proof_at_its_very_end_signs_in_once(
    kit: Kit, site: BrowserScript, lifetime: float
) -> None:
    site.proof_lifetime = lifetime
    assert isinstance(await show(kit), SignedIn)
    assert word(await show(kit)) == errors.BADLOGIN


async def test_o7_the_longest_proof_is_remembered(kit: Kit, site: BrowserScript) -> None:
    site.proof_lifetime = MAX_PROOF_LIFETIME
    assert isinstance(await show(kit), SignedIn)
    kit.clock.now += MAX_PROOF_LIFETIME - 1
    assert word(await show(kit)) == errors.BADLOGIN
    assert MAX_PROOF_LIFETIME * 1000 < 2**32  # what stores count in


@pytest.mark.parametrize("lifetime", [MAX_PROOF_LIFETIME + 1, 1e300, math.inf, math.nan])
async def test_o7_a_proof_that_cannot_be_remembered_is_refused(
    kit: Kit, site: BrowserScript, lifetime: float
) -> None:
    site.proof_lifetime = lifetime
    assert word(await show(kit)) == errors.BADLOGIN
    assert kit.issuer.issued == []


# What fails and then works


async def test_c22_a_proof_is_given_back_when_the_issuer_fails(kit: Kit) -> None:
    kit.issuer.failing = True
    for _ in range(10):  # more often than failures are let through
        assert word(await show(kit)) == errors.UNAVAILABLE
    kit.issuer.failing = False
    assert isinstance(await show(kit), SignedIn)
    assert word(await show(kit)) == errors.BADLOGIN


async def test_c22_a_proof_is_given_back_when_the_issuer_hangs(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    kit.issuer.before = hang
    with monkeypatch.context() as patch:
        patch.setattr(kit.engine, "_deadline", Deadline(0.05))
        assert word(await show(kit)) == errors.UNAVAILABLE
    kit.issuer.before = None
    assert isinstance(await show(kit), SignedIn)


async def test_c22_a_proof_is_given_back_when_the_ticket_cannot_be_kept(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = HandOver(RETURN, CHALLENGE)
    with outage(monkeypatch, kit.store, "start"):
        assert word(await kit.login_on_page(wish, id_token=TOKEN)) == errors.UNAVAILABLE
    assert isinstance(await kit.login_on_page(wish, id_token=TOKEN), HandedOver)


async def test_a_proof_whose_address_is_missing_is_not_used_up() -> None:
    kit = Kit(BrowserScript(), address="{email}")
    assert word(await show(kit)) == errors.UNAVAILABLE
    after = Kit(BrowserScript(), store=kit.store)  # the operator has mended the template
    assert isinstance(await show(after), SignedIn)


async def test_with_the_store_down_no_proof_signs_in(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    with outage(monkeypatch, kit.store, "count"):
        assert word(await show(kit)) == errors.UNAVAILABLE
    assert kit.issuer.issued == []
    assert isinstance(await show(kit), SignedIn)


async def test_with_store_and_issuer_down_it_is_one_outage(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.issuer.failing = True
    with outage(monkeypatch, kit.store, "uncount"), capture_logs() as logs:
        assert word(await show(kit)) == errors.UNAVAILABLE
    assert "issuer" in logs[-1]["detail"]
    kit.issuer.failing = False
    assert word(await show(kit)) == errors.BADLOGIN  # nobody could give it back: it stays used


# In parallel, and over several gateways


async def test_o7_of_parallel_requests_one_gets_the_token(kit: Kit) -> None:
    kit.issuer.before = lambda: asyncio.sleep(0)
    outcomes = await asyncio.gather(*(show(kit) for _ in range(20)))
    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
    assert len(kit.issuer.issued) == 1


@pytest.fixture
def server(start_redis: StartRedis) -> RedisServer:
    return start_redis()


@pytest.fixture
def admin(server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        yield client


@pytest.fixture
async def stores(server: RedisServer) -> AsyncIterator[tuple[Store, Store]]:
    """Two gateways' ways to one Redis."""
    both = open_store(server.url), open_store(server.url)
    yield both
    for store in both:
        await store.close()


async def test_o7_of_two_gateways_one_gives_the_token(stores: tuple[Store, Store]) -> None:
    kits = [Kit(BrowserScript(), store=store, failures=[]) for store in stores]
    outcomes = await asyncio.gather(*(show(kits[n % 2]) for n in range(20)))
    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
    assert sum(len(kit.issuer.issued) for kit in kits) == 1


async def test_c22_what_one_gateway_gives_back_another_accepts(stores: tuple[Store, Store]) -> None:
    one, two = (Kit(BrowserScript(), store=store) for store in stores)
    one.issuer.failing = True
    assert word(await show(one)) == errors.UNAVAILABLE
    assert isinstance(await show(two), SignedIn)
    assert word(await show(one)) == errors.BADLOGIN


async def test_o7_redis_remembers_a_proof_for_as_long_as_it_is_valid(
    stores: tuple[Store, Store], admin: redis.Redis
) -> None:
    one, two = (Kit(BrowserScript(), store=store) for store in stores)
    await show(one)
    admin.eval(SHORTEN, 0, "200000")
    assert word(await show(two)) == errors.BADLOGIN
    admin.eval(SHORTEN, 0, "100000")
    assert isinstance(await show(two), SignedIn)


async def test_c13_no_proof_can_be_read_in_the_store(
    stores: tuple[Store, Store], admin: redis.Redis
) -> None:
    await show(Kit(BrowserScript(), store=stores[0]))
    names = admin.keys("*")
    assert names
    assert not any("ann" in str(name) or "token-of" in str(name) for name in names)


def test_a_proof_has_an_id_and_a_lifetime() -> None:
    assert Proof("id", 1.0) == ("id", 1.0)


async def test_o20_a_code_is_shown_to_the_provider_that_it_is_of() -> None:
    """Whoever is asked first could redeem another one's code."""
    kit = Kit(BrowserScript("first"), BrowserScript("second"), return_urls=[RETURN])
    code = {"code": "c", "code_verifier": "v" * 43, "redirect_uri": RETURN}
    with capture_logs() as logs:
        assert word(await kit.login(**code)) == errors.BADREQUEST
        assert word(await kit.login(provider="second", **code)) == errors.BADREQUEST
    details = [line["detail"] for line in logs]
    assert details[0] == "a code, and not the provider that it is of"
    assert details[1] == "no provider of this app can use these fields"
