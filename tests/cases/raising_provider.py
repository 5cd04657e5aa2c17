"""A provider type that fails in ways it must not, wherever the user name says."""

from __future__ import annotations

from typing import ClassVar

from config import Model
from providers import Attempt, CodeChallenge, Conversion, Fields, Identity, Provider

CODE = "246810"


class RaisingConfig(Model):
    """No keys."""


class Raising(Provider[RaisingConfig]):
    """Raises in the method of that name; signs in any other name."""

    Config: ClassVar[type[Model]] = RaisingConfig
    purpose = "raises where the user name says"
    sends_code = True

    def identify(self, fields: Fields) -> str | None:
        name = fields.get("username")
        self._raise_in("identify", name, fields)
        return name

    def counted_as(self, identity: str) -> str:
        self._raise_in("counted_as", identity, {})
        return identity

    def conversion(self, identity: str) -> Conversion | None:
        self._raise_in("conversion", identity, {})
        return None

    async def begin(self, attempt: Attempt, fields: Fields) -> CodeChallenge:
        self._raise_in("begin", attempt.identity, fields)

        async def deliver(code: str, turn: int) -> None:
            self._raise_in("deliver", attempt.identity, fields)

        return CodeChallenge(deliver, lifetime=60.0, resend_after=30.0, code=CODE)

    async def resume(self, attempt: Attempt, memo: bytes, fields: Fields) -> Identity:
        self._raise_in("resume", attempt.identity, fields)
        return Identity(subject=attempt.identity)

    def _raise_in(self, step: str, name: str | None, fields: Fields) -> None:
        if name == step:
            # As careless code does: what the person typed is in the message.
            raise RuntimeError(f"cannot handle {fields}")
