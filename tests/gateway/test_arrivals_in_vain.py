"""Returns from a provider's site that come to nothing, and what may be tried again (C22)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from config import Limit
from gateway import errors, journeys
from gateway.outcomes import Departure, Mishap, SignedIn, Stranded
from providers import Cancelled, Identity, Proof, Rejected, Unavailable
from tests.gateway.browsers import (
    RETURN,
    Browser,
    Scene,
    landed,
    outage,
    redeem,
    stranded,
)
from tests.gateway.kit import APP, BrowserScript, Kit

LEASE = 30  # seconds


@pytest.fixture
def scene() -> Scene:
    return Scene()


# What goes wrong at the provider's, and then right


async def cancel() -> None:
    raise Cancelled("access_denied")


async def refuse() -> None:
    raise Rejected("wrong issuer")


async def down() -> None:
    raise Unavailable("idp", "no answer", retry_after=7)


async def bug() -> None:
    raise RuntimeError("secret")


@pytest.mark.parametrize(
    ("failure", "mishap", "error", "retry_after", "outcome", "action"),
    [
        (cancel, Mishap.CANCELLED, "BADLOGIN", None, "cancelled", "authn_login_cancelled"),
        (refuse, Mishap.REFUSED, "BADLOGIN", None, "rejected", "authn_login_fail"),
        (down, Mishap.UNAVAILABLE, "UNAVAILABLE", 7, "unavailable", "sys_upstream_unavailable"),
        (bug, Mishap.UNAVAILABLE, "UNAVAILABLE", None, "unavailable", "sys_upstream_unavailable"),
    ],
)
async def test_what_went_wrong_at_the_provider_may_go_right_the_next_time(
    scene: Scene,
    failure: Callable[[], Awaitable[None]],
    mishap: Mishap,
    error: str,
    retry_after: float | None,
    outcome: str,
    action: str,
) -> None:
    scene.site.before_arrival = failure
    for _ in range(3):  # however often
        state = await (scene.browser.state(scene.trip_id) if scene.trip_id else scene.depart())
        with capture_logs() as logs:
            result = await scene.browser.back(state)
        assert result == scene.again(mishap, error, retry_after)
        line = logs[-1]
        assert (line["outcome"], line["action"]) == (outcome, action)
        assert (line["app"], line["provider"]) == (APP, "site")
        assert "secret" not in str(logs)
    scene.site.before_arrival = scene.site._nothing
    await scene.retry()


async def test_a_provider_that_hangs_is_left_and_may_be_tried_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    state = await scene.depart()
    scene.site.before_arrival = hang
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(journeys, "DEADLINE", 0.05)
        result = await scene.browser.back(state)
    assert result == scene.again(Mishap.UNAVAILABLE, errors.UNAVAILABLE)
    assert logs[-1]["detail"] == "not done within 0.05 s"
    assert logs[-1]["outcome"] == "unavailable"
    scene.site.before_arrival = scene.site._nothing
    await scene.retry()


@pytest.mark.parametrize("address", ["{email}", "{claims[team]}"])
async def test_an_identity_without_the_field_of_its_address_is_the_operators_problem(
    address: str,
) -> None:
    scene = Scene(address=address)
    state = await scene.depart()
    with capture_logs() as logs:
        result = await scene.browser.back(state)
    assert result == scene.again(Mishap.UNAVAILABLE, errors.UNAVAILABLE)
    assert "the identity has no" in logs[-1]["detail"]
    assert scene.kit.issuer.issued == []
    scene.site.identity = lambda: Identity("ann", email="ann@example.com", claims={"team": "x"})
    await scene.retry()


async def test_an_address_of_any_length_is_answered(scene: Scene) -> None:
    scene.site.identity = lambda: Identity("x" * 5000)
    state = await scene.depart()
    assert await scene.browser.back(state) == scene.again(Mishap.UNAVAILABLE, "UNAVAILABLE")


async def test_a_name_of_any_length_and_spelling_is_a_display_name(scene: Scene) -> None:
    scene.site.identity = lambda: Identity("ann", name="\x1b[1m\n" + "\U0001f600" * 5000)
    handed = landed(await scene.browser.back(await scene.depart()))
    await redeem(scene.kit, handed)
    assert scene.kit.issuer.issued == [("site:ann", APP, "[1m" + "\U0001f600" * 61)]


async def test_o7_a_proof_that_a_browser_brings_signs_in_once(scene: Scene) -> None:
    scene.site.identity = lambda: Identity("ann", proof=Proof("assertion", 60))
    landed(await scene.browser.back(await scene.depart()))
    state = await scene.depart()
    assert await scene.browser.back(state) == scene.again(Mishap.REFUSED, errors.BADLOGIN)


# What is configured no more


@pytest.mark.parametrize("change", ["app", "provider"])
async def test_what_is_configured_no_more_signs_nobody_in(scene: Scene, change: str) -> None:
    state = await scene.depart()
    site, apps = BrowserScript(), (APP,) if change == "provider" else ("com.example.other",)
    names = [site] if change == "app" else [BrowserScript("other")]
    after = Kit(*names, app_ids=apps, store=scene.kit.store)
    result = await Browser(after, scene.browser.cookie).back(state)
    expected = Mishap.EXPIRED if change == "app" else Mishap.MALFORMED
    assert stranded(result).mishap is expected
    assert site.arrived == []


async def test_an_app_that_lost_the_provider_signs_nobody_in_by_it(scene: Scene) -> None:
    state = await scene.depart()
    site = BrowserScript()
    after = Kit(site, app_ids=("com.example.other",), store=scene.kit.store)
    assert await Browser(after, scene.browser.cookie).back(state) == Stranded(Mishap.EXPIRED)
    assert site.arrived == []
    await scene.retry()  # with the old configuration, as after a rollback


async def test_a_sign_in_outlives_a_reload(scene: Scene) -> None:
    state = await scene.depart()
    after = Kit(BrowserScript(), return_urls=[RETURN], store=scene.kit.store)
    handed = landed(await Browser(after, scene.browser.cookie).back(state))
    assert isinstance(await redeem(scene.kit, handed), SignedIn)


# The store


async def test_with_the_store_down_before_the_proof_the_same_return_is_good_later(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = await scene.depart()
    with outage(monkeypatch, scene.kit.store, "take"):
        result = await scene.browser.back(state)
    assert result == Stranded(Mishap.UNAVAILABLE, again=f"/signin/{scene.trip_id}")
    assert scene.site.arrived == []
    assert landed(await scene.browser.back(state))


@pytest.mark.parametrize("done", [False, True], ids=["not-done", "answer-lost"])
@pytest.mark.parametrize("steps", [("start",), ("start", "release")], ids=["ticket", "all-after"])
async def test_c22_with_the_store_down_at_the_ticket_the_person_may_try_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, steps: tuple[str, ...], done: bool
) -> None:
    state = await scene.depart()
    with outage(monkeypatch, scene.kit.store, *steps, done=done):
        result = await scene.browser.back(state)
    assert result == scene.again(Mishap.UNAVAILABLE, errors.UNAVAILABLE)
    if "release" in steps and not done:
        scene.kit.clock.now += LEASE
    await scene.retry()


@pytest.mark.parametrize("steps", [("finish",), ("finish", "release")])
async def test_c22_with_the_store_down_at_the_end_the_person_may_try_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, steps: tuple[str, ...]
) -> None:
    state = await scene.depart()
    with outage(monkeypatch, scene.kit.store, *steps):
        result = await scene.browser.back(state)
    assert result == scene.again(Mishap.UNAVAILABLE, errors.UNAVAILABLE)
    if "release" in steps:
        scene.kit.clock.now += LEASE
    await scene.retry()


async def test_when_only_the_answer_to_the_end_is_lost_nobody_gets_a_token(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = await scene.depart()
    with outage(monkeypatch, scene.kit.store, "finish", done=True):
        result = await scene.browser.back(state)
    assert result == scene.again(Mishap.UNAVAILABLE, errors.UNAVAILABLE)
    assert await scene.browser.open(scene.trip_id) == Stranded(Mishap.EXPIRED)


async def test_a_lease_that_was_lost_hands_nothing_over(scene: Scene) -> None:
    async def dawdle() -> None:
        scene.kit.clock.now += LEASE
        await scene.kit.desk.trips.take(scene.trip_id, ())

    state = await scene.depart()
    scene.site.before_arrival = dawdle
    result = await scene.browser.back(state)
    assert result == scene.again(Mishap.UNAVAILABLE, errors.UNAVAILABLE)


async def test_arrivals_are_limited_by_address() -> None:
    scene = Scene(per_ip=[Limit(2, 60)])
    state = await scene.depart()
    assert isinstance(await scene.browser.open(scene.trip_id), Departure)  # costs nothing
    other = await scene.depart()
    result = await scene.browser.back(other)
    again = f"/signin/{scene.trip_id}"
    assert result == Stranded(Mishap.LIMITED, again=again, retry_after=60)
    scene.kit.clock.now += 60
    assert landed(await scene.browser.back(state))
    assert landed(await scene.browser.back(other))  # being limited used nothing up
