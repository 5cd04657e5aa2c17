"""The documentation: its links lead somewhere, its YAML loads, its tables are complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import config
import providers
from gateway import errors
from gateway.metrics import Metrics
from tests.pages import ROOT, first_column, options, read, yaml_blocks

PAGES = {
    str(path.relative_to(ROOT)): path
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
}


def blocks() -> Iterator[Any]:
    for name, path in PAGES.items():
        for number, block in enumerate(yaml_blocks(path.read_text()), 1):
            yield pytest.param(block, id=f"{name}#{number}")


@pytest.mark.parametrize("block", list(blocks()))
def test_yaml_loads(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs" / "examples")
    read(block, tmp_path, monkeypatch)


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
    assert len(metrics) == 7


def test_p13_operators_are_told_what_a_text_message_is_worth() -> None:
    page = (ROOT / "docs/security.md").read_text()
    assert "SP 800-63B" in page
    assert "restricted" in page
