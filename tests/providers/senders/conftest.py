from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from providers import Reason
from providers._senders import Ladder
from providers._senders.http import HttpConfig
from tests.providers.senders.ladders import NAMES, REFUSED, SUCCESS
from tests.providers.sending import NewSender, Recorder
from tests.servers.sms import SmsVendor


@pytest.fixture
def vendors() -> Iterator[list[SmsVendor]]:
    with contextlib.ExitStack() as running:
        yield [running.enter_context(SmsVendor()) for _ in NAMES]


@pytest.fixture
def ladder(vendors: list[SmsVendor], new_sender: NewSender, meter: Recorder) -> Ladder:
    """A ladder of three senders."""
    senders = [
        new_sender(
            HttpConfig,
            name=name,
            url=vendor.url,
            bearer="credential",
            json={"to": "{to}", "text": "{text}"},
            success=SUCCESS,
            refused=REFUSED,
            message_id="id",
        )
        for name, vendor in zip(NAMES, vendors, strict=True)
    ]
    return Ladder(senders, Reason.PHONE, meter)
