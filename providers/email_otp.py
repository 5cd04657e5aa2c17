"""Email login: a one-time code by email to the address that the person typed."""

from __future__ import annotations

import hashlib
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
    Errand,
    Fields,
    Identity,
    Provider,
    Reason,
    Receipt,
    Rejected,
    UnknownIdentity,
)
from providers._email import Domains, NotAnAddress, canonical, without_alias
from providers._email_otp_config import EmailOtpConfig
from providers._mail_templates import MailTemplates
from providers._senders import Ladder, Mail, Message


class EmailOtp(Provider[EmailOtpConfig]):
    """Whoever reads the mails to an address is its owner."""

    Config: ClassVar[type[Model]] = EmailOtpConfig
    purpose = "a one-time code by email"
    address = "{email}"
    asks = ("email",)
    sends_code = True
    libraries = ("jinja2",)  # senders name their own

    def __init__(self, name: str, config: EmailOtpConfig, context: Context) -> None:
        super().__init__(name, config, context)
        self._allowed = Domains(config.allow_domains)
        self._denied = Domains(config.deny_domains)
        senders = [sender.create(context) for sender in config.senders]
        self._ladder = Ladder(senders, Reason.EMAIL, context.meter)
        self._templates = MailTemplates(config.subject, config.text, config.page)
        limits = config.limits
        self._limits = (
            tuple(limits.per_email),
            tuple(limits.per_ip),
            tuple(limits.per_domain),
            tuple(limits.per_app),
        )
        self._approval: Approval | None = None
        if config.directory is not None:
            self._approval = Approval(config.directory, "email", self._address_of, context)

    @property
    def icon(self) -> str:
        """See ``Provider``."""
        return _icons.ENVELOPE

    def identify(self, fields: Fields) -> str | None:
        """Return the address in its canonical form."""
        typed = fields.get("email")
        if typed is None:
            return None
        try:
            address = canonical(typed)
        except NotAnAddress:
            raise Rejected("not an email address", Reason.EMAIL) from None
        domain = _domain(address)
        if domain in self._denied:
            raise Rejected("email address of a refused domain", Reason.EMAIL)
        if self._allowed and domain not in self._allowed:
            raise UnknownIdentity("email address of another domain", Reason.EMAIL)
        return address

    def _address_of(self, member: Identity) -> str:
        """Return the address that a directory has of a person, in canonical form."""
        try:
            address = canonical(member.email or "")
        except NotAnAddress:
            raise Rejected("the directory has no email address of this person") from None
        if _domain(address) in self._denied:
            raise Rejected("the directory has an email address of a refused domain")
        return address

    def counted_as(self, identity: str) -> str:
        """Aliases are free, and all of them reach one person."""
        return without_alias(identity)

    async def begin(self, attempt: Attempt, fields: Fields) -> CodeChallenge:
        """Send a code to the address."""
        config = self.config
        lang = fields.get("lang")

        async def deliver(code: str, turn: int) -> Receipt | Errand:
            letter = self._templates.fill(
                lang, code=code, app=attempt.app_name, minutes=config.code.minutes
            )
            mail = Mail(config.sender or "", letter.subject, letter.html)

            def send(to: str) -> Awaitable[Receipt]:
                return self._ladder.deliver(Message(to, letter.text, code, mail), turn)

            if self._approval is None:
                return await send(attempt.identity)
            return await self._approval.errand(attempt.identity, send)

        return CodeChallenge(
            deliver=deliver,
            lifetime=config.code.lifetime,
            resend_after=min(config.resend_after, config.code.lifetime),
            length=config.code.length,
            tries=config.code.attempts,
            budgets=self._budgets(attempt),
        )

    def _budgets(self, attempt: Attempt) -> tuple[Budget, ...]:
        address = attempt.identity
        per_email, per_ip, per_domain, per_app = self._limits
        return (
            Budget("email", self.counted_as(address), per_email),
            Budget("ip", attempt.client, per_ip),
            Budget("domain", _domain(address), per_domain),
            Budget("app", attempt.app, per_app),
        )

    async def resume(self, attempt: Attempt, memo: bytes, fields: Fields) -> Identity:
        """The code was right: the address is theirs."""
        address = attempt.identity
        member = Identity(subject=address)
        if self._approval is not None:
            member, address = await self._approval.approved(address)
        digest = hashlib.sha256(address.encode()).hexdigest()
        return replace(member, email=address, claims={**member.claims, "email_sha256": digest})

    async def close(self) -> None:
        """Close the senders."""
        await self._ladder.close()

    async def check(self) -> list[str]:
        """Try every sender."""
        return await self._ladder.check()


def _domain(address: str) -> str:
    return address.partition("@")[2]
