"""A provider that lives outside the tree: the tutorial's own files, run as it says."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.gateway import ROOT, GatewayProcess, post

EXAMPLES = ROOT / "docs" / "examples"
ENVIRONMENT = {"PYTHONPATH": str(EXAMPLES), "BADGE_PIN_KEY": "check-every-badge-twice"}
APP = "com.example.app"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with example(tmp_path_factory.mktemp("gateway")) as process:
        yield process


def example(folder: Path) -> GatewayProcess:
    shutil.copy(EXAMPLES / "badges.txt", folder)
    config = yaml.safe_load((EXAMPLES / "badge.yaml").read_text())
    del config["listen"]  # a free port
    return GatewayProcess(folder, config, env=ENVIRONMENT)


def login(gateway: GatewayProcess, **fields: str) -> dict[str, Any]:
    answer: dict[str, Any] = post(
        gateway.url, {"op": "login", "appid": APP, "dt": "1", **fields}
    ).json
    return answer


def test_tutorial_shows_the_code_that_runs() -> None:
    tutorial = (ROOT / "docs" / "writing-a-provider.md").read_text()
    module = (EXAMPLES / "acme" / "badge.py").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", tutorial, re.MULTILINE | re.DOTALL)
    shown = blocks[:5]  # the others are of other mechanisms
    assert len(shown) == 5
    assert [block for block in shown if block not in module] == []


def test_right_pin_signs_in_under_an_address_of_the_provider(gateway: GatewayProcess) -> None:
    answer = login(gateway, username="4711", password="2580")
    assert answer["result"] == "OK"
    assert answer["address"] == "badge:4711"
    assert answer["name"] == "Ann Example"
    assert len(answer["token"]) > 16


@pytest.mark.parametrize(
    "fields",
    [
        {"username": "004711"},
        {"username": " 4711 "},
        {"phone": "4711"},
        {"phone": "4711", "provider": "badge"},
    ],
    ids=["leading-zeros", "blanks-around", "one-input-field", "provider-named"],
)
def test_spellings_of_a_badge_are_one_person(
    gateway: GatewayProcess, fields: dict[str, str]
) -> None:
    assert login(gateway, **fields, password="2580")["address"] == "badge:4711"


@pytest.mark.parametrize(
    ("badge", "pin"),
    [
        ("4712", "2580"),
        ("4712", "1397 "),
        ("9999", "2580"),
        ("ann", "2580"),
        ("4711:2580", "2580"),
    ],
    ids=[
        "pin-of-another",
        "pin-and-a-blank",
        "unknown-badge",
        "no-badge-number",
        "separator-of-the-file",
    ],
)
def test_wrong_pin_and_unknown_badge_are_refused_alike(
    gateway: GatewayProcess, badge: str, pin: str
) -> None:
    answer = login(gateway, username=badge, password=pin)
    assert (answer["result"], answer["error"]) == ("FAIL", "BADLOGIN")
    assert "token" not in answer


def test_failed_tries_on_one_badge_are_limited_over_its_spellings(tmp_path: Path) -> None:
    with example(tmp_path) as gateway:
        for zeros in range(5):
            answer = login(gateway, username="0" * zeros + "4711", password="0000")
            assert answer["error"] == "BADLOGIN"
        answer = login(gateway, username="4711", password="2580")
        assert answer["error"] == "RATELIMIT"
        assert answer["retry_after"] > 0
        assert login(gateway, username="4712", password="1397")["result"] == "OK"


@pytest.mark.parametrize("content", [None, "4711:short:Ann\n"], ids=["no-file", "broken-line"])
def test_unreadable_file_is_an_outage_and_no_failed_try(
    tmp_path: Path, content: str | None
) -> None:
    people = tmp_path / "badges.txt"
    with example(tmp_path) as gateway:
        intact = people.read_text()
        people.unlink() if content is None else people.write_text(content)
        for _ in range(6):
            assert login(gateway, username="4711", password="0000")["error"] == "UNAVAILABLE"
        people.write_text(intact)
        assert login(gateway, username="4711", password="2580")["result"] == "OK"


def test_pins_and_tokens_are_not_logged(tmp_path: Path) -> None:
    with example(tmp_path) as gateway:
        token = login(gateway, username="4711", password="2580")["token"]
        login(gateway, username="4711", password="86753090")
    printed = gateway.stdout + gateway.stderr
    assert "authn_login_fail" in printed
    for secret in (token, "86753090", ENVIRONMENT["BADGE_PIN_KEY"]):
        assert secret not in printed
