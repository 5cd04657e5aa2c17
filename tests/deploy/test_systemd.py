"""The systemd unit, by systemd's own checks. They read it; nothing is started."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.app import DRAIN
from tests.pages import read_file
from tests.servers.gateway import ROOT

UNIT = ROOT / "deploy" / "systemd" / "messenger-auth-gateway.service"
INSTALLED = "/opt/messenger-auth-gateway"
EXPOSURE = 15  # tenths; systemd calls less than 20 "OK", and services without any of this 96


def settings(name: str) -> list[str]:
    lines = UNIT.read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


def analyze(
    verb: str, text: str, folder: Path, options: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Have systemd look at a unit."""
    unit = folder / UNIT.name
    unit.write_text(text)
    command = ["systemd-analyze", verb, *options, str(unit)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def here() -> str:
    """The unit, of a gateway that is installed here."""
    text = UNIT.read_text().replace(f"{INSTALLED}/.venv/bin/python", sys.executable)
    return text.replace(INSTALLED, str(ROOT))


def test_systemd_understands_it(tmp_path: Path) -> None:
    done = analyze("verify", here(), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Type=exec", "Type=fork"),
        ("ExecStart=/", "ExecStart=/missing/"),
        ("KillMode=mixed", "Kill"),
    ],
)
def test_systemd_would_notice(tmp_path: Path, old: str, new: str) -> None:
    broken = here().replace(old, new)
    assert broken != here()
    assert analyze("verify", broken, tmp_path).stderr


def test_service_may_do_next_to_nothing(tmp_path: Path) -> None:
    options = ["--offline=true", f"--threshold={EXPOSURE}"]
    assert analyze("security", UNIT.read_text(), tmp_path, options).returncode == 0
    lax = UNIT.read_text().replace("ProtectSystem=strict\n", "").replace("DynamicUser=yes\n", "")
    assert analyze("security", lax, tmp_path, options).returncode != 0


def test_it_is_stopped_reloaded_and_started_as_the_gateway_wants() -> None:
    assert settings("ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert settings("KillMode") == ["mixed"]  # workers hear of it from their supervisor
    assert int(settings("TimeoutStopSec")[0]) > DRAIN
    assert settings("ExecStart") == [f"{INSTALLED}/.venv/bin/python -m gateway serve"]


def test_secrets_come_as_credentials_that_the_page_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "deploying.md").read_text()
    (block,) = re.findall(r"^```yml\n([^`]*/run/credentials/[^`]*)```", page, re.MULTILINE)
    named = set(re.findall(rf"/run/credentials/{UNIT.name}/(\w+)", block))
    loaded = {value.partition(":")[0] for value in settings("LoadCredential")}
    assert loaded == {"app_token", "secret"} <= named  # the page tells of further ones
    for name in named:
        (tmp_path / name).write_text("x" * 32)
    read_file(block.replace(f"/run/credentials/{UNIT.name}", str(tmp_path)), tmp_path, monkeypatch)
