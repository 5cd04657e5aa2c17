"""A gateway whose limit of open files is too low for its connections, as limits often are (A43)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.gateway.conftest import password_login
from tests.gateway.raw_http import Wire, are_open, check, request
from tests.servers.gateway import COMMAND, GatewayProcess

FILES = 120
VISITORS = 200

Confined = Callable[..., GatewayProcess]


@pytest.fixture
def confined(tmp_path: Path) -> Iterator[Confined]:
    """Starts a gateway with a soft and a hard limit of open files."""
    config = {
        "issuer": {"type": "sandbox"},
        "apps": {"*": {}},
        "providers": {
            "test": {
                "type": "insecure_example",
                "config": {"users": {"ann": "correct horse battery"}},
            }
        },
    }
    with contextlib.ExitStack() as stack:

        def start(soft: int, hard: int, **settings: object) -> GatewayProcess:
            command = ["prlimit", f"--nofile={soft}:{hard}", *COMMAND]
            gateway = GatewayProcess(tmp_path, {**config, **settings}, command=command)
            return stack.enter_context(gateway)

        yield start


def signs_in(gateway: GatewayProcess) -> bool:
    with Wire(gateway.url) as wire:
        wire.send(request(json.dumps(password_login())))
        return "token" in check(wire.reply()).json


def test_soft_limit_is_raised(confined: Confined) -> None:
    gateway = confined(FILES, 4 * VISITORS)
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(gateway.url)) for _ in range(VISITORS)]
        assert signs_in(gateway)
        assert all(are_open(wires))


def test_silent_connections_make_room_before_files_run_out(confined: Confined) -> None:
    gateway = confined(FILES, FILES)
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(gateway.url)) for _ in range(VISITORS)]
        assert signs_in(gateway)
        assert sum(are_open(wires)) in range(FILES // 2 - 5, FILES // 2 + 1)


@pytest.mark.parametrize(("connections", "warned"), [(FILES // 2, False), (FILES // 2 + 1, True)])
def test_operator_is_told_when_files_do_not_suffice(
    confined: Confined, connections: int, warned: bool
) -> None:
    gateway = confined(FILES, FILES, limits={"connections": connections})
    gateway.stop()
    assert ("ulimit" in gateway.stderr) is warned
