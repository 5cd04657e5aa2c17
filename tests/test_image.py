"""The image, built without an engine: the Dockerfile's own steps, in a scratch folder.

/venv and /app of the image stand in that folder; every step is run as it is written. Packages come
from the package index, as they do when an image is built.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.dockerfile import ROOT, STEPS, only
from tests.servers.gateway import GatewayProcess, post

CONFINED = ROOT / "tests" / "servers" / "confined.sh"


def here(text: str, folder: Path) -> str:
    """Return text with the image's paths moved into ``folder``."""
    return re.sub(r"(?<![\w.])/(venv|app)\b", rf"{folder}/\1", text)


def build(folder: Path) -> None:
    """Run the builder's steps: what they make is all that the final stage copies."""
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for step in STEPS:
        if step.word == "RUN":
            subprocess.run(["sh", "-euc", here(step.rest, folder)], cwd=folder, env=env, check=True)
        elif step.word == "COPY" and not step.rest.startswith("--from="):
            source, target = step.rest.split()
            copy(ROOT / source, Path(here(target, folder)), into=target.endswith("/"))


def copy(source: Path, target: Path, *, into: bool) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target / source.name if into else target)


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    # Not below pytest's folder, which is closed to other users.
    with tempfile.TemporaryDirectory(prefix="image-") as name:
        Path(name).chmod(0o755)
        build(Path(name))
        yield Path(name)


def argv(image: Path, *command: str) -> list[str]:
    """Return how a command runs in the image with a read-only root."""
    settings = [
        here(pair, image) for pair in only("ENV").replace(":$PATH", ":/usr/bin:/bin").split()
    ]
    clean = ["env", "--ignore-environment", f"--chdir={here(only('WORKDIR'), image)}", *settings]
    return [*clean, str(CONFINED), sys.base_prefix, *command]


def entrypoint(image: Path) -> list[str]:
    return argv(image, *json.loads(only("ENTRYPOINT")))


@pytest.fixture(scope="module")
def gateway(image: Path) -> Iterator[GatewayProcess]:
    config = yaml.safe_load((image / "app" / "gateway.yaml").read_text())
    folder = image / "config"
    folder.mkdir()
    folder.chmod(0o755)
    config |= {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0"}
    process = GatewayProcess(folder, config, command=[*entrypoint(image), "serve"])
    process.config_file.chmod(0o644)
    with process:
        yield process


def health_check(image: Path, port: int | None) -> int:
    """Run the image's health check against another port; return its exit status."""
    command = json.loads(re.sub("^.*?CMD ", "", only("HEALTHCHECK")))
    code = command.pop().replace(":9090/", f":{port}/")
    return subprocess.run(argv(image, *command, code), check=False).returncode


def test_a153_someone_logs_in_with_a_read_only_root(gateway: GatewayProcess) -> None:
    login = {"op": "login", "appid": "com.example.app", "phone": "18005551234"}
    first = post(gateway.url, login).json
    assert first["challenge"]["kind"] == "code"
    second = post(gateway.url, {**login, "otp": gateway.code_for("18005551234")}).json
    assert second["token"]


def test_health_check_tells_up_from_down(image: Path, gateway: GatewayProcess) -> None:
    port = urlsplit(gateway.admin_url).port
    assert health_check(image, port) == 0
    assert health_check(image, urlsplit(gateway.url).port) != 0  # answers, but not there
    assert health_check(image, 1) != 0


def test_confinement_holds(image: Path) -> None:
    code = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text('x')"
    for folder in ("/tmp", "/dev/shm", str(image / "app")):
        target = Path(folder, "written-by-test")
        command = argv(image, "python", "-c", code, str(target))
        assert subprocess.run(command, check=False, capture_output=True).returncode != 0
        if target.exists():  # without the right to mount: made, but not filled
            assert not target.read_text()
            target.unlink()


def test_image_holds_the_application_only(image: Path) -> None:
    assert {path.name for path in (image / "app").iterdir()} == {
        "config",
        "gateway",
        "gateway.yaml",
        "providers",
    }
    assert not list((image / "venv").rglob("site-packages/pip"))


def test_image_is_readable_by_anyone_and_writable_by_root_only(image: Path) -> None:
    for path in [*(image / "app").rglob("*"), *(image / "venv").rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            assert mode & 0o26 == 0o4, path
            assert mode & 0o1 or not path.is_dir(), path


def test_every_module_is_compiled_and_never_checked(image: Path) -> None:
    modules = [*(image / "app").rglob("*.py"), *(image / "venv").rglob("*.py")]
    assert len(modules) > 100
    for module in modules:
        compiled = Path(importlib.util.cache_from_source(str(module)))
        assert compiled.read_bytes()[4:8] == b"\x01\0\0\0", module  # PEP 552: unchecked hash
