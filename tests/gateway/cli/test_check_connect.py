"""``check --connect``: every upstream is tried, and nobody is signed in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gateway.cli.command import run
from tests.gateway.conftest import PASSWORD, Site, StartRedis, site_config


@pytest.fixture
def config(site: Site, start_redis: StartRedis) -> dict[str, Any]:
    return site_config(site.mesibo, site.sms, store={"url": start_redis().url}, secret="s" * 32)


def connect(directory: Path, config: dict[str, Any]) -> tuple[int, list[str]]:
    file = directory / "gateway.yaml"
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    ended = run("check", "--config", str(file), "--connect")
    assert ended.stderr == ""
    for secret in (PASSWORD, "s" * 32, config["issuer"].get("app_token", PASSWORD)):
        assert secret not in ended.stdout
    return ended.returncode, ended.stdout.splitlines()


def test_upstreams_that_answer_are_fine(site: Site, config: dict[str, Any], tmp_path: Path) -> None:
    minted, sent = len(site.mesibo.minted), len(site.sms.messages)
    calls = len(site.mesibo.calls), len(site.sms.calls)
    assert connect(tmp_path, config) == (0, [f"{tmp_path}/gateway.yaml: fine"])
    assert (len(site.mesibo.minted), len(site.sms.messages)) == (minted, sent)
    assert len(site.mesibo.calls) > calls[0]
    assert len(site.sms.calls) > calls[1]


def test_each_dead_upstream_is_a_line(config: dict[str, Any], tmp_path: Path) -> None:
    config["issuer"]["url"] = "http://127.0.0.1:1/backend/"
    config["store"]["url"] = "redis://127.0.0.1:1/0"
    config["providers"]["phone"]["config"]["senders"][0]["url"] = "http://127.0.0.1:1/"
    status, lines = connect(tmp_path, config)
    assert status == 1
    assert [re.match(r"(\w+(?: \w+)?): .{10,}", line) for line in lines].count(None) == 0
    assert [line.partition(":")[0] for line in lines] == ["issuer", "store", "provider phone"]


def test_issuer_that_is_no_mesibo_is_a_problem(
    site: Site, config: dict[str, Any], tmp_path: Path
) -> None:
    site.mesibo.fail("html")
    status, lines = connect(tmp_path, config)
    assert (status, len(lines)) == (1, 1)
    assert lines[0].startswith("issuer: ")
