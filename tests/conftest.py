"""Fixtures for all tests: upstreams and gateways, real processes and sockets, fresh for each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import structlog

from tests.servers.gateway import GatewayProcess
from tests.servers.mesibo import MesiboCloud
from tests.servers.numbers import fresh_number
from tests.servers.sms import SmsVendor

StartGateway = Callable[..., GatewayProcess]


@pytest.fixture(autouse=True)
def logging_as_by_default() -> None:
    """Commands that run in this process set logging up for themselves, not for other tests."""
    structlog.reset_defaults()


@pytest.fixture
def mesibo() -> Iterator[MesiboCloud]:
    """mesibo's backend API."""
    with MesiboCloud() as cloud:
        yield cloud


@pytest.fixture
def sms() -> Iterator[SmsVendor]:
    """An SMS vendor's API."""
    with SmsVendor() as vendor:
        yield vendor


@pytest.fixture
def number() -> str:
    """A phone number that no other test uses."""
    return fresh_number()


@pytest.fixture
def start_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartGateway]:
    """Start gateways by ``start_gateway(config, env={...})``; all are stopped after the test."""
    with contextlib.ExitStack() as running:

        def start(
            config: Mapping[str, Any], env: Mapping[str, str] | None = None
        ) -> GatewayProcess:
            directory = tmp_path_factory.mktemp("gateway")
            return running.enter_context(GatewayProcess(directory, config, env=env))

        yield start
