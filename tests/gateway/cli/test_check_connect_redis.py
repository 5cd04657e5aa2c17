"""``check --connect`` tells what is wrong with Redis, of any kind, and never the password."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.gateway.cli.command import run
from tests.gateway.conftest import Site, site_config
from tests.servers.process import free_port
from tests.servers.redis_server import RedisServer

PASSWORD = "password-of-the-store"
USERS = (
    f"user gw on >{PASSWORD} ~gw:* +@all",
    f"user lame on >{PASSWORD} ~gw:* +@read +@scripting",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), USERS)
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        pytest.param("redis://gw:{password}@{server}/0", None, id="fine"),
        pytest.param("redis://gw:not-{password}@{server}/0", "invalid username-pa", id="password"),
        pytest.param("redis://lame:{password}@{server}/0", "can't run this command", id="rights"),
        pytest.param("rediss://gw:{password}@{server}/0", "redis {server}: ", id="no TLS there"),
        pytest.param("redis+cluster://gw:{password}@{server}", "cluster support", id="no cluster"),
        pytest.param(
            "redis+sentinel://gw:{password}@{nobody}/main", "no master found", id="no sentinel"
        ),
    ],
)
def test_state_of_the_store_is_told(
    site: Site, tmp_path: Path, server: RedisServer, url: str, problem: str | None
) -> None:
    places = {
        "password": PASSWORD,
        "server": f"127.0.0.1:{server.port}",
        "nobody": f"127.0.0.1:{free_port()}",
    }
    store = {"url": url.format(**places)}
    file = tmp_path / "gateway.yaml"
    config = site_config(site.mesibo, site.sms, store=store, secret="s" * 32)
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    ended = run("check", "--config", str(file), "--connect")
    assert PASSWORD not in ended.stdout + ended.stderr
    assert ended.stderr == ""
    assert ended.returncode == (problem is not None)
    if problem is not None:
        [line] = ended.stdout.splitlines()
        assert line.startswith("store: ")
        assert problem.format(**places) in line
