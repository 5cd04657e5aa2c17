"""What the tests run on Node.js is locked as strictly as what they run on Python."""

from __future__ import annotations

import json
import re

import pytest

from tests.servers.oidc_provider import NODE

LOCK = json.loads((NODE / "package-lock.json").read_text())
PACKAGES = {name: entry for name, entry in LOCK["packages"].items() if name}


def test_the_lock_is_of_what_is_asked_for() -> None:
    asked = json.loads((NODE / "package.json").read_text())["dependencies"]
    assert LOCK["packages"][""]["dependencies"] == asked
    assert {f"node_modules/{name}" for name in asked} <= PACKAGES.keys()


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_is_pinned_by_its_digest_and_from_no_place_of_its_own(name: str) -> None:
    entry = PACKAGES[name]
    assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", entry["integrity"])
    assert entry.keys().isdisjoint({"resolved", "link", "hasInstallScript"})
