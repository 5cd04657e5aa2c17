"""What the tests of senders and of the providers that use them share."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from providers import Context
from providers._senders import Message, Sender

MESSAGE = Message("18005551234", "123456 is your verification code.", "123456")

S_co = TypeVar("S_co", bound=Sender, covariant=True)


class Recorder:
    """A meter that keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []  # sender, outcome

    def message(self, sender: str, outcome: str) -> None:
        self.messages.append((sender, outcome))

    def upstream(self, upstream: str, outcome: str, seconds: float) -> None:
        pass


class SenderConfig(Protocol[S_co]):
    """The model of a sender's configuration."""

    def __init__(self, **keys: Any) -> None: ...

    def create(self, context: Context) -> S_co: ...


class NewSender(Protocol):
    """``new_sender(TwilioConfig, account_sid=..., ...)``: as YAML with these keys would make it.

    A key that is no Python name comes as ``**{"from": ...}``; ``type`` is known.
    """

    def __call__(self, config: type[SenderConfig[S_co]], /, **keys: Any) -> S_co: ...
