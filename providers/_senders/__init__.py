"""Senders: how a code travels to a person, one module each.

A ``Ladder`` asks the configured senders in order until one accepts. A sender answers in one of four
ways: it returns (accepted), raises ``Refused`` (the recipient can never be reached), raises
``Unavailable`` (the next one is asked) or raises ``Ambiguous`` (the message may have gone out, so
nobody is asked again: better one message late than two).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from providers._base import Meter, Reason, Receipt, Rejected, Unavailable
from providers._breaker import Breaker

DEADLINE: Final = 8.0  # seconds, over all senders of one message
FAILURES: Final = 5  # in a row, after which a sender is left alone
FIRST_PAUSE: Final = 2.0  # seconds; doubles as long as the sender does not answer
LONGEST_PAUSE: Final = 60.0


class Refused(Exception):
    """The recipient can never be reached; the text is for the operator's log."""


class Declined(Unavailable):
    """The sender answered, and did not take this message.

    The next one is asked, and this one is asked again for the next message: somebody who keeps
    typing numbers that a vendor does not like must not keep others from signing in.
    """


class Ambiguous(Exception):
    """The request went out and no answer came back."""


class Mail(NamedTuple):
    """What an email has beside its text."""

    sender: str  # the From header: ``Example <no-reply@example.com>``
    subject: str
    html: str | None


class Message(NamedTuple):
    """One message. ``to`` is E.164 digits without the plus, or an email address."""

    to: str
    text: str
    code: str
    mail: Mail | None = None


class Sender(Protocol):
    """Hands messages to a vendor."""

    name: str  # of the configuration; labels metrics

    async def send(self, message: Message, within: float) -> str | None:
        """Send, taking at most ``within`` seconds; return the vendor's id of the message, if any.

        Raises ``Refused``, ``Unavailable`` (``Declined`` if the vendor answered) or ``Ambiguous``.
        """

    async def close(self) -> None:
        """Give its connections back."""

    async def check(self) -> list[str]:
        """Return what would keep this sender from working, as far as it shows without sending."""


class Ladder:
    """Senders in the order in which they are asked, each left alone while it does not answer.

    ``reason`` is what a person is told whom no message can ever reach.
    """

    def __init__(self, senders: Sequence[Sender], reason: Reason, meter: Meter) -> None:
        self._rungs = [_Rung(sender, meter) for sender in senders]
        self._reason = reason

    async def deliver(self, message: Message, turn: int) -> Receipt:
        """Send ``message`` once, for the ``turn``-th time (0: the first) that it is asked for.

        Each turn begins with another sender. Raises ``Rejected``, or ``Unavailable`` when nobody
        accepted.
        """
        deadline = time.monotonic() + DEADLINE
        failures: list[Unavailable] = []
        for rung in self._order(turn):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            try:
                return await rung.send(message, left)
            except Refused as error:
                raise Rejected(f"{rung.sender.name}: {error}", self._reason) from error
            except Unavailable as error:
                failures.append(error)
        # However long a vendor wants to be left alone: by then another may be back.
        waits = [min(e.retry_after, LONGEST_PAUSE) for e in failures if e.retry_after is not None]
        raise Unavailable("senders", "; ".join(map(str, failures)), min(waits, default=None))

    def _order(self, turn: int) -> list[_Rung]:
        """Whoever is left alone comes last, and does not count as a turn."""
        if len(self._rungs) == 1:
            return self._rungs
        ready: list[_Rung] = []
        waiting: list[_Rung] = []
        for rung in self._rungs:
            (waiting if rung.breaker.wait else ready).append(rung)
        first = turn % len(ready) if ready else 0
        return [*ready[first:], *ready[:first], *waiting]

    async def check(self) -> list[str]:
        """Try every sender."""
        return [problem for rung in self._rungs for problem in await rung.sender.check()]

    async def close(self) -> None:
        """Close every sender."""
        for rung in self._rungs:
            await rung.sender.close()


class _Rung:
    """A sender, and whether it answers."""

    def __init__(self, sender: Sender, meter: Meter) -> None:
        self.sender = sender
        self.breaker = Breaker(
            sender.name, threshold=FAILURES, pause=FIRST_PAUSE, longest=LONGEST_PAUSE
        )
        self._meter = meter

    async def send(self, message: Message, within: float) -> Receipt:
        """Send, unless the sender is left alone. Raises ``Refused`` or ``Unavailable``."""
        self.breaker.enter()
        message_id = None
        try:
            message_id = await self.sender.send(message, within)
        except Ambiguous:
            self._count("ambiguous", answered=False)
        except Refused:
            self._count("refused", answered=True)
            raise
        except Exception as error:  # whatever it is, it is not kept from the gateway's log
            self._count("unavailable", answered=isinstance(error, Declined))
            raise
        except asyncio.CancelledError:
            self._meter.message(self.sender.name, "ambiguous")  # we left: that says nothing of it
            raise
        else:
            self._count("accepted", answered=True)
        return Receipt(self.sender.name, message_id)

    def _count(self, outcome: str, *, answered: bool) -> None:
        self._meter.message(self.sender.name, outcome)
        if answered:
            self.breaker.succeeded()
        else:
            self.breaker.failed()
