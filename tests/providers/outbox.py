"""Phone login whose messages stay here, for tests of what it does with everything else."""

from __future__ import annotations

from typing import cast

from providers import Attempt, CodeChallenge, Context, Fields, Reason, Unavailable
from providers._phone_otp_config import PhoneOtpConfig
from providers._senders import Ladder, Message
from providers.phone_otp import PhoneOtp
from tests.config.reading import document
from tests.providers.sending import Recorder

NUMBER = "18005551234"
CODE = "042137"
APP = "com.example.app"
SENDERS = "senders: [{type: console}]\n"


class Outbox:
    """A sender that keeps what it is to send."""

    name = "outbox"

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.failing = False

    async def send(self, message: Message, within: float) -> str | None:
        if self.failing:
            raise Unavailable("outbox", "down")
        self.messages.append(message)
        return f"m{len(self.messages)}"

    async def close(self) -> None: ...

    async def check(self) -> list[str]:
        return ["outbox: down"] if self.failing else []


def provider(text: str = "", *outboxes: Outbox) -> PhoneOtp:
    """Make one by the YAML of its configuration, senders excluded."""
    config = document(SENDERS + text).parse(PhoneOtpConfig)
    made = PhoneOtp("phone", config, Context(Recorder()))
    if outboxes:
        made._ladder = Ladder(outboxes, Reason.PHONE, Recorder())
    return made


async def begin(
    phone: PhoneOtp, number: str = NUMBER, app: str = APP, **fields: str
) -> CodeChallenge:
    typed = cast(Fields, {"phone": number, **fields})
    identity = phone.identify(typed)
    assert identity is not None
    return await phone.begin(Attempt(app, "Example", "phone", identity, "192.0.2.1", "r"), typed)
