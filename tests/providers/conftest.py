from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from providers import Context
from providers._senders.http import Http, HttpConfig
from tests.providers.sending import NewSender, Recorder


@pytest.fixture
def meter() -> Recorder:
    return Recorder()


@pytest.fixture
async def new_sender(meter: Recorder) -> AsyncIterator[NewSender]:
    """Make senders by the keys of their configuration; all are closed after the test."""
    made: list[Http] = []

    def new(**keys: Any) -> Http:
        config = HttpConfig.model_validate({"type": "http", **keys})
        made.append(config.create(Context(meter)))
        return made[-1]

    yield new
    for sender in made:
        await sender.close()
