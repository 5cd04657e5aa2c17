"""Code providers that ask a directory, both of them scripts: who is there is what a test says."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from providers import Context, Directory, Identity, Meter, Reason
from providers._email_otp_config import EmailOtpConfig
from providers._phone_otp_config import PhoneOtpConfig
from providers._senders import Ladder
from providers.email_otp import EmailOtp
from providers.phone_otp import PhoneOtp
from tests.config.reading import document
from tests.providers.outbox import Outbox
from tests.providers.sending import Recorder

NUMBER, EMAIL = "18005551234", "ann@example.com"
OTHER_NUMBER, OTHER_EMAIL = "18005559999", "anna@example.org"
CODE = "042137"
UNLIMITED = "{per_phone: [], per_ip: [], per_prefix: [], per_app: []}"


def ann(**fields: Any) -> Identity:
    """Return somebody whom the directory knows by ``NUMBER`` and ``EMAIL``."""
    known: dict[str, Any] = {"username": "ann", "email": EMAIL, "phone": NUMBER, "name": "Ann"}
    return Identity("guid-1", **{**known, **fields})


class People(Directory):
    """A directory of those who may sign in, by what they type."""

    def __init__(self, **members: Identity) -> None:
        self.members = members
        self.failure: Exception | None = None
        self.hanging = False
        self.asked: list[tuple[str, str]] = []

    async def member(self, field: Literal["phone", "email"], value: str) -> Identity | None:
        self.asked.append((field, value))
        if self.hanging:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        return self.members.get(value)


def phone_otp(
    people: Directory, outbox: Outbox, text: str = "", meter: Meter | None = None
) -> PhoneOtp:
    """Make one that asks ``people``, and sends by ``outbox``."""
    meter = meter or Recorder()
    config = document(f"directory: people\nsenders: [{{type: console}}]\n{text}").parse(
        PhoneOtpConfig
    )
    made = PhoneOtp("phone", config, Context(meter, {"people": people}))
    made._ladder = Ladder([outbox], Reason.PHONE, meter)
    return made


def email_otp(people: Directory, outbox: Outbox, text: str = "") -> EmailOtp:
    """Make one that asks ``people``, and sends by ``outbox``."""
    config = document(f"directory: people\nsenders: [{{type: console}}]\n{text}").parse(
        EmailOtpConfig
    )
    made = EmailOtp("mail", config, Context(Recorder(), {"people": people}))
    made._ladder = Ladder([outbox], Reason.EMAIL, Recorder())
    return made
