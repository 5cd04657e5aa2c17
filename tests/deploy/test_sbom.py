"""The bill of materials names what the image installs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.servers.gateway import ROOT


def test_make_sbom_names_every_locked_package(tmp_path: Path) -> None:
    recipe = re.search(r"^sbom:.*?\n\n", (ROOT / "Makefile").read_text(), re.DOTALL | re.MULTILINE)
    assert recipe is not None
    command = recipe[0].partition("$(BIN)/")[2].replace("\\\n", " ")
    file = tmp_path / "sbom.json"
    words = command.replace("build/sbom.json", str(file)).split()
    program = Path(sys.executable).parent / words[0]
    subprocess.run([program, *words[1:]], cwd=ROOT, check=True, capture_output=True)
    bill = json.loads(file.read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "messenger-auth-gateway"
    locked = re.findall(
        r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements" / "all.txt").read_text(), re.MULTILINE
    )
    assert {(part["name"], part["version"]) for part in bill["components"]} == set(locked)
    assert all(part["purl"].startswith("pkg:pypi/") for part in bill["components"])
