"""The documentation: its links lead somewhere, its YAML loads, its tables are complete."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

import config
import providers
from gateway import errors
from gateway.metrics import Metrics
from gateway.plan import plan

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    str(path.relative_to(ROOT)): path
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
}
YAML_BLOCK = re.compile(r"^( *)```yaml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
BASE = yaml.safe_load((ROOT / "gateway.yaml").read_text())


def yaml_blocks() -> Iterator[Any]:
    for name, path in PAGES.items():
        for number, match in enumerate(YAML_BLOCK.finditer(path.read_text()), 1):
            text = re.sub(f"^{match[1]}", "", match[2], flags=re.MULTILINE)
            yield pytest.param(text, id=f"{name}#{number}")


def completed(block: str) -> str:
    """Return a whole file: a block with providers is one, any other is a part of one."""
    part = yaml.safe_load(block)
    if "providers" in part:
        return block
    if "senders" in part:
        part = {"providers": {"phone": {"type": "phone_otp", "config": part}}}
    return yaml.safe_dump({**BASE, **part})


@pytest.mark.parametrize("block", list(yaml_blocks()))
def test_yaml_loads(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs" / "examples")
    for variable in re.findall(r"\benv: *(\w+)", block):
        monkeypatch.setenv(variable, "a-secret-of-thirty-two-bytes-or-more")
    file = tmp_path / "gateway.yaml"
    file.write_text(completed(block))
    plan(config.load(file))


@pytest.mark.parametrize("name", list(PAGES))
def test_links_lead_somewhere(name: str) -> None:
    page = PAGES[name]
    links = re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text()))
    for path, _, anchor in (link.partition("#") for link in links if "://" not in link):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        if anchor:
            assert anchor in anchors(target.read_text()), f"{path}#{anchor}"


def without_code(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def first_column(text: str) -> set[str]:
    """Return what stands as `code` in the first column of any table."""
    cells = re.findall(r"^\|([^|]*)\|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall("`([^`]+)`", cell)}


def options(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the keys of a model: ``code.length`` where there is one inner model.

    What is in a list, a mapping or a union has a table of its own.
    """
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        inner = models_in(field.annotation)
        if len(inner) == 1 and typing.get_origin(field.annotation) not in (list, dict):
            yield from options(inner[0], f"{key}.")
            continue
        yield key
        for part in inner:
            yield from options(part)


def models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in models_in(part)]


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("docs/configuration.md", config.Settings),
        *(
            (f"docs/providers/{kind}.md", providers.load(kind).Config)
            for kind in providers.available()
        ),
    ],
)
def test_tables_name_every_option(name: str, model: type[BaseModel]) -> None:
    assert set(options(model)) - first_column(PAGES[name].read_text()) == set()


def test_tables_name_every_error_word_and_metric() -> None:
    api, operations = (PAGES[f"docs/{page}.md"].read_text() for page in ("api", "operations"))
    types = re.findall(r"^# TYPE (\S+) ", Metrics().exposition().decode(), re.MULTILINE)
    metrics = {name for name in types if not name.endswith("_created")}
    assert errors.TEXTS.keys() - first_column(api) == set()
    assert metrics - first_column(operations) == set()
    assert len(metrics) == 6


def test_p13_operators_are_told_what_a_text_message_is_worth() -> None:
    page = (ROOT / "docs/security.md").read_text()
    assert "SP 800-63B" in page
    assert "restricted" in page
