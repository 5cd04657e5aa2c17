"""``check`` of ``tracing``: its libraries, its files, and with ``--connect`` its collector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gateway.cli.command import run
from tests.gateway.cli.test_optional_libraries import without
from tests.servers.otlp import Collector
from tests.servers.tls import Authority

SECRET = "tell-the-collector-only"
SANDBOX = {
    "issuer": {"type": "sandbox"},
    "apps": {"*": {}},
    "providers": {"staff": {"type": "insecure_example", "config": {"users": {"ann": "pw"}}}},
}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector({"x-key": SECRET}) as collector:
        yield collector


def check(folder: Path, tracing: dict[str, Any], *options: str, **env: str) -> tuple[int, str]:
    """Return the exit status and the one line, without the file's place."""
    file = folder / "gateway.yaml"
    file.write_text(yaml.safe_dump({**SANDBOX, "tracing": tracing}, sort_keys=False))
    ended = run("check", "--config", str(file), *options, env=env)
    assert SECRET not in ended.stdout + ended.stderr
    lines = [line for line in ended.stdout.splitlines() if "SANDBOX" not in line]
    assert len(lines) == 1
    return ended.returncode, lines[0].removeprefix(f"{file}:").lstrip("0123456789:").lstrip()


def test_collector_that_takes_an_empty_request_is_fine(
    collector: Collector, tmp_path: Path
) -> None:
    tracing = {"endpoint": collector.url, "headers": {"x-key": SECRET}}
    assert check(tmp_path, tracing, "--connect") == (0, "fine")
    (call,) = collector.calls
    assert (call.method, call.path, call.body) == ("POST", collector.path, b"")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"headers": {}}, "tracing: HTTP status 401"),
        ({"endpoint": "/v1/trace"}, "tracing: HTTP status 404"),
        ({"endpoint": None}, "tracing: no connection (ConnectionRefusedError)"),
    ],
    ids=["without-key", "wrong-path", "down"],
)
def test_collector_that_takes_nothing_is_a_line(
    collector: Collector, tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    base = collector.url.removesuffix(collector.path)
    tracing = {"endpoint": collector.url, "headers": {"x-key": SECRET}, **changes}
    if "endpoint" in changes:
        collector.stop() if changes["endpoint"] is None else None
        tracing["endpoint"] = base + (changes["endpoint"] or collector.path)
    assert check(tmp_path, tracing, "--connect") == (1, problem)
    assert check(tmp_path, tracing) == (0, "fine")


@pytest.mark.parametrize(
    "hidden", ["opentelemetry.sdk", "opentelemetry.exporter", "google", "opentelemetry"]
)
def test_missing_library_is_told_by_name_and_extra(
    collector: Collector, tmp_path: Path, hidden: str
) -> None:
    env = without(tmp_path, hidden)
    status, line = check(tmp_path, {"endpoint": collector.url}, **env)
    assert status == 1
    assert line == (
        f'tracing: needs libraries that are not installed: {hidden}: pip install ".[tracing]"'
    )
    ended = run("serve", "--config", str(tmp_path / "gateway.yaml"), env=env)
    assert ended.returncode == 1
    assert line in ended.stdout


def test_off_needs_no_library(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump(SANDBOX))
    env = without(tmp_path, "opentelemetry", "google")
    assert run("check", "--config", str(file), env=env).returncode == 0


def test_authorities_are_read_with_the_file(tmp_path: Path) -> None:
    tracing = {"endpoint": "https://collector.example.com/v1/traces", "ca_file": "ca.pem"}
    assert check(tmp_path, tracing) == (
        1,
        "tracing.ca_file: cannot read the file: No such file or directory",
    )
    (tmp_path / "ca.pem").write_text("nonsense")
    assert check(tmp_path, tracing)[1].startswith("tracing.ca_file: cannot be used as PEM")
    (tmp_path / "ca.pem").write_bytes(Authority(tmp_path).ca_file.read_bytes())
    assert check(tmp_path, tracing) == (0, "fine")
