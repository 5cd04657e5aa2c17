"""What is no command, and what is no command's option."""

from __future__ import annotations

import re

import pytest

from gateway.cli import main
from tests.gateway.cli.command import run

COMMANDS = ["serve", "check", "schema", "providers", "login"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate"],
        ["serve", "--port", "80"],
        ["serve", "--listen", "80"],
        ["serve", "--listen", "127.0.0.1:65536"],
        ["serve", "--admin", "no"],
        ["serve", "--config"],
        ["check", "a.yaml"],
        ["check", "--connect=yes"],
        ["schema", "--config", "x"],
        ["login", "18005551234"],
    ],
)
def test_wrong_usage_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert told.err.startswith("usage: python -m gateway")
    assert told.out == ""


def test_process_ends_with_the_status_of_the_command() -> None:
    assert run("frobnicate").returncode == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_help_tells_of_every_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert re.search(rf"^    {command}\s", capsys.readouterr().out, re.MULTILINE)
    assert ended.value.code == 0
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"python -m gateway {command}" in capsys.readouterr().out
