"""What the stand-ins for SMS vendors share: the messages that left."""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.servers.http_fake import HttpFake


class Message(NamedTuple):
    """A text message that has left the vendor."""

    to: str
    text: str


class SmsFake(HttpFake[Message]):
    """An SMS vendor; a subclass speaks its wire format."""

    @property
    def messages(self) -> list[Message]:
        """Every message that left, in order, also where the answer was lost."""
        return self.effects

    def count(self, number: str) -> int:
        """Return how many messages went to the number; a plus sign makes no difference."""
        return len(self._texts(number))

    def code_for(self, number: str, timeout: float = 5.0, at_least: int = 1) -> str:
        """Wait until ``at_least`` messages went to the number; return the last one's code.

        The code is the first run of 4 to 10 digits. Raises ``TimeoutError``, or ``LookupError`` if
        the message has no code.
        """
        self._wait(
            lambda: len(self._texts(number)) >= at_least, timeout, f"message {at_least} to {number}"
        )
        text = self._texts(number)[-1]
        found = re.search(r"(?<![0-9])[0-9]{4,10}(?![0-9])", text)
        if found is None:
            raise LookupError(f"no code in {text!r}")
        return found[0]

    def _texts(self, number: str) -> list[str]:
        with self._changed:
            return [m.text for m in self._effects if m.to.lstrip("+") == number.lstrip("+")]
