from __future__ import annotations

import typing
from collections.abc import AsyncIterator
from typing import Any

import pytest

from providers import Context
from providers._senders import Sender
from tests.providers.sending import NewSender, Recorder, S_co, SenderConfig


@pytest.fixture
def meter() -> Recorder:
    return Recorder()


@pytest.fixture
async def new_sender(meter: Recorder) -> AsyncIterator[NewSender]:
    """Make senders by the keys of their configuration; all are closed after the test."""
    made: list[Sender] = []

    def new(config: type[SenderConfig[S_co]], /, **keys: Any) -> S_co:
        (kind,) = typing.get_args(typing.get_type_hints(config)["type"])
        sender = config(type=kind, **keys).create(Context(meter))
        made.append(sender)
        return sender

    yield new
    for sender in made:
        await sender.close()
