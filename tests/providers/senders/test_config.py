"""Which sender a configuration names: its module is loaded and its keys are read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter

from config import ConfigError, Model
from config.document import parse_text
from providers._senders._config import OneOf, SenderConfig, config_class
from providers._senders.console import ConsoleConfig

ROOT = Path(__file__).resolve().parents[3]


class Senders(Model):
    senders: list[Annotated[SenderConfig, OneOf("console", "twilio")]]


def problem(text: str) -> str:
    with pytest.raises(ConfigError) as raised:
        parse_text(text, "gateway.yaml").parse(Senders)
    (found,) = raised.value.problems
    return str(found)


def test_the_named_sender_is_read() -> None:
    read = parse_text("senders: [{type: console, name: mine}]", "f").parse(Senders)
    assert isinstance(read.senders[0], ConsoleConfig)
    assert read.senders[0].name == "mine"


def test_what_validators_know_reaches_the_sender() -> None:
    document = parse_text("senders: [{type: console}]", "f")
    with pytest.raises(ConfigError, match="codes would be printed in production"):
        document.parse(Senders, context={"production": True})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "senders:\n  - {type: pigeon}",
            "gateway.yaml:2:12: senders.0.type: must be one of 'console', 'twilio'",
        ),
        ("senders:\n  - {type: http}", "senders.0.type: must be one of 'console', 'twilio'"),
        ("senders:\n  - {type: [console]}", "senders.0.type: must be one of"),
        ("senders:\n  - {type: null}", "senders.0.type: must be one of"),
        ("senders:\n  - {name: mine}", "senders.0.type: required key is missing"),
        ("senders:\n  - console", "senders.0: must be a mapping of keys to values"),
        (
            "senders:\n  - {type: console, nmae: x}",
            'gateway.yaml:2:21: senders.0.nmae: unknown key; did you mean "name"?',
        ),
        ("senders:\n  - {type: console, name: 1}", "senders.0.name: must be text"),
    ],
)
def test_problems_have_their_place(text: str, told: str) -> None:
    assert told in problem(text)


def test_a_type_that_is_a_path_loads_nothing() -> None:
    assert "must be one of" in problem("senders: [{type: ../../gateway/app}]")
    assert "must be one of" in problem("senders: [{type: _sigv4}]")


def test_the_schema_tells_of_every_type() -> None:
    schema: dict[str, Any] = TypeAdapter(Senders).json_schema()
    items = schema["properties"]["senders"]["items"]
    assert set(items["discriminator"]["mapping"]) == {"console", "twilio"}
    assert {"ConsoleConfig", "TwilioConfig"} <= schema["$defs"].keys()


def test_a_sender_is_found_by_its_type() -> None:
    assert config_class("console") is ConsoleConfig


def test_no_other_sender_is_loaded() -> None:
    script = (
        "import sys; from config.document import parse_text;"
        "from providers._phone_otp_config import PhoneOtpConfig;"
        "parse_text('senders: [{type: console}]', 'f').parse(PhoneOtpConfig);"
        "print(*(m for m in sys.modules if m.startswith('providers._senders.')))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.rpartition(".")[2] for name in done.stdout.split()}
    assert {name for name in loaded if not name.startswith("_")} == {"console"}
