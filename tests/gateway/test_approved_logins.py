"""The login as values: codes for those whom a directory approves of, and the same for all others.

The people: ``KNOWN`` may sign in, ``OTHER`` is nobody, or one whom the directory does not approve
of, which is the same to the gateway.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from config import Limit
from gateway import errors
from gateway.outcomes import CodeSent, Refused, SignedIn
from providers import Attempt, CodeChallenge, Errand, Fields, Receipt, Rejected, Unavailable
from providers.phone_otp import PhoneOtp
from tests.gateway.kit import CodeScript, Kit, word
from tests.providers.approving import NUMBER, OTHER_NUMBER, People, ann, phone_otp
from tests.providers.outbox import Outbox

KNOWN, OTHER = "447700900001", "447700900002"
SENT = CodeSent("phone", 60, 600)


class Desk:
    """An engine with one provider, its directory, its sender, and the codes that it was given."""

    def __init__(self, text: str = "", **engine: Any) -> None:
        self.people = People(**{KNOWN: ann(phone=KNOWN)})
        self.outbox = Outbox()
        self.codes: list[str] = []
        self.provider = phone_otp(self.people, self.outbox, text)
        self._overhear(self.provider)
        self.kit = Kit(self.provider, **engine)

    def _overhear(self, provider: PhoneOtp) -> None:
        begin = provider.begin

        async def overheard(attempt: Attempt, fields: Fields) -> CodeChallenge:
            challenge = await begin(attempt, fields)

            async def deliver(code: str, turn: int) -> Receipt | Errand | None:
                self.codes.append(code)
                return await challenge.deliver(code, turn)

            return replace(challenge, deliver=deliver)

        provider.begin = overheard  # type: ignore[method-assign]  # to know codes that nobody gets

    async def login(self, number: str, **fields: str) -> object:
        """Log in, and let all messages go out."""
        outcome = await self.kit.login(phone=number, **fields)
        await self.kit.errands.finish(5)
        return outcome

    async def wrong(self, number: str, otp: str = "000000") -> str:
        outcome = await self.login(number, otp=otp)
        assert isinstance(outcome, Refused), outcome
        return outcome.word

    @property
    def sent_to(self) -> list[str]:
        return [message.to for message in self.outbox.messages]


# Who signs in


async def test_a_known_person_signs_in_as_whom_the_directory_knows() -> None:
    desk = Desk()
    assert await desk.login(f"+{KNOWN}", name="Mallory") == SENT
    assert desk.sent_to == [KNOWN]
    signed_in = await desk.login(KNOWN, otp=desk.codes[0], name="Mallory")
    assert signed_in == SignedIn("token-1", "phone:guid-1", "Ann")


async def test_the_code_goes_to_the_number_that_the_directory_holds() -> None:
    desk = Desk()
    desk.people.members[KNOWN] = ann(phone=OTHER_NUMBER)
    assert await desk.login(KNOWN) == SENT
    assert desk.sent_to == [OTHER_NUMBER]
    assert isinstance(await desk.login(KNOWN, otp=desk.codes[0]), SignedIn)


async def test_c4_a_right_code_guessed_for_nobody_signs_nobody_in() -> None:
    desk = Desk()
    assert await desk.login(OTHER) == SENT
    assert desk.sent_to == []
    assert await desk.wrong(OTHER, desk.codes[0]) == errors.BADOTP
    assert desk.kit.issuer.issued == []


async def test_who_is_disabled_between_the_steps_has_a_wrong_code() -> None:
    desk = Desk()
    await desk.login(KNOWN)
    desk.people.members.clear()
    assert await desk.wrong(KNOWN, desk.codes[0]) == errors.BADOTP
    assert desk.kit.issuer.issued == []


async def test_who_is_enabled_between_two_starts_gets_the_code_by_the_second() -> None:
    desk = Desk()
    assert await desk.login(OTHER) == SENT
    desk.people.members[OTHER] = ann(phone=OTHER)
    desk.kit.clock.now += 60
    await desk.login(OTHER)
    assert desk.sent_to == [OTHER]
    assert desk.codes[0] == desk.codes[1]
    assert isinstance(await desk.login(OTHER, otp=desk.codes[1]), SignedIn)


# A right code of somebody who may not sign in costs what a wrong one does


async def test_c4_p3_right_codes_of_the_disabled_are_tries() -> None:
    desk = Desk(failures=[Limit(3, 900)])
    await desk.login(KNOWN)
    desk.people.members.clear()
    words = [await desk.wrong(KNOWN, desk.codes[0]) for _ in range(4)]
    assert words == [errors.BADOTP] * 3 + [errors.RATELIMIT]
    assert len(desk.people.asked) == 1 + 3


async def test_p3_the_code_of_the_disabled_is_used_up_by_tries() -> None:
    desk = Desk("code: {attempts: 3}")
    await desk.login(KNOWN)
    member = desk.people.members.pop(KNOWN)
    for _ in range(3):
        assert await desk.wrong(KNOWN, desk.codes[0]) == errors.BADOTP
    desk.people.members[KNOWN] = member
    assert await desk.wrong(KNOWN, desk.codes[0]) == errors.BADOTP


async def test_who_is_enabled_again_can_use_the_code() -> None:
    desk = Desk()
    await desk.login(KNOWN)
    member = desk.people.members.pop(KNOWN)
    assert await desk.wrong(KNOWN, desk.codes[0]) == errors.BADOTP
    desk.people.members[KNOWN] = member
    assert isinstance(await desk.login(KNOWN, otp=desk.codes[0]), SignedIn)


async def test_any_provider_that_refuses_after_the_code_costs_a_try() -> None:
    def refuse(attempt: Attempt) -> Any:
        raise Rejected("not any more")

    provider = CodeScript()
    provider.identity = refuse
    kit = Kit(provider, failures=[Limit(2, 900)])
    await kit.login(username="ann")
    words = [word(await kit.login(username="ann", otp=provider.delivered[0])) for _ in range(3)]
    assert words == [errors.BADLOGIN] * 2 + [errors.RATELIMIT]


# Outages


async def test_directory_down_at_the_first_step_costs_nothing() -> None:
    desk = Desk("limits: {per_phone: [1/hour], per_ip: [1/hour]}")
    desk.people.failure = Unavailable("people", "down", 3.0)
    for number in (KNOWN, OTHER) * 3:
        assert await desk.login(number) == Refused(errors.UNAVAILABLE, 3.0)
    desk.people.failure = None
    assert await desk.wrong(KNOWN, desk.codes[0]) == errors.BADOTP  # none is pending
    assert await desk.login(KNOWN) == SENT
    assert desk.sent_to == [KNOWN]


async def test_directory_down_at_the_second_step_leaves_the_code_good() -> None:
    desk = Desk()
    await desk.login(KNOWN)
    desk.people.failure = Unavailable("people", "down")
    for _ in range(10):
        assert await desk.wrong(KNOWN, desk.codes[0]) == errors.UNAVAILABLE
    desk.people.failure = None
    assert isinstance(await desk.login(KNOWN, otp=desk.codes[0]), SignedIn)
    assert len(desk.outbox.messages) == 1


# Known and unknown alike


async def story(number: str, text: str = "", *, sender_fails: bool = False) -> list[object]:
    """What is seen from outside of everything but the right code."""
    desk = Desk(f"resend_after: 30s\n{text}", failures=[Limit(7, 3600)])
    desk.outbox.failing = sender_fails
    seen = [await desk.login(number), await desk.login(number, lang="de")]
    seen += [await desk.login(number, otp="wrong") for _ in range(6)]
    for _ in range(4):
        desk.kit.clock.now += 30
        seen.append(await desk.login(number))
    desk.kit.clock.now += 600
    seen += [await desk.login(number), await desk.login(number, otp="1"), await desk.login(number)]
    return [*seen, len(desk.people.asked)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "limits: {per_phone: [3/hour]}",
        "limits: {per_ip: [3/hour]}",
        "limits: {per_prefix: [3/hour]}",
        "limits: {per_app: [3/hour]}",
        "conversion_guard: {min_sends: 3}",
    ],
    ids=["default", "per_phone", "per_ip", "per_prefix", "per_app", "conversion_guard"],
)
async def test_a19_p10_budgets_and_answers_are_the_same_for_all(text: str) -> None:
    known = await story(KNOWN, text)
    assert known[0] == CodeSent("phone", 30, 600)
    limited = [seen for seen in known if isinstance(seen, Refused) and seen.word == "RATELIMIT"]
    assert limited
    assert await story(OTHER, text) == known
    assert await story(KNOWN, text, sender_fails=True) == known


async def test_p9_resends_are_looked_up_and_counted_for_all() -> None:
    for number, messages in ((KNOWN, 5), (OTHER, 0)):
        desk = Desk()
        for _ in range(5):
            assert isinstance(await desk.login(number), CodeSent)
            await desk.login(number)  # inside the cool-down: not looked up
            desk.kit.clock.now += 60
        assert word_of(await desk.login(number)) == errors.RATELIMIT
        assert len(desk.people.asked) == 5
        assert len(desk.outbox.messages) == messages


def word_of(outcome: object) -> str:
    assert isinstance(outcome, Refused)
    return outcome.word


async def test_text_that_is_no_number_is_no_question_for_the_directory() -> None:
    desk = Desk()
    for typed in ("ann", "123", "+19005551234"):
        assert word_of(await desk.login(typed)) == errors.BADPHONE
    assert desk.people.asked == []


# What is logged


async def lines(desk: Desk, number: str) -> list[MutableMapping[str, Any]]:
    with capture_logs() as logs:
        await desk.login(number)
    return logs


async def test_the_operator_learns_what_people_do_not() -> None:
    desk = Desk()
    for number, outcome in ((KNOWN, "sent"), (OTHER, "nobody")):
        audit, message = await lines(desk, number)
        assert (audit["event"], audit["outcome"]) == ("login", "challenge")
        assert (message["event"], message["outcome"]) == ("message", outcome)
        assert message["request_id"] == audit["request_id"]
    desk.people.members[NUMBER] = ann(phone=None)
    _, message = await lines(desk, NUMBER)
    assert (message["log_level"], message["outcome"]) == ("warning", "failed")
    assert message["detail"] == "the directory has no phone number of this person"


async def test_c13_p11_no_number_and_no_code_is_logged() -> None:
    desk = Desk()
    desk.people.members[KNOWN] = ann(phone=OTHER_NUMBER)
    with capture_logs() as logs:
        await desk.login(KNOWN)
        desk.outbox.failing = True
        desk.kit.clock.now += 60
        await desk.login(KNOWN)
        desk.people.members.clear()
        await desk.login(KNOWN, otp=desk.codes[0])
    assert [line["event"] for line in logs] == ["login", "message"] * 2 + ["login"]
    for secret in (KNOWN, OTHER_NUMBER, desk.codes[0], "guid-1", "Ann"):
        assert secret not in str(logs)
