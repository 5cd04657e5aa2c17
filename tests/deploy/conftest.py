"""A gateway behind each of the proxies that are shipped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.deploy.proxies import KINDS, Behind, Kind, Proxy, running
from tests.servers.gateway import GatewayProcess
from tests.servers.process import HOST, free_port

APP = "com.example.app"
RETURN = "https://chat.example.test/signed-in"
LOGIN = {"op": "login", "appid": APP, "username": "ann", "password": "correct horse", "dt": "1"}


class Site(NamedTuple):
    """A proxy, and the gateway behind it."""

    kind: Kind
    proxy: Proxy
    gateway: GatewayProcess


def configuration(port: int) -> dict[str, object]:
    """What a gateway behind a proxy on ``port`` needs."""
    people = {"users": {"ann": "correct horse"}}
    return {
        "public_url": f"https://localhost:{port}",
        "trusted_proxies": [f"{HOST}/32"],
        "store": {"url": "memory://"},
        "issuer": {"type": "sandbox"},
        "apps": {APP: {"return_urls": [RETURN]}},
        "providers": {"people": {"type": "insecure_example", "label": "Name", "config": people}},
        "logging": {"format": "json"},
    }


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def behind(gateway: GatewayProcess) -> Behind:
    return Behind(port_of(gateway.url), port_of(gateway.admin_url))


@pytest.fixture(scope="session", params=KINDS, ids=lambda kind: kind.__name__)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    port = free_port()
    with (
        GatewayProcess(folder, configuration(port)) as gateway,
        running(request.param, folder, behind(gateway), port) as proxy,
    ):
        yield Site(request.param, proxy, gateway)
