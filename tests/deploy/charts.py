"""The Helm chart, rendered by Helm."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.servers.gateway import ROOT

CHART = ROOT / "deploy" / "helm" / "messenger-auth-gateway"
EXAMPLES = sorted((CHART / "ci").glob("*-values.yaml"))
KUBERNETES = ("1.25", "1.30", "1.34")

_BIN = Path(sys.executable).parent  # the test dependencies have helm for x86-64
HELM = shutil.which("helm", path=_BIN) or shutil.which("helm") or "helm"


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run helm."""
    return subprocess.run([HELM, *arguments], check=False, capture_output=True, text=True)


def template(values: Path, *settings: str) -> str:
    """Render the chart; ``settings`` are those of ``--set``. Raises ``ValueError``."""
    given = [word for setting in settings for word in ("--set", setting)]
    options = ("--namespace", "identity", "--kube-version", "1.30", "--values", values)
    done = helm("template", "auth", CHART, *options, *given)
    if done.returncode:
        raise ValueError(done.stderr)
    return done.stdout


def manifests(text: str) -> dict[str, dict[str, Any]]:
    """Return what was rendered, by kind."""
    return {part["kind"]: part for part in yaml.safe_load_all(text) if part}


def fits_kubernetes(version: str, file: Path) -> bool:
    """Whether manifests follow the schema of a version, unknown keys refused."""
    program = _BIN / "kubernetes-validate"
    command: Sequence[str | Path] = [program, "--strict", "--kubernetes-version", version, file]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
