"""The configuration of email login."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from config import Duration, Limit, Model
from config.spelling import invalid
from providers._approval import WithDirectory
from providers._email import DomainPattern
from providers._mail_templates import (
    HTML,
    SUBJECT,
    TEXT,
    HtmlTemplates,
    SubjectTemplates,
    Texts,
    TextTemplates,
)
from providers._otp import CodeConfig
from providers._senders._config import OneOf, SenderConfig
from providers._senders._mail import parse_from
from providers._senders.smtp import SmtpConfig

MailSender = Annotated[SenderConfig, OneOf("console", "http", "smtp")]


def _mailbox(text: str) -> str:
    try:
        parse_from(text)
    except ValueError as error:
        raise invalid(str(error)) from None
    return text


Mailbox = Annotated[str, AfterValidator(_mailbox)]


class MailLimits(Model):
    """Mails sent; a mail that no sender accepted costs nothing."""

    per_email: list[Limit] = Field(default=[Limit.parse("5/hour"), Limit.parse("20/day")])
    per_ip: list[Limit] = Field(default=[Limit.parse("20/hour")])
    per_domain: list[Limit] = Field(default=[Limit.parse("500/hour")])
    per_app: list[Limit] = Field(default=[Limit.parse("5000/day")])


class EmailOtpConfig(WithDirectory):
    """The keys of an ``email_otp`` provider."""

    code: CodeConfig = Field(default_factory=CodeConfig)
    resend_after: Duration = 60.0
    limits: MailLimits = Field(default_factory=MailLimits)
    allow_domains: list[DomainPattern] = Field(default=[])
    deny_domains: list[DomainPattern] = Field(default=[])
    sender: Mailbox | None = Field(default=None, alias="from")
    senders: Annotated[list[MailSender], Field(min_length=1)]
    subject: SubjectTemplates = SUBJECT
    text: TextTemplates = TEXT
    html: HtmlTemplates | None = HTML

    @field_validator("senders")
    @classmethod
    def _know_whom_mails_are_from(
        cls, senders: list[SenderConfig], info: ValidationInfo
    ) -> list[SenderConfig]:
        # Absent from the data: given, but refused by itself.
        if info.data.get("sender", "") is None and any(map(_names_its_sender, senders)):
            raise invalid('one of them needs the key "from": who the mails are from')
        return senders

    @field_validator("text", "html")
    @classmethod
    def _in_the_same_languages(cls, value: Any, info: ValidationInfo) -> Any:
        for name in ("subject", "text"):
            other = info.data.get(name)
            if isinstance(value, dict) and isinstance(other, dict) and value.keys() != other.keys():
                raise invalid(f"must be in the same languages as {name}")
        return value

    @property
    def page(self) -> Texts | None:
        """The HTML part: the built-in one does not say what an operator's own text says."""
        given = self.model_fields_set
        return self.html if "html" in given or "text" not in given else None


def _names_its_sender(sender: SenderConfig) -> bool:
    return isinstance(sender, SmtpConfig) or "{from}" in sender.model_dump_json()
