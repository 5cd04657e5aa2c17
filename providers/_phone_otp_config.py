"""The configuration of phone login."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from config import Duration, Limit, Model
from providers._approval import WithDirectory
from providers._autofill import MAX_BYTES, AppHash, Autofill, Domain
from providers._otp import CodeConfig, Template, Texts, compose
from providers._phone import PhoneNumbers
from providers._phone_ranges import DENIED_PREFIXES
from providers._senders._config import OneOf, SenderConfig

TextSender = Annotated[
    SenderConfig, OneOf("console", "http", "messagebird", "plivo", "sns", "twilio", "vonage")
]
Prefix = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{0,11}$")]
TestCode = Annotated[str, Field(pattern=r"^[0-9]{6,10}$")]


def _region(region: str | None) -> str | None:
    PhoneNumbers(region)  # raises ValueError if there is no such region
    return region


def _test_number(text: str) -> str:
    try:
        canonical = PhoneNumbers(None).canonical(text)
    except ValueError:
        canonical = ""
    if text != f"+{canonical}":
        raise ValueError("must be a possible number in E.164: a plus, then digits only")
    return text


Region = Annotated[str | None, AfterValidator(_region)]
TestNumber = Annotated[str, AfterValidator(_test_number)]


def _limits(*texts: str) -> list[Limit]:
    return [Limit.parse(text) for text in texts]


class MessageLimits(Model):
    """Messages sent; a message that no sender accepted costs nothing."""

    per_phone: list[Limit] = Field(default_factory=lambda: _limits("5/hour", "10/day"))
    per_ip: list[Limit] = Field(default_factory=lambda: _limits("20/hour"))
    per_prefix: list[Limit] = Field(default_factory=lambda: _limits("200/hour"))
    per_app: list[Limit] = Field(default_factory=lambda: _limits("5000/day"))


class ConversionGuard(Model):
    """Pauses a number range where many codes are sent and few are used: somebody earns by it."""

    min_sends: Annotated[int, Field(ge=1)] = 30
    min_rate: Annotated[float, Field(gt=0, le=1)] = 0.15
    pause: Duration = 3600.0


class PhoneOtpConfig(WithDirectory):
    """The keys of a ``phone_otp`` provider."""

    code: CodeConfig = Field(default_factory=CodeConfig)
    resend_after: Duration = 60.0
    default_region: Region = None
    min_digits: Annotated[int, Field(ge=5, le=15)] = 9
    allow_prefixes: list[Prefix] = Field(default_factory=list)
    deny_prefixes: list[Prefix] = Field(default_factory=lambda: list(DENIED_PREFIXES))
    limits: MessageLimits = Field(default_factory=MessageLimits)
    senders: Annotated[list[TextSender], Field(min_length=1)]
    conversion_guard: ConversionGuard | None = None
    template: Template | Texts = "{code} is your verification code."
    app_hash: AppHash | dict[str, AppHash] | None = None  # for all apps, or by app id
    domain: Domain | dict[str, Domain] | None = None
    test_numbers: dict[TestNumber, TestCode] = Field(default_factory=dict)

    @property
    def denies_costly(self) -> bool:
        """Whether the numbering plan decides, too: a list of the operator's own is all there is."""
        return "deny_prefixes" not in self.model_fields_set

    @cached_property
    def autofill(self) -> Autofill:
        """What messages end with."""
        return Autofill(self.app_hash, self.domain)

    def text(self, template: str, code: str, app: str, app_name: str) -> str:
        """Return the whole text of a message."""
        text = compose(template, code, app_name, self.code.minutes)
        if self.app_hash is None and self.domain is None:
            return text
        return self.autofill.append(text, code, app)

    @model_validator(mode="after")
    def _short_enough_for_android(self) -> PhoneOtpConfig:
        texts = self.template.values() if isinstance(self.template, dict) else [self.template]
        code = "0" * self.code.length
        for app in self.autofill.android_apps():
            # The name of the app is not known here: it may make the text longer yet.
            longest = max(len(self.text(text, code, app, "").encode()) for text in texts)
            if longest > MAX_BYTES:
                raise ValueError(
                    f"template makes a message of {longest} bytes with its last lines; with "
                    f"app_hash at most {MAX_BYTES}, or Android does not look into it"
                )
        return self
