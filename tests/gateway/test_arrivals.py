"""Browsers that come back from a provider's site (O2, O8, C19, C22, A101, A103)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from gateway import trips
from gateway.outcomes import Landed, Mishap, SignedIn, Stranded
from providers import Cancelled, Identity
from tests.gateway.browsers import (
    Browser,
    Scene,
    begin,
    landed,
    redeem,
)
from tests.gateway.kit import APP, BrowserScript, CodeScript, Kit


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_the_provider_gets_the_trip_of_the_departure_and_the_whole_answer(
    scene: Scene,
) -> None:
    state = await scene.depart()
    result = await scene.browser.back(state, code="c", iss="https://idp.example.test")
    assert isinstance(result, Landed)
    assert result.app_name == "Example"
    [(attempt, trip, answer)] = scene.site.arrived
    assert answer == {"state": state, "code": "c", "iss": "https://idp.example.test"}
    [departed] = scene.site.departed
    assert (trip.state, trip.nonce, trip.verifier) == (
        departed.state,
        departed.nonce,
        departed.verifier,
    )
    assert trip.return_url == departed.return_url
    assert (attempt.app, attempt.app_name, attempt.provider) == (APP, "Example", "site")
    assert (attempt.identity, attempt.client, attempt.request_id) == ("", "192.0.2.1", "r")


# States that are not of this browser, provider, or moment


def swap(state: str, other: str) -> str:
    """The id of one trip with the rest of another's state."""
    return state.partition(".")[0] + "." + other.partition(".")[2]


@pytest.mark.parametrize(
    ("spoil", "mishap"),
    [
        pytest.param(lambda s, o: "", Mishap.MALFORMED, id="none"),
        pytest.param(lambda s, o: s[:-1], Mishap.OTHER_BROWSER, id="truncated"),
        pytest.param(lambda s, o: s + "x", Mishap.OTHER_BROWSER, id="longer"),
        pytest.param(lambda s, o: s[:23] + "A" * 66, Mishap.OTHER_BROWSER, id="guessed"),
        pytest.param(swap, Mishap.OTHER_BROWSER, id="swapped-parts"),
        pytest.param(lambda s, o: o, Mishap.OTHER_BROWSER, id="of-another-browser"),
        pytest.param(lambda s, o: "\udcff" * 89, Mishap.OTHER_BROWSER, id="of-no-text"),
        pytest.param(lambda s, o: "x" * 8192, Mishap.OTHER_BROWSER, id="huge"),
    ],
)
async def test_a101_a_state_that_is_not_this_browsers_is_refused(
    scene: Scene, spoil: Callable[[str, str], str], mishap: Mishap
) -> None:
    state = await scene.depart()
    other = await Browser(scene.kit).state((await begin(scene.kit)).id)
    with capture_logs() as logs:
        assert await scene.browser.back(spoil(state, other)) == Stranded(mishap)
    [line] = logs
    assert (line["action"], line["outcome"]) == ("sequence_fail", "bad_request")
    assert (line["app"], line["provider"]) == ("", "site")
    assert scene.site.arrived == []
    assert landed(await scene.browser.back(state))  # nothing was used up


@pytest.mark.parametrize("cookie", [None, "", "x" * 22, "\udcff" * 22])
async def test_o2_without_the_cookie_of_the_departure_nobody_arrives(
    scene: Scene, cookie: str | None
) -> None:
    state = await scene.depart()
    thief = Browser(scene.kit, cookie)
    assert await thief.back(state) == Stranded(Mishap.OTHER_BROWSER)
    assert scene.site.arrived == []


async def test_o2_no_state_is_bound_to_an_empty_cookie(scene: Scene) -> None:
    trip_id = (await begin(scene.kit)).id
    state = scene.kit.desk.trips.depart(trip_id, "site", "")
    assert await Browser(scene.kit, "").back(state) == Stranded(Mishap.OTHER_BROWSER)


async def test_a101_a103_the_answer_of_one_provider_is_none_of_another() -> None:
    other = BrowserScript("other")
    scene = Scene(other)
    state = await scene.depart()
    assert await scene.browser.back(state, "other") == Stranded(Mishap.OTHER_BROWSER)
    assert scene.site.arrived == other.arrived == []
    assert landed(await scene.browser.back(state))


@pytest.mark.parametrize("provider", ["nobody", "", "code", "http://evil.test", "\udcff"])
async def test_a_callback_of_no_such_provider_is_malformed(provider: str) -> None:
    kit = Kit(BrowserScript(), CodeScript("code"))
    state = await Browser(kit).state((await begin(kit, return_url="")).id)
    with capture_logs() as logs:
        assert await Browser(kit).back(state, provider) == Stranded(Mishap.MALFORMED)
    assert [line["provider"] for line in logs] == [""]


async def test_a101_a_state_comes_back_once(scene: Scene) -> None:
    state = await scene.depart()
    landed(await scene.browser.back(state))
    with capture_logs() as logs:
        assert await scene.browser.back(state) == Stranded(Mishap.EXPIRED)
    assert logs[-1]["action"] == "sequence_fail"
    assert len(scene.site.arrived) == 1


async def _cancel() -> None:
    raise Cancelled("access_denied")


async def test_a101_a_state_comes_back_once_even_if_nothing_came_of_it(scene: Scene) -> None:
    scene.site.before_arrival = _cancel
    state = await scene.depart()
    await scene.browser.back(state)
    scene.site.before_arrival = scene.site._nothing
    assert await scene.browser.back(state) == Stranded(Mishap.EXPIRED)
    assert len(scene.site.arrived) == 1
    await scene.retry()


async def test_a101_of_parallel_returns_of_one_state_one_arrives(scene: Scene) -> None:
    scene.site.before_arrival = lambda: asyncio.sleep(0)
    state = await scene.depart()
    results = await asyncio.gather(*(scene.browser.back(state) for _ in range(20)))
    assert sum(isinstance(result, Landed) for result in results) == 1
    assert results.count(Stranded(Mishap.EXPIRED)) == 19
    assert len(scene.site.arrived) == 1


async def test_c19_a_state_ends_with_its_trip(scene: Scene) -> None:
    state = await scene.depart()
    scene.kit.clock.now += trips.LIFETIME
    assert await scene.browser.back(state) == Stranded(Mishap.EXPIRED)


# Several browsers, several tabs


async def test_of_two_browsers_on_one_trip_the_first_wins(scene: Scene) -> None:
    state = await scene.depart()
    second = Browser(scene.kit)
    second_state = await second.state(scene.trip_id)
    scene.site.identity = lambda: Identity("first")
    handed = landed(await scene.browser.back(state))
    scene.site.identity = lambda: Identity("second")
    assert await second.back(second_state) == Stranded(Mishap.EXPIRED)
    assert await redeem(scene.kit, handed) == SignedIn("token-1", "site:first", None)


async def test_one_browser_may_have_several_tabs(scene: Scene) -> None:
    states = [await scene.depart(), await scene.browser.state(scene.trip_id)]
    landed(await scene.browser.back(states[1]))
    assert await scene.browser.back(states[0]) == Stranded(Mishap.EXPIRED)


async def test_one_browser_may_be_on_several_trips(scene: Scene) -> None:
    states = [await scene.depart() for _ in range(3)]
    handed = [landed(await scene.browser.back(state)) for state in reversed(states)]
    assert len({h.id for h in handed}) == 3
    for h in handed:
        assert isinstance(await redeem(scene.kit, h), SignedIn)


async def test_while_one_tab_ends_the_sign_in_another_is_told_to_wait(scene: Scene) -> None:
    state = await scene.depart()
    second = Browser(scene.kit)
    second_state = await second.state(scene.trip_id)
    results: list[Landed | Stranded] = []

    async def meanwhile() -> None:
        results.append(await second.back(second_state))

    scene.site.before_arrival = meanwhile
    landed(await scene.browser.back(state))
    again = f"/signin/{scene.trip_id}"
    assert results == [Stranded(Mishap.UNAVAILABLE, again=again, retry_after=1.0)]
