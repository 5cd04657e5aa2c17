"""A provider type that keeps its people in a file: a directory, and a login by name and password.

The file is read anew for every login, so that a test can change who is there. It is JSON::

    {"people": [{"subject": "guid-1", "names": ["ann", "ann@corp.example"], "password": "...",
                 "phones": ["447700900001"], "phone": "447700900001", "email": ..., "name": ...,
                 "approved": true}],
     "down": false, "delay": 0.0, "log": "tried.txt"}

``phones`` are the numbers that somebody is found by, ``phone`` is where messages go.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, ClassVar, Literal

from config import FilePath, Model
from providers import (
    Attempt,
    Directory,
    Fields,
    Identity,
    Provider,
    Rejected,
    Unavailable,
    UnknownIdentity,
)


class PeopleConfig(Model):
    """The keys of a ``tests.logins.people`` provider."""

    file: FilePath


class People(Provider[PeopleConfig], Directory):
    """Knows people by their names, numbers and addresses."""

    Config: ClassVar[type[Model]] = PeopleConfig
    purpose = "people in a file, for tests"

    def identify(self, fields: Fields) -> str | None:
        return fields.get("username") if "password" in fields else None

    async def begin(self, attempt: Attempt, fields: Fields) -> Identity:
        """Compare the password, and write down that it was tried."""
        content = await self._read()
        for person in content["people"]:
            if attempt.identity in person["names"]:
                await attempt.claim(person["subject"])
                with Path(content["log"]).open("a") as log:  # noqa: ASYNC230 - short, and a test's
                    log.write(f"{person['subject']}\n")
                if fields["password"] != person["password"]:
                    raise Rejected("wrong password")
                return _identity(person)
        raise UnknownIdentity("no such name")

    async def member(self, field: Literal["phone", "email"], value: str) -> Identity | None:
        found = [
            person
            for person in (await self._read())["people"]
            if value in person.get(f"{field}s", [person.get(field)]) and person["approved"]
        ]
        return _identity(found[0]) if found else None

    async def _read(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.config.file.read_text())
        await asyncio.sleep(content.get("delay", 0.0))
        if content.get("down"):
            raise Unavailable(self.name, "down")
        return content


def _identity(person: dict[str, Any]) -> Identity:
    return Identity(
        person["subject"],
        username=person["names"][0] if person.get("names") else None,
        email=person.get("email"),
        phone=person.get("phone"),
        name=person.get("name"),
    )
