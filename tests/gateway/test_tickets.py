"""Tickets: their codes, what they are bound to, and how they end (O11, A105, A107)."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.challenges import MAX_KEPT, Challenges, Lease
from gateway.digests import Digests
from gateway.errors import Refusal, TooMany
from gateway.outcomes import HandedOver, HandOver
from gateway.stores import Window
from gateway.stores.memory import MemoryStore
from gateway.tickets import LIFETIME, Ticket, Tickets, is_id, new_id, read, s256
from providers import Unavailable
from tests.gateway.browsers import CHALLENGE, RETURN, VERIFIER
from tests.gateway.kit import APP, Clock

ANN = Ticket("site:ann", "Ann", "site")
ID = "a" * 22
WISH = HandOver(RETURN, CHALLENGE)
Spelling = Callable[[str], str]
LONGEST = 8192  # characters that a request may bring


class Counter:
    """Where tickets are made and shown."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = MemoryStore(clock=self.clock)
        digests = Digests(b"k" * 32)
        self.challenges = Challenges(self.store, digests)
        self.tickets = Tickets(self.challenges, digests)

    async def make(self, wish: HandOver = WISH, ticket: Ticket = ANN) -> HandedOver:
        return await self.tickets.make(APP, ID, ticket, wish)

    async def show(
        self, code: str, verifier: str = VERIFIER, app: str = APP, challenge: str = ID
    ) -> Lease | None:
        """Show a code; return the lease if it was right."""
        return await self.tickets.take(app, challenge, code, verifier, ())


@pytest.fixture
def counter() -> Counter:
    return Counter()


# Codes


async def test_o11_a_code_for_a_browser_has_128_bits(counter: Counter) -> None:
    handed = await counter.make()
    assert re.fullmatch("[0-9a-f]{32}", handed.code)
    assert (handed.id, handed.provider, handed.expires_in) == (ID, "site", LIFETIME)
    url = urlsplit(handed.location or "")
    assert f"{url.scheme}:{url.path}" == RETURN
    assert parse_qs(url.query) == {"challenge": [ID], "code": [handed.code]}


async def test_a_code_for_a_person_has_eight_digits(counter: Counter) -> None:
    codes = [(await counter.make(HandOver(None, CHALLENGE))) for _ in range(50)]
    assert all(re.fullmatch("[0-9]{8}", handed.code) for handed in codes)
    assert len({handed.code for handed in codes}) > 45
    assert codes[0].location is None


@pytest.mark.parametrize("wish", [WISH, HandOver(RETURN), HandOver(None, CHALLENGE), HandOver()])
async def test_the_right_code_gives_the_ticket(counter: Counter, wish: HandOver) -> None:
    handed = await counter.make(wish)
    lease = await counter.show(handed.code, VERIFIER if wish.code_challenge else "")
    assert lease is not None
    assert read(lease) == ANN


@pytest.mark.parametrize("ticket", [Ticket("1", None, "p"), Ticket('\u00fc"\\:x', "N\u200dx", "p")])
async def test_a_ticket_comes_back_as_it_was_made(counter: Counter, ticket: Ticket) -> None:
    lease = await counter.show((await counter.make(ticket=ticket)).code)
    assert lease is not None
    assert read(lease) == ticket


@pytest.mark.parametrize(
    "spelling",
    [
        lambda code: f" {code} ",
        lambda code: f"{code[:4]} {code[4:]}",
        lambda code: f"{code[:4]}-{code[4:]}",
        lambda code: code.translate({ord("0") + i: 0x0660 + i for i in range(10)}),
    ],
)
async def test_a_person_may_type_a_code_as_people_do(counter: Counter, spelling: Spelling) -> None:
    handed = await counter.make(HandOver())
    assert await counter.show(spelling(handed.code), "")


# What a ticket is bound to


WRONG_CODES: dict[str, Spelling] = {
    "empty": lambda code: "",
    "other": lambda code: "0" * 32 if code != "0" * 32 else "1" * 32,
    "shorter": lambda code: code[:-1],
    "longer": lambda code: code + "0",
    "upper-case": lambda code: code.upper() if code.upper() != code else "x",
    "with-challenge": lambda code: f"{code}.{CHALLENGE}",
    "with-dot": lambda code: f"{code}.",
    "huge": lambda code: "0" * LONGEST,
}


@pytest.mark.parametrize("wrong", WRONG_CODES)
async def test_a105_a_wrong_code_is_the_end_of_the_ticket(counter: Counter, wrong: str) -> None:
    handed = await counter.make()
    assert await counter.show(WRONG_CODES[wrong](handed.code)) is None
    assert await counter.show(handed.code) is None


@pytest.mark.parametrize(
    "verifier",
    [
        pytest.param("", id="missing"),
        pytest.param(CHALLENGE, id="the-challenge-itself"),
        pytest.param(VERIFIER + "x", id="longer"),
        pytest.param(VERIFIER[:-1], id="shorter"),
        pytest.param(VERIFIER.swapcase(), id="case"),
        pytest.param(VERIFIER + " ", id="space"),
        pytest.param("\u00e9" * LONGEST, id="huge"),
    ],
)
async def test_a105_a107_a_wrong_verifier_is_the_end_of_the_ticket(
    counter: Counter, verifier: str
) -> None:
    handed = await counter.make()
    assert await counter.show(handed.code, verifier) is None
    assert await counter.show(handed.code) is None


async def test_a107_a_verifier_where_no_challenge_was_given_is_wrong(counter: Counter) -> None:
    handed = await counter.make(HandOver(RETURN))
    assert await counter.show(handed.code, VERIFIER) is None
    assert await counter.show(handed.code, "") is None


async def test_a107_code_and_challenge_cannot_stand_in_for_the_verifier(counter: Counter) -> None:
    for otp in ("{}.{}", "{}.{}.", "{}{}"):
        handed = await counter.make()
        assert await counter.show(otp.format(handed.code, CHALLENGE), "") is None


@pytest.mark.parametrize(
    ("app", "challenge"),
    [
        pytest.param("com.example.other", ID, id="o11-other-app"),
        pytest.param("", ID, id="no-app"),
        pytest.param(APP, "b" * 22, id="other-challenge"),
        pytest.param(APP, ID + "a", id="longer-challenge"),
        pytest.param(APP + ID[:1], ID[1:], id="parts-moved"),
    ],
)
async def test_o11_a_ticket_is_for_one_app_and_challenge(
    counter: Counter, app: str, challenge: str
) -> None:
    handed = await counter.make()
    assert await counter.show(handed.code, app=app, challenge=challenge) is None
    assert await counter.show(handed.code)


# Its end


async def test_o11_a_ticket_lasts_for_a_minute(counter: Counter) -> None:
    handed = await counter.make()
    counter.clock.now += LIFETIME
    assert await counter.show(handed.code) is None
    assert LIFETIME <= 60


async def test_o11_a_ticket_is_good_until_then(counter: Counter) -> None:
    handed = await counter.make()
    counter.clock.now += LIFETIME - 1
    assert await counter.show(handed.code)


async def test_a_ticket_is_used_once(counter: Counter) -> None:
    handed = await counter.make()
    lease = await counter.show(handed.code)
    assert lease is not None
    with pytest.raises(Refusal, match="being used"):
        await counter.show(handed.code)
    await counter.challenges.finish(lease, forget=())
    assert await counter.show(handed.code) is None


async def test_a_ticket_that_nobody_was_told_of_makes_way(counter: Counter) -> None:
    """After a sign-in that failed between the making of its ticket and its end."""
    left_over = await counter.make(ticket=Ticket("site:bob", None, "site"))
    counter.clock.now += 30
    handed = await counter.make()
    assert handed.code != left_over.code
    counter.clock.now += LIFETIME - 1
    lease = await counter.show(handed.code)
    assert lease is not None
    assert read(lease) == ANN


async def test_one_that_is_being_shown_makes_way_as_well(counter: Counter) -> None:
    left_over = await counter.make()
    lease = await counter.show(left_over.code)
    assert lease is not None
    handed = await counter.make()
    assert await counter.show(handed.code)
    with pytest.raises(Refusal, match="lease"):
        await counter.challenges.finish(lease, forget=())


async def test_showing_a_code_counts_where_it_is_told_to(counter: Counter) -> None:
    window = Window(b"w" * 16, 1, 1000, "requests")
    handed = await counter.make()
    assert await counter.tickets.take(APP, ID, handed.code, VERIFIER, [window])
    with pytest.raises(TooMany) as refused:
        await counter.tickets.take(APP, ID, handed.code, VERIFIER, [window])
    assert refused.value.window == window


async def test_an_address_that_does_not_fit_is_an_outage_of_the_provider(counter: Counter) -> None:
    around = len('["","Ann","site"]')
    fits = Ticket("x" * (MAX_KEPT - around), "Ann", "site")
    assert await counter.show((await counter.make(ticket=fits)).code)
    with pytest.raises(Unavailable, match=r"^site: "):
        await counter.make(ticket=Ticket(fits.address + "x", "Ann", "site"))


# Ids and challenges


def test_c19_ids_have_128_bits_and_never_repeat() -> None:
    ids = {new_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(is_id(name) for name in ids)


@pytest.mark.parametrize("text", ["", "a" * 21, "a" * 23, "a" * 22 + "\n", "\u00e9" * 22, "." * 22])
def test_other_text_is_no_id(text: str) -> None:
    assert not is_id(text)


def test_a_challenge_is_made_as_rfc_7636_shows_it() -> None:
    assert s256(VERIFIER) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # appendix B
