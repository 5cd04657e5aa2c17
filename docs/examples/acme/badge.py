"""Badge number and PIN, looked up in a file: a provider that lives outside the gateway's tree.

The file has a line for each person, ``badge:digest:name``. The digest is HMAC-SHA256 (RFC 2104)
of ``badge:pin`` under ``pin_key``, in hexadecimal digits. It is read at each login, so a change
counts at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from config import Duration, FilePath, Model, Secret
from providers import Attempt, Fields, Identity, Provider, Rejected, Unavailable, UnknownIdentity

_BADGE: Final = re.compile(r"0*([1-9][0-9]{2,7})")
_LINE: Final = re.compile(r"([1-9][0-9]{2,7}):([0-9a-f]{64}):([^:]*)")


class BadgeConfig(Model):
    """The keys of an ``acme.badge`` provider."""

    file: FilePath
    pin_key: Secret
    timeout: Duration = 2.0


@dataclass(frozen=True, slots=True)
class Person:
    """One line of the file."""

    digest: str
    name: str


class Badge(Provider[BadgeConfig]):
    """Signs in whoever knows the PIN of a badge."""

    Config: ClassVar[type[Model]] = BadgeConfig
    purpose = "badge number and PIN, looked up in a file"

    def identify(self, fields: Fields) -> str | None:
        """Return the badge number, without leading zeros, if there is a PIN with it."""
        # An app with one input field sends whatever was typed as the phone number.
        typed = fields.get("username") or fields.get("phone")
        if not typed or "password" not in fields:
            return None
        badge = _BADGE.fullmatch(typed)
        if badge is None:
            raise UnknownIdentity("not a badge number")
        return badge[1]

    async def begin(self, attempt: Attempt, fields: Fields) -> Identity:
        """Compare the PIN."""
        person = (await self._people()).get(attempt.identity)
        given = self._digest(attempt.identity, fields["password"])
        if person is None:
            raise UnknownIdentity("no such badge")
        if not hmac.compare_digest(given, person.digest):
            raise Rejected("wrong PIN")
        return Identity(subject=attempt.identity, name=person.name or None)

    async def check(self) -> list[str]:
        """Read the file once."""
        try:
            await self._people()
        except Unavailable as error:
            return [str(error)]
        return []

    def _digest(self, badge: str, pin: str) -> str:
        key = self.config.pin_key.get_secret_value().encode()
        return hmac.new(key, f"{badge}:{pin}".encode(), hashlib.sha256).hexdigest()

    async def _people(self) -> dict[str, Person]:
        """Read the file. It may be on a slow network drive, so a thread waits for it."""
        try:
            async with asyncio.timeout(self.config.timeout):
                return await asyncio.to_thread(_read, self.config.file)
        except (OSError, ValueError) as error:  # a time-out is an OSError
            reason = f"cannot read the badge file ({type(error).__name__})"
            raise Unavailable(self.name, reason) from error


def _read(file: Path) -> dict[str, Person]:
    """Return the people by badge number. Raises ``OSError``, ``ValueError``."""
    people: dict[str, Person] = {}
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            entry = _LINE.fullmatch(line.rstrip("\n"))
            if entry is None:
                raise ValueError(f"line {number} is not badge:digest:name")
            people[entry[1]] = Person(digest=entry[2], name=entry[3])
    return people
