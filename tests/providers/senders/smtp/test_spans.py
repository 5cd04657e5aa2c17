"""What traces tell of a mail server."""

from __future__ import annotations

import pytest

from providers._senders import Refused
from tests.providers.senders.smtp.mail import MESSAGE, Make
from tests.providers.tracing import recorded
from tests.servers.smtp import SmtpServer


async def test_mail_is_a_span(server: SmtpServer, make: Make) -> None:
    sender = make(name="relay")
    with recorded() as spans:
        await sender.send(MESSAGE, 5.0)
    (span,) = spans
    assert (span.name, span.raised) == ("relay", None)
    assert span.attributes == {
        "network.protocol.name": "smtp",
        "server.address": "localhost",
        "server.port": server.port,
    }
    await sender.close()


async def test_refused_mail_is_a_span_that_failed(server: SmtpServer, make: Make) -> None:
    sender = make()
    server.fail("RCPT", "550 5.1.1 no")
    with recorded() as spans, pytest.raises(Refused):
        await sender.send(MESSAGE, 5.0)
    assert [span.raised and span.raised.__name__ for span in spans] == ["NegativeReply"]
    await sender.close()
