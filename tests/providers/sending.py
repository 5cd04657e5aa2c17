"""What the tests of senders and of phone_otp share."""

from __future__ import annotations

from collections.abc import Callable

from providers._senders import Message
from providers._senders.http import Http

MESSAGE = Message("18005551234", "123456 is your verification code.", "123456")
NewSender = Callable[..., Http]


class Recorder:
    """A meter that keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []  # sender, outcome

    def message(self, sender: str, outcome: str) -> None:
        self.messages.append((sender, outcome))

    def upstream(self, upstream: str, outcome: str, seconds: float) -> None:
        pass
