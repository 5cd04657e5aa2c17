"""A provider type that cannot be opened."""

from __future__ import annotations

import asyncio
import os
from typing import ClassVar, Literal

from config import Model
from providers import Attempt, Fields, Identity, Provider, Unavailable


class StumblingConfig(Model):
    """``how``: hold up whoever opens it, or end the process."""

    how: Literal["hang", "crash"]


class Stumbling(Provider[StumblingConfig]):
    """Signs nobody in."""

    Config: ClassVar[type[Model]] = StumblingConfig
    purpose = "cannot be opened, for tests"

    def identify(self, fields: Fields) -> str | None:
        return None

    async def open(self) -> None:
        if self.config.how == "crash":
            os._exit(3)
        await asyncio.Event().wait()

    async def begin(self, attempt: Attempt, fields: Fields) -> Identity:
        raise Unavailable(self.name, "is never open")
