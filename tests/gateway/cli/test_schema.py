"""``schema``: what editors check gateway.yaml with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import providers
from gateway.cli import main
from tests.servers.gateway import ROOT

DIALECT = "https://json-schema.org/draft/2020-12/schema"
YAML_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def schema(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["schema"]) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return printed


def whole_files() -> Iterator[Any]:
    yield pytest.param(ROOT / "gateway.yaml", (ROOT / "gateway.yaml").read_text(), id="default")
    for page in sorted((ROOT / "docs").rglob("*.md")):
        for number, block in enumerate(YAML_BLOCK.findall(page.read_text())):
            if "providers:" in block:
                yield pytest.param(page, block, id=f"{page.stem}-{number}")


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_it_is_a_json_schema_with_every_type(schema: dict[str, Any]) -> None:
    assert schema["$schema"] == DIALECT
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    definitions = {f"#/$defs/{name}" for name in schema["$defs"]}
    assert set(references(schema)) <= definitions
    assert {f"#/$defs/{name}" for name in providers.available()} <= definitions


@pytest.mark.parametrize(("page", "text"), list(whole_files()))
def test_documented_files_fit(schema: dict[str, Any], page: Path, text: str) -> None:
    document = yaml.safe_load(text)
    assert document.keys() <= schema["properties"].keys()
    definitions = schema["$defs"]
    entry = definitions["ProviderEntry"]["properties"]
    for provider in document["providers"].values():
        assert provider.keys() <= entry.keys()
        kinds = entry["type"]["anyOf"]
        known = provider["type"] in kinds[0]["enum"]
        assert known or re.search(kinds[1]["pattern"], provider["type"])
        if known:
            config = definitions[provider["type"]]
            assert provider.get("config", {}).keys() <= config["properties"].keys()
            assert set(config.get("required", ())) <= provider.get("config", {}).keys()


def test_it_starts_from_every_folder_and_prints_nothing_else(
    schema: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert capsys.readouterr().err == ""
    assert {"listen", "issuer", "apps", "providers"} <= schema["properties"].keys()
