"""Senders: how a code travels to a person, one module each.

``deliver`` asks the configured senders in order until one accepts. A sender answers in one of four
ways: it returns (accepted), raises ``Rejected`` (the recipient can never be reached), raises
``Unavailable`` (the next one is asked) or raises ``Ambiguous`` (the message may have gone out, so
nobody is asked again: better one message late than two).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from providers._base import Meter, Rejected, Unavailable

DEADLINE = 8.0  # seconds, over all senders of one message


class Ambiguous(Exception):
    """The request went out and no answer came back."""


class Message(NamedTuple):
    """One message. ``to`` is E.164 digits without the plus, or an email address."""

    to: str
    text: str
    code: str


class Sender(Protocol):
    """Hands messages to a vendor."""

    name: str  # of the configuration; labels metrics

    async def send(self, message: Message, within: float) -> None:
        """Send, taking at most ``within`` seconds."""

    async def close(self) -> None:
        """Give its connections back."""

    async def check(self) -> list[str]:
        """Return what would keep this sender from working, as far as it shows without sending."""


async def deliver(senders: Sequence[Sender], message: Message, meter: Meter) -> None:
    """Send ``message`` once. Raises ``Rejected``, or ``Unavailable`` when nobody accepted."""
    deadline = time.monotonic() + DEADLINE
    failures: list[str] = []
    for sender in senders:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            await sender.send(message, left)
        except Ambiguous:
            meter.message(sender.name, "ambiguous")
            return
        except Rejected:
            meter.message(sender.name, "refused")
            raise
        except Unavailable as error:
            meter.message(sender.name, "unavailable")
            failures.append(str(error))
        else:
            meter.message(sender.name, "accepted")
            return
    raise Unavailable("senders", "; ".join(failures) or f"no answer within {DEADLINE:g} s")
