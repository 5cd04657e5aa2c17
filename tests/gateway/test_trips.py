"""Trips: their ids, the states of browsers, and what providers are told (O1, O2, O8, C19, A101)."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from gateway import errors
from gateway.challenges import MAX_KEPT, Challenges
from gateway.digests import Digests
from gateway.errors import Refusal, TooMany
from gateway.outcomes import HandOver
from gateway.stores import Window
from gateway.stores.memory import MemoryStore
from gateway.trips import LIFETIME, Journey, Trips, is_cookie, new_cookie, read
from tests.gateway.kit import Clock

JOURNEY = Journey("com.example.app", "site", HandOver("com.example.app:/in", "c" * 43))
COOKIE, OTHER_COOKIE = "browser-1-------------", "browser-2-------------"
WORD = "[A-Za-z0-9_-]"


class Agency:
    """Trips on a store of their own."""

    def __init__(self, secret: bytes = b"k" * 32) -> None:
        self.clock = Clock()
        self.store = MemoryStore(clock=self.clock)
        self.trips = self.under(secret)

    def under(self, secret: bytes) -> Trips:
        digests = Digests(secret)
        return Trips(Challenges(self.store, digests), digests)

    async def begin(self, journey: Journey = JOURNEY) -> str:
        trip_id = await self.trips.begin(journey, ())
        assert isinstance(trip_id, str)
        return trip_id


@pytest.fixture
def agency() -> Agency:
    return Agency()


# Trips


@pytest.mark.parametrize(
    "journey",
    [
        JOURNEY,
        Journey("com.example.app", "site", HandOver()),
        Journey('x"\\\r\n\u2028\U0001f600', "a-b_c", HandOver('http://[::1]:1/x?y="', "")),
    ],
)
async def test_a_trip_is_found_as_it_was_begun(agency: Agency, journey: Journey) -> None:
    assert await agency.trips.find(await agency.begin(journey)) == journey


async def test_c19_ids_have_128_bits_and_never_repeat(agency: Agency) -> None:
    ids = [await agency.begin() for _ in range(100)]
    assert len(set(ids)) == 100
    assert all(re.fullmatch(WORD + "{22}", trip_id) for trip_id in ids)


@pytest.mark.parametrize(
    "trip_id",
    ["", "x", "x" * 22, "x" * 21, "x" * 23, "x" * 22 + "\n", "\u00e9" * 22, "\udcff" * 22],
)
async def test_nothing_else_is_a_trip(agency: Agency, trip_id: str) -> None:
    await agency.begin()
    assert await agency.trips.find(trip_id) is None


async def test_c19_a_trip_ends_by_itself(agency: Agency) -> None:
    trip_id = await agency.begin()
    agency.clock.now += LIFETIME - 1
    assert await agency.trips.find(trip_id)
    agency.clock.now += 1
    assert await agency.trips.find(trip_id) is None
    assert LIFETIME <= 600


async def test_a_trip_counts_where_it_is_told_to(agency: Agency) -> None:
    window = Window(b"w" * 16, 1, 1000, "requests")
    assert await agency.trips.begin(JOURNEY, [window])
    with pytest.raises(TooMany) as refused:
        await agency.trips.begin(JOURNEY, [window])
    assert (refused.value.window, refused.value.retry_after) == (window, 1.0)


async def test_one_right_ends_a_trip(agency: Agency) -> None:
    trip_id = await agency.begin()
    lease = await agency.trips.take(trip_id, ())
    assert lease is not None
    assert read(lease) == JOURNEY
    with pytest.raises(Refusal, match="being used") as busy:
        await agency.trips.take(trip_id, ())
    assert (busy.value.word, busy.value.retry_after) == ("UNAVAILABLE", 1.0)
    assert await agency.store.finish(lease.key, lease.id, forget=())
    assert await agency.trips.take(trip_id, ()) is None
    assert await agency.trips.find(trip_id) is None


async def test_looking_at_a_trip_however_often_does_not_use_it_up(agency: Agency) -> None:
    trip_id = await agency.begin()
    for _ in range(300):
        assert await agency.trips.find(trip_id)
    assert await agency.trips.take(trip_id, ())


async def test_what_does_not_fit_into_the_store_is_a_bad_request(agency: Agency) -> None:
    around = len('["","site","com.example.app:/in",""]'.replace('""]', f'"{"c" * 43}"]'))
    fits = replace(JOURNEY, app_id="x" * (MAX_KEPT - around))
    assert await agency.trips.find(await agency.begin(fits)) == fits
    for app_id in (fits.app_id + "x", "\x01" * 200, "\U0001f600" * 300):
        with pytest.raises(Refusal) as refused:
            await agency.begin(replace(JOURNEY, app_id=app_id))
        assert refused.value.word == errors.BADREQUEST


# States


async def test_o2_a_state_is_of_its_trip_provider_and_browser(agency: Agency) -> None:
    trip_id = await agency.begin()
    state = agency.trips.depart(trip_id, "site", COOKIE)
    assert re.fullmatch(rf"{WORD}{{22}}\.{WORD}{{22}}\.{WORD}{{43}}", state)
    assert agency.trips.bound(state, "site", COOKIE) == trip_id


async def test_o2_each_departure_has_a_state_of_its_own(agency: Agency) -> None:
    trip_id = await agency.begin()
    states = {agency.trips.depart(trip_id, "site", COOKIE) for _ in range(100)}
    assert len(states) == 100
    assert len({state.split(".")[1] for state in states}) == 100


@pytest.mark.parametrize(
    ("provider", "cookie"),
    [
        pytest.param("other", COOKIE, id="a101-o8-other-provider"),
        pytest.param("", COOKIE, id="no-provider"),
        pytest.param("Site", COOKIE, id="case-of-provider"),
        pytest.param("site", OTHER_COOKIE, id="o2-other-browser"),
        pytest.param("site", "", id="o2-no-cookie"),
        pytest.param("site", COOKIE + "x", id="longer-cookie"),
        pytest.param("site", COOKIE[:-1], id="shorter-cookie"),
        pytest.param("site", COOKIE.upper(), id="case-of-cookie"),
        pytest.param("site", "\udcff" * 22, id="cookie-of-no-text"),
    ],
)
async def test_a101_a_state_is_of_no_use_elsewhere(
    agency: Agency, provider: str, cookie: str
) -> None:
    state = agency.trips.depart(await agency.begin(), "site", COOKIE)
    assert agency.trips.bound(state, provider, cookie) is None


async def test_a101_parts_of_states_cannot_be_put_together(agency: Agency) -> None:
    one, two = await agency.begin(), await agency.begin()
    states = [
        agency.trips.depart(one, "site", COOKIE).split("."),
        agency.trips.depart(one, "site", COOKIE).split("."),
        agency.trips.depart(two, "site", COOKIE).split("."),
    ]
    good = set()
    for a in range(3):
        for b in range(3):
            for c in range(3):
                state = ".".join((states[a][0], states[b][1], states[c][2]))
                if agency.trips.bound(state, "site", COOKIE):
                    good.add(state)
    assert good == {".".join(state) for state in states}


async def test_a101_no_state_can_be_made_up_or_mended(agency: Agency) -> None:
    trip_id = await agency.begin()
    state = agency.trips.depart(trip_id, "site", COOKIE)
    made_up = [
        "",
        ".",
        "..",
        trip_id,
        state[:-1],
        state + "A",
        state + "\n",
        "\n" + state,
        state + "." + state,
        state.replace(".", ":"),
        state.swapcase(),
        state[:-1] + ("A" if state[-1] != "A" else "B"),
        state[1:] + state[0],
        f"{trip_id}.{'A' * 22}.{'A' * 43}",
        f"{trip_id}..{'A' * 43}",
        "\u00e9" + state[1:],
        "\u0661" * 22 + state[22:],
        "\udcff" + state[1:],
        "x" * 100_000,
    ]
    assert [agency.trips.bound(text, "site", COOKIE) for text in made_up] == [None] * len(made_up)


async def test_a101_every_character_of_a_state_counts(agency: Agency) -> None:
    state = agency.trips.depart(await agency.begin(), "site", COOKIE)
    for i, character in enumerate(state):
        other = "A" if character != "A" else "B"
        assert agency.trips.bound(state[:i] + other + state[i + 1 :], "site", COOKIE) is None


async def test_a_state_of_another_gateway_is_none_here(agency: Agency) -> None:
    trip_id = await agency.begin()
    foreign = agency.under(b"x" * 32).depart(trip_id, "site", COOKIE)
    assert agency.trips.bound(foreign, "site", COOKIE) is None


async def test_nothing_is_stored_at_a_departure(agency: Agency) -> None:
    trip_id = await agency.begin()
    for _ in range(50):
        agency.trips.depart(trip_id, "site", COOKIE)
    assert len(agency.store._challenges) == 1
    assert len(agency.store._counters) == 0


def test_each_state_has_a_window_of_its_own_for_one_return(agency: Agency) -> None:
    one, two = (agency.trips.once(state) for state in ("state one", "state two"))
    assert one.key != two.key
    assert (one.limit, one.period_ms) == (1, int(LIFETIME * 1000))
    assert "state one" not in one.name


# What the provider is told


def test_o1_o3_nonce_and_verifier_are_of_one_state_and_secret(agency: Agency) -> None:
    trip = agency.trips.trip("a state", "https://auth.example.test/callback/site", "de")
    assert (trip.state, trip.lang) == ("a state", "de")
    assert trip.return_url == "https://auth.example.test/callback/site"
    others = [
        agency.trips.trip("b state", trip.return_url),
        agency.under(b"x" * 32).trip("a state", trip.return_url),
    ]
    secrets = [text for t in (trip, *others) for text in (t.nonce, t.verifier)]
    assert len(set(secrets)) == 6
    assert all(re.fullmatch(WORD + "{43}", secret) for secret in secrets)  # RFC 7636 section 4.1


def test_at_the_return_the_trip_is_the_one_of_the_departure(agency: Agency) -> None:
    one, two = (agency.trips.trip("a state", "https://x.test/callback/site") for _ in range(2))
    assert one == two


# Cookies


def test_c19_cookies_have_128_bits_and_never_repeat() -> None:
    cookies = {new_cookie() for _ in range(100)}
    assert len(cookies) == 100
    assert all(is_cookie(cookie) for cookie in cookies)


@pytest.mark.parametrize(
    "text", ["", "x" * 21, "x" * 23, "x" * 21 + "\n", "x" * 21 + ";", "\udcff" * 22, "\u00e9" * 22]
)
def test_other_text_is_no_cookie(text: str) -> None:
    assert not is_cookie(text)
