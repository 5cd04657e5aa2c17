"""The Helm chart, rendered by Helm."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.gateway import ROOT

CHART = ROOT / "deploy" / "helm" / "messenger-auth-gateway"
EXAMPLES = sorted((CHART / "ci").glob("*-values.yaml"))
KUBERNETES = ("1.25", "1.30", "1.34")

_GO = Path.home() / "go" / "bin" / "helm"  # where tools/servers.sh puts it
HELM = shutil.which("helm") or (str(_GO) if _GO.exists() else None)
needs_helm = pytest.mark.skipif(HELM is None, reason="helm is not installed, nor Go to build it")


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run helm."""
    return subprocess.run([str(HELM), *arguments], check=False, capture_output=True, text=True)


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
    program = Path(sys.executable).parent / "kubernetes-validate"
    command: Sequence[str | Path] = [program, "--strict", "--kubernetes-version", version, file]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
