"""Prints codes to standard output: for trials on one's own machine."""

from __future__ import annotations

import asyncio
import io
import select
import sys
import time
from typing import Literal

from pydantic import ValidationInfo, model_validator

from config import Model
from providers._base import Context, Unavailable
from providers._senders import Message


class ConsoleConfig(Model):
    """``type: console``."""

    type: Literal["console"]
    name: str = "console"
    allow_in_production: bool = False

    @model_validator(mode="after")
    def _trials_only(self, info: ValidationInfo) -> ConsoleConfig:
        production = bool(info.context and info.context.get("production"))
        if production and not self.allow_in_production:
            raise ValueError(
                "codes would be printed in production: use another sender, "
                "or set allow_in_production: true"
            )
        return self

    def create(self, context: Context) -> Console:
        """Make the sender."""
        return Console(self.name)


class Console:
    """Whoever reads the terminal reads the codes."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def send(self, message: Message, within: float) -> str | None:
        """Print the code, one line, as soon as standard output has room for it."""
        deadline = time.monotonic() + within
        while not _has_room(0):
            left = deadline - time.monotonic()
            if left <= 0:
                raise Unavailable(self.name, "nobody reads standard output")
            await asyncio.to_thread(_has_room, left)
        try:
            print(f"code for {message.to}: {message.code}", flush=True)  # noqa: T201 - its purpose
        except OSError as error:
            raise Unavailable(self.name, f"standard output: {error.strerror}") from error
        return None

    async def close(self) -> None:
        """Nothing is open."""

    async def check(self) -> list[str]:
        """Standard output is always there."""
        return []


def _has_room(within: float) -> bool:
    """Whether standard output takes a line without waiting, ``within`` seconds from now at most."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), select.POLLOUT)
    except io.UnsupportedOperation:  # no file, so nothing to wait for
        return True
    return bool(poll.poll(within * 1000))
