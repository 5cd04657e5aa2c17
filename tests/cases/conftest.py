"""One gateway and its upstreams for all cases; each case has numbers of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cases.configuration import configuration
from tests.cases.messenger import Messenger
from tests.servers.gateway import GatewayProcess
from tests.servers.mesibo import MesiboCloud
from tests.servers.numbers import fresh_number
from tests.servers.sms import SmsVendor


@pytest.fixture(scope="session")
def shared_mesibo() -> Iterator[MesiboCloud]:
    with MesiboCloud() as cloud:
        yield cloud


@pytest.fixture(scope="session")
def shared_sms() -> Iterator[SmsVendor]:
    with SmsVendor() as vendor:
        yield vendor


@pytest.fixture(scope="session")
def gateway(
    shared_mesibo: MesiboCloud, shared_sms: SmsVendor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    config = configuration(shared_mesibo, shared_sms)
    with GatewayProcess(tmp_path_factory.mktemp("cases"), config) as gateway:
        yield gateway


@pytest.fixture
def mesibo(shared_mesibo: MesiboCloud) -> Iterator[MesiboCloud]:
    yield shared_mesibo
    shared_mesibo.ok()


@pytest.fixture
def sms(shared_sms: SmsVendor) -> Iterator[SmsVendor]:
    yield shared_sms
    shared_sms.ok()


@pytest.fixture
def app(gateway: GatewayProcess, mesibo: MesiboCloud, sms: SmsVendor) -> Messenger:
    return Messenger(gateway, mesibo, sms)


@pytest.fixture
def other_number() -> str:
    return fresh_number()
