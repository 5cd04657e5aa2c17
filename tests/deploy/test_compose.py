"""The compose file, by the published schema, and what it has to say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dockerfile import only
from tests.pages import read_file
from tests.servers.gateway import ROOT

FILE = ROOT / "deploy" / "compose.yaml"
CONFIG = ROOT / "deploy" / "gateway" / "gateway.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def follows_schema(file: Path) -> bool:
    program = Path(sys.executable).parent / "check-jsonschema"
    command = [str(program), "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def test_it_follows_the_schema(tmp_path: Path) -> None:
    assert follows_schema(FILE)
    broken = tmp_path / "compose.yaml"
    broken.write_text(FILE.read_text().replace("read_only: true", "read_only: [true]"))
    assert not follows_schema(broken)


def test_only_the_proxy_can_be_reached() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"proxy"}
    assert not any("9090" in port for port in SERVICES["proxy"]["ports"])
    assert SERVICES["redis"]["networks"] == ["state"]
    assert COMPOSE["networks"]["state"]["internal"] is True


@pytest.mark.parametrize("name", SERVICES)
def test_service_has_few_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_gateway_has_time_to_drain() -> None:
    assert SERVICES["gateway"]["stop_grace_period"] == "40s"


def test_proxy_is_the_only_one_that_is_trusted() -> None:
    address = SERVICES["proxy"]["networks"]["edge"]["ipv4_address"]
    assert yaml.safe_load(CONFIG.read_text())["trusted_proxies"] == [address]


def test_proxy_is_told_what_its_file_asks_for() -> None:
    asked = re.findall(r"\{\$(\w+)", (ROOT / "deploy" / "proxies" / "Caddyfile").read_text())
    assert set(asked) == SERVICES["proxy"]["environment"].keys()
    (port, _) = only("EXPOSE").split()
    assert SERVICES["proxy"]["environment"]["GATEWAY"] == f"gateway:{port}"


def test_files_that_are_mounted_are_there() -> None:
    mounts = [v.split(":") for service in SERVICES.values() for v in service.get("volumes", ())]
    for source, *_ in mounts:
        assert source in COMPOSE["volumes"] or (FILE.parent / source).exists(), source
    assert SERVICES["gateway"]["environment"]["GATEWAY_CONFIG"] == "/etc/gateway/gateway.yaml"


def test_gateway_reads_its_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = CONFIG.read_text()
    named = set(re.findall(r"/run/secrets/(\w+)", text))
    assert named == set(SERVICES["gateway"]["secrets"]) == COMPOSE["secrets"].keys()
    for name in named:
        (tmp_path / name).write_text("x" * 32)
    loaded = read_file(text.replace("/run/secrets", str(tmp_path)), tmp_path, monkeypatch)
    assert loaded.loaded.settings.store.url.get_secret_value() == "redis://redis:6379/0"


def test_secrets_stay_out_of_version_control() -> None:
    for secret in COMPOSE["secrets"].values():
        ignored = ["git", "check-ignore", "--quiet", "--no-index", f"deploy/{secret['file']}"]
        assert subprocess.run(ignored, cwd=ROOT, check=False).returncode == 0
