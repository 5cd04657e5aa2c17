"""Phone login: a one-time code by text message to the number that the person typed."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from config import Duration, Limit, Model
from providers._base import (
    Attempt,
    Budget,
    CodeChallenge,
    Context,
    Fields,
    Identity,
    Provider,
    Reason,
    Rejected,
    UnknownIdentity,
)
from providers._otp import CodeConfig, Template, Texts, choose, compose
from providers._phone import (
    DENIED_PREFIXES,
    ImpossibleNumber,
    NotANumber,
    PhoneNumbers,
    matches,
    prefix_of,
)
from providers._senders import Message, deliver
from providers._senders.console import ConsoleConfig
from providers._senders.http import HttpConfig

SenderConfig = Annotated[ConsoleConfig | HttpConfig, Field(discriminator="type")]
Prefix = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{0,11}$")]
TestCode = Annotated[str, Field(pattern=r"^[0-9]{6,10}$")]


def _test_number(text: str) -> str:
    try:
        canonical = PhoneNumbers(None).canonical(text)
    except ValueError:
        canonical = ""
    if text != f"+{canonical}":
        raise ValueError("must be a possible number in E.164: a plus, then digits only")
    return text


def _limits(*texts: str) -> list[Limit]:
    return [Limit.parse(text) for text in texts]


TestNumber = Annotated[str, AfterValidator(_test_number)]


class MessageLimits(Model):
    """Messages sent; a message that no sender accepted costs nothing."""

    per_phone: list[Limit] = Field(default_factory=lambda: _limits("5/hour", "10/day"))
    per_ip: list[Limit] = Field(default_factory=lambda: _limits("20/hour"))
    per_prefix: list[Limit] = Field(default_factory=lambda: _limits("200/hour"))
    per_app: list[Limit] = Field(default_factory=lambda: _limits("5000/day"))


def _region(region: str | None) -> str | None:
    PhoneNumbers(region)  # raises ValueError if there is no such region
    return region


class PhoneOtpConfig(Model):
    """The keys of a ``phone_otp`` provider."""

    code: CodeConfig = Field(default_factory=CodeConfig)
    resend_after: Duration = 60.0
    default_region: Annotated[str | None, AfterValidator(_region)] = None
    min_digits: Annotated[int, Field(ge=5, le=15)] = 9
    allow_prefixes: list[Prefix] = Field(default_factory=list)
    deny_prefixes: list[Prefix] = Field(default_factory=lambda: list(DENIED_PREFIXES))
    limits: MessageLimits = Field(default_factory=MessageLimits)
    senders: Annotated[list[SenderConfig], Field(min_length=1)]
    template: Template | Texts = "{code} is your verification code."
    test_numbers: dict[TestNumber, TestCode] = Field(default_factory=dict)


def _spoken(app: str) -> str:
    return "the app" if app == "*" else app


class PhoneOtp(Provider[PhoneOtpConfig]):
    """Whoever reads the messages of a number is its owner."""

    Config: ClassVar[type[Model]] = PhoneOtpConfig
    purpose = "a one-time code by text message (SMS)"
    address = "{phone}"
    sends_code = True

    def __init__(self, name: str, config: PhoneOtpConfig, context: Context) -> None:
        super().__init__(name, config, context)
        self._numbers = PhoneNumbers(config.default_region, config.min_digits)
        self._senders = [sender.create(context) for sender in config.senders]
        self._test_codes = {number[1:]: code for number, code in config.test_numbers.items()}
        limits = config.limits
        self._limits = (
            tuple(limits.per_phone),
            tuple(limits.per_ip),
            tuple(limits.per_prefix),
            tuple(limits.per_app),
        )

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
        allowed = self.config.allow_prefixes
        if matches(number, self.config.deny_prefixes) or (allowed and not matches(number, allowed)):
            raise Rejected("phone number with a refused prefix", Reason.PHONE)
        return number

    async def begin(self, attempt: Attempt, fields: Fields) -> CodeChallenge:
        """Send a code to the number."""
        number = attempt.identity
        config = self.config
        template = choose(config.template, fields.get("lang"))
        test_code = self._test_codes.get(number)

        async def send(code: str) -> None:
            if test_code is not None:
                return
            minutes = round(config.code.lifetime / 60)
            text = compose(template, code=code, app=_spoken(attempt.app), minutes=minutes)
            await deliver(self._senders, Message(number, text, code), self.context.meter)

        return CodeChallenge(
            deliver=send,
            lifetime=config.code.lifetime,
            resend_after=min(config.resend_after, config.code.lifetime),
            length=config.code.length,
            tries=config.code.attempts,
            code=test_code,
            budgets=() if test_code else self._budgets(number, attempt),
        )

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
        return Identity(subject=attempt.identity, phone=attempt.identity)

    async def close(self) -> None:
        """Close the senders."""
        for sender in self._senders:
            await sender.close()

    async def check(self) -> list[str]:
        """Try every sender."""
        return [problem for sender in self._senders for problem in await sender.check()]

    def warnings(self) -> list[str]:
        """Tell of numbers that anybody can sign in as."""
        if not self._test_codes:
            return []
        count = len(self._test_codes)
        return [f"{count} test number(s) sign in with a fixed code from the configuration"]
