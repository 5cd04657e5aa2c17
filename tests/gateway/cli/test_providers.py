"""``providers``."""

from __future__ import annotations

import re

import pytest

import providers
from gateway.cli import main


def test_every_type_has_a_line_with_purpose_and_state(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["providers"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(providers.available())
    assert {"phone_otp", "insecure_example"} <= {line.split()[0] for line in lines}
    for line in lines:
        assert re.fullmatch(r"[a-z0-9_]+ +[^ ].{9,} \((installed|not installed: .+)\)", line)


def test_missing_library_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = providers.load_class("phone_otp")
    monkeypatch.setattr(kind, "libraries", ("no_such_library", "json"))
    assert main(["providers"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.endswith("(not installed: no_such_library)")] == [
        line for line in lines if line.startswith("phone_otp ")
    ]
