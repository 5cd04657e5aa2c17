"""Phone login: a one-time code by text message to the number that the person typed."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from typing import ClassVar

from config import Model
from providers import _icons
from providers._approval import Approval
from providers._base import (
    Attempt,
    Budget,
    CodeChallenge,
    Context,
    Conversion,
    Errand,
    Fields,
    Identity,
    Provider,
    Reason,
    Receipt,
    Rejected,
    UnknownIdentity,
)
from providers._otp import choose
from providers._phone import ImpossibleNumber, NotANumber, PhoneNumbers
from providers._phone_otp_config import PhoneOtpConfig
from providers._phone_ranges import beginnings, is_costly, prefix_of
from providers._senders import Ladder, Message


class PhoneOtp(Provider[PhoneOtpConfig]):
    """Whoever reads the messages of a number is its owner."""

    Config: ClassVar[type[Model]] = PhoneOtpConfig
    purpose = "a one-time code by text message (SMS)"
    address = "{phone}"
    asks = ("phone",)
    sends_code = True

    def __init__(self, name: str, config: PhoneOtpConfig, context: Context) -> None:
        super().__init__(name, config, context)
        self._numbers = PhoneNumbers(config.default_region, config.min_digits)
        self._allowed = beginnings(config.allow_prefixes)
        self._denied = beginnings(config.deny_prefixes)
        self._denies_costly = config.denies_costly
        senders = [sender.create(context) for sender in config.senders]
        self._ladder = Ladder(senders, Reason.PHONE, context.meter)
        self._test_codes = {number[1:]: code for number, code in config.test_numbers.items()}
        limits = config.limits
        self._limits = (
            tuple(limits.per_phone),
            tuple(limits.per_ip),
            tuple(limits.per_prefix),
            tuple(limits.per_app),
        )
        self._approval: Approval | None = None
        if config.directory is not None:
            self._approval = Approval(config.directory, "phone", self._number_of, context)

    @property
    def icon(self) -> str:
        """See ``Provider``."""
        return _icons.PHONE

    def identify(self, fields: Fields) -> str | None:
        """Return the number in E.164 digits: all spellings of one number are one identity."""
        typed = fields.get("phone")
        if typed is None:
            return None
        try:
            number = self._numbers.canonical(typed)
        except NotANumber:
            raise UnknownIdentity("not a phone number", Reason.PHONE) from None
        except ImpossibleNumber:
            raise Rejected("impossible phone number", Reason.PHONE) from None
        if not self._may_be_sent_to(number):
            raise Rejected("phone number with a refused prefix", Reason.PHONE)
        return number

    def _may_be_sent_to(self, number: str) -> bool:
        if number.startswith(self._denied) or (self._denies_costly and is_costly(number)):
            return False
        return not self._allowed or number.startswith(self._allowed)

    def _number_of(self, member: Identity) -> str:
        """Return the number that a directory has of a person, in canonical form."""
        try:
            number = self._numbers.canonical(f"+{member.phone or ''}")
        except ValueError:
            raise Rejected("the directory has no phone number of this person") from None
        if not self._may_be_sent_to(number):
            raise Rejected("the directory has a phone number with a refused prefix")
        return number

    async def begin(self, attempt: Attempt, fields: Fields) -> CodeChallenge:
        """Send a code to the number."""
        number = attempt.identity
        config, settings = self.config, self.config.code
        template = choose(config.template, fields.get("lang"))
        test_code = self._test_codes.get(number)

        def deliver(code: str, turn: int) -> Awaitable[Receipt | Errand | None]:
            if test_code is not None:
                return _nothing()
            text = config.text(template, code, attempt.app, attempt.app_name)

            def send(to: str) -> Awaitable[Receipt]:
                return self._ladder.deliver(Message(to, text, code), turn)

            if self._approval is None:
                return send(number)
            return self._approval.errand(number, send)

        return CodeChallenge(
            deliver=deliver,
            lifetime=settings.lifetime,
            resend_after=min(config.resend_after, settings.lifetime),
            length=settings.length,
            tries=settings.attempts,
            code=test_code,
            budgets=() if test_code else self._budgets(number, attempt),
        )

    def conversion(self, identity: str) -> Conversion | None:
        """Number ranges are watched, not numbers: a range is what somebody can rent."""
        guard = self.config.conversion_guard
        if guard is None or identity in self._test_codes:
            return None
        return Conversion(prefix_of(identity), guard.min_sends, guard.min_rate, guard.pause)

    def _budgets(self, number: str, attempt: Attempt) -> tuple[Budget, ...]:
        per_phone, per_ip, per_prefix, per_app = self._limits
        return (
            Budget("phone", number, per_phone),
            Budget("ip", attempt.client, per_ip),
            Budget("prefix", prefix_of(number), per_prefix),
            Budget("app", attempt.app, per_app),
        )

    async def resume(self, attempt: Attempt, memo: bytes, fields: Fields) -> Identity:
        """The code was right: the number is theirs."""
        number = attempt.identity
        if self._approval is None or number in self._test_codes:
            return Identity(subject=number, phone=number)
        member, phone = await self._approval.approved(number)
        return replace(member, phone=phone)

    async def close(self) -> None:
        """Close the senders."""
        await self._ladder.close()

    async def check(self) -> list[str]:
        """Try every sender."""
        return await self._ladder.check()

    def warnings(self) -> list[str]:
        """Tell of numbers that anybody can sign in as."""
        if not self._test_codes:
            return []
        count = len(self._test_codes)
        return [f"{count} test number(s) sign in with a fixed code from the configuration"]


async def _nothing() -> None:
    """Nobody reads the messages of a test number."""
