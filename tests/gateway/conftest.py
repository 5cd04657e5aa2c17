"""Gateways for the tests of the HTTP surface: one to share, and ones of a test's own."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.raw_http import Wire, check, request
from tests.servers.configs import GENEROUS, base_config, phone_provider
from tests.servers.gateway import COMMAND, GatewayProcess, Reply, post
from tests.servers.mesibo import MesiboCloud
from tests.servers.numbers import fresh_number
from tests.servers.redis_server import RedisServer
from tests.servers.sms import SmsVendor

APP = "com.example.app"
USER, PASSWORD = "ann", "correct horse battery"
LIMITS = {"per_ip": GENEROUS, "failures_per_identity": GENEROUS}


@dataclass
class Site:
    """A gateway, and what it talks to."""

    gateway: GatewayProcess
    mesibo: MesiboCloud
    sms: SmsVendor

    @property
    def url(self) -> str:
        return self.gateway.url

    def connect(self, source: str = "127.0.0.1") -> Wire:
        return Wire(self.url, source=source)

    def raw(self, data: bytes, status: int = 200, **flags: bool) -> Reply:
        """Send bytes on a connection of their own and return the one reply, checked."""
        with self.connect() as wire:
            wire.send(data)
            return check(wire.reply(), status, **flags)

    def post(self, body: Any, headers: Any = None, path: str = "/", **flags: Any) -> Reply:
        """Post and return the reply, checked."""
        status = flags.pop("status", 200)
        return check(post(self.url, body, headers, path), status, **flags)

    def admin(self, path: str) -> Reply:
        """Return what the admin listener has at ``path``."""
        return post(self.gateway.admin_url, path=path, method="GET")

    def logs_in(self) -> bool:
        """Whether a password login works at this moment."""
        reply = self.post(password_login(), second_step=False)
        return reply.json["result"] == "OK" and len(reply.json["token"]) > 16

    @property
    def workers(self) -> set[int]:
        """The processes of its workers, if it has several."""
        pid = self.gateway.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return {int(child) for child in children.split()}


StartSite = Callable[..., Site]
StartRedis = Callable[..., RedisServer]


def phone_login(number: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return a login as the Android app sends it; of a fresh number, if none is given."""
    return {"op": "login", "appid": APP, "phone": number or fresh_number(), "dt": "1", **fields}


def password_login(user: str = USER, password: str = PASSWORD, **fields: Any) -> dict[str, Any]:
    """Return a login that needs one step only."""
    login = {"op": "login", "appid": APP, "username": user, "password": password, "dt": "1"}
    return {**login, **fields}


def login_request(*headers: str, line: str = "POST / HTTP/1.1", **fields: Any) -> bytes:
    """Compose the bytes of a phone login."""
    return request(json.dumps(phone_login(**fields)), *headers, line=line)


def site_config(mesibo: MesiboCloud, sms: SmsVendor, **keys: Any) -> dict[str, Any]:
    """Return the configuration of the shared gateway, with other top-level keys."""
    providers = {
        "phone": phone_provider(sms),
        "staff": {"type": "insecure_example", "config": {"users": {USER: PASSWORD}}},
    }
    return base_config(mesibo, sms, **{"apps": {APP: {}}, "providers": providers, **keys})


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with MesiboCloud() as mesibo, SmsVendor() as sms:
        directory = tmp_path_factory.mktemp("site")
        with GatewayProcess(directory, site_config(mesibo, sms)) as gateway:
            yield Site(gateway, mesibo, sms)


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    yield shared_site
    shared_site.mesibo.ok()
    shared_site.sms.ok()


@pytest.fixture(scope="module")
def start_site(shared_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartSite]:
    """Start gateways by ``start_site(cors_origins=[...])``, stopped after the module's tests.

    ``tuned`` changes constants: ``{"gateway.server.BODY_TIMEOUT": 0.5}``.
    """
    mesibo, sms = shared_site.mesibo, shared_site.sms
    with contextlib.ExitStack() as running:

        def start(tuned: dict[str, float] | None = None, **keys: Any) -> Site:
            command = COMMAND
            if tuned is not None:
                command = (sys.executable, "-m", "tests.gateway.tuned_serve", json.dumps(tuned))
            config = site_config(mesibo, sms, **keys)
            directory = tmp_path_factory.mktemp("site")
            gateway = GatewayProcess(directory, config, command=command)
            return Site(running.enter_context(gateway), mesibo, sms)

        yield start


@pytest.fixture
def start_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartRedis]:
    with contextlib.ExitStack() as running:

        def start(*settings: str) -> RedisServer:
            server = RedisServer(tmp_path_factory.mktemp("redis"), settings)
            server.start()
            running.callback(server.stop)
            return server

        yield start


@pytest.fixture
def shared(start_redis: StartRedis) -> dict[str, Any]:
    """Keys for two workers."""
    return {
        "workers": 2,
        "secret": "s" * 32,
        "store": {"url": start_redis().url},
        "logging": {"format": "json"},
    }
