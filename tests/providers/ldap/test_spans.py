"""What traces tell of a directory: one span for each server that is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from providers import Rejected
from providers.ldap.client import ConnectionFailed
from providers.ldap.site import Site
from tests.providers.ldap.scripted import Host
from tests.providers.ldap.serving import Meter, Serve, look_up, serving
from tests.providers.tracing import recorded


@pytest.fixture
async def serve(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serve]:
    async with serving(Meter(), monkeypatch) as new:
        yield new


async def test_each_server_that_is_asked_is_a_span(serve: Serve) -> None:
    servers = serve(Host("refusing"), Host())
    with recorded() as spans:
        assert await servers.run(look_up) == "dc2"
    assert [span.attributes for span in spans] == [
        {"network.protocol.name": "ldap", "server.address": name, "server.port": 636}
        for name in ("dc1", "dc2")
    ]
    assert {span.name for span in spans} == {"staff"}
    assert [span.raised for span in spans] == [ConnectionFailed, None]


async def test_person_who_is_refused_is_told_of_as_such(serve: Serve) -> None:
    async def refuse(site: Site, deadline: float) -> None:
        raise Rejected("wrong password")

    with recorded() as spans, pytest.raises(Rejected):
        await serve(Host()).run(refuse)
    assert [span.raised for span in spans] == [Rejected]
