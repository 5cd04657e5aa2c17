"""A directory's word on who may get a code: the same for known and unknown, seen from outside.

What somebody types is looked up in a directory. Whether anybody is found decides where a message
goes, and whether one goes out at all, but never what is answered, nor when: all that happens after
the look-up is an ``Errand``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Literal

from config import Model
from providers._base import Context, Errand, Identity, Reason, Receipt, Rejected, Unavailable

# Seconds: the last resort over the directory's own deadline. Shorter than the gateway's for a
# login, which would not take back what the message has cost.
DEADLINE: Final = 22.0


class WithDirectory(Model):
    """Keys of a provider that asks a directory about people."""

    directory: str | None = None
    """The name of another provider of this file, which is a directory."""


class Approval:
    """Asks the directory ``name`` who has a number or address and may sign in.

    ``reach`` tells where messages to such a person go, canonical; it raises ``Rejected`` if there
    is no such place.
    """

    def __init__(
        self,
        name: str,
        field: Literal["phone", "email"],
        reach: Callable[[Identity], str],
        context: Context,
    ) -> None:
        self._name = name
        self._field = field
        self._reach = reach
        self._directories = context.directories

    async def errand(self, value: str, send: Callable[[str], Awaitable[Receipt]]) -> Errand:
        """Look ``value`` up; what is returned sends to whom it belongs. Raises ``Unavailable``."""
        member = await self._find(value)

        async def run() -> Receipt | None:
            return None if member is None else await send(self._reach(member))

        return Errand(run)

    async def approved(self, value: str) -> tuple[Identity, str]:
        """Return who may sign in now that the code was right, and where messages to them go.

        Raises ``Unavailable``, or ``Rejected`` with the reason of a wrong code.
        """
        member = await self._find(value)
        try:
            if member is None:
                raise Rejected(f"{self._name}: nobody who may sign in")
            return member, self._reach(member)
        except Rejected as error:
            raise Rejected(str(error), Reason.CODE) from None

    async def _find(self, value: str) -> Identity | None:
        directory = self._directories[self._name]
        try:
            async with asyncio.timeout(DEADLINE):
                return await directory.member(self._field, value)
        except Rejected:
            return None  # a refusal in other words, which must not become another answer
        except TimeoutError:
            raise Unavailable(self._name, f"no answer within {DEADLINE:g} s") from None
