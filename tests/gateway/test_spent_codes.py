"""An authorization code is spent at its first use: what it proved outlives an outage (C22, O20)."""

from __future__ import annotations

from gateway import errors
from gateway.outcomes import SignedIn
from providers import Attempt, Fields, Identity, Rejected
from tests.gateway.browsers import RETURN
from tests.gateway.kit import Kit, Script, word

OTHER = "https://app.example.test/other"
CODE = {"code": "c" * 32, "code_verifier": "v" * 43, "redirect_uri": RETURN, "username": "ann"}


class Once:
    """An identity provider that takes each code once."""

    def __init__(self) -> None:
        self.redeemed: list[str] = []

    async def __call__(self, attempt: Attempt, fields: Fields) -> Identity:
        if fields["code"] in self.redeemed:
            raise Rejected("invalid_grant")
        self.redeemed.append(fields["code"])
        return Identity("ann", name="Ann")


def scene() -> tuple[Kit, Once]:
    once = Once()
    return Kit(Script("idp", once), return_urls=[RETURN, OTHER]), once


async def test_c22_the_same_code_works_when_tokens_can_be_had_again() -> None:
    kit, once = scene()
    kit.issuer.failing = True
    for _ in range(7):
        assert word(await kit.login(**CODE)) == errors.UNAVAILABLE
    kit.issuer.failing = False
    assert await kit.login(**CODE) == SignedIn("token-1", "idp:ann", "Ann")
    assert once.redeemed == [CODE["code"]]
    assert word(await kit.login(**CODE)) == errors.BADLOGIN


async def test_o20_it_does_so_for_whoever_has_its_verifier_and_redirect_uri() -> None:
    kit, _ = scene()
    kit.issuer.failing = True
    await kit.login(**CODE)
    kit.issuer.failing = False
    for other in ({"code_verifier": "w" * 43}, {"redirect_uri": OTHER}):
        assert word(await kit.login(**{**CODE, **other})) == errors.BADLOGIN
    assert isinstance(await kit.login(**CODE), SignedIn)


async def test_what_it_proved_is_kept_for_five_minutes() -> None:
    kit, _ = scene()
    kit.issuer.failing = True
    await kit.login(**CODE)
    kit.issuer.failing = False
    kit.clock.now += 300.001
    assert word(await kit.login(**CODE)) == errors.BADLOGIN


async def test_nothing_is_kept_of_a_login_that_went_well() -> None:
    kit, _ = scene()
    assert isinstance(await kit.login(**CODE), SignedIn)
    assert word(await kit.login(**CODE)) == errors.BADLOGIN
