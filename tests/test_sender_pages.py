"""Each sender's page in docs/senders/ tells of all its options, and has an example that works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field

import config
from tests import pages

PAGES = pages.ROOT / "docs" / "senders"


def incomplete(root: Path) -> Iterator[str]:
    """Yield what senders lack: page, test module, a link from the index."""
    index = root / "docs/senders/README.md"
    linked = index.read_text() if index.exists() else ""
    for path in sorted((root / "providers/_senders").iterdir()):
        if path.stem[0] == "_":
            continue
        for needed in (
            f"docs/senders/{path.stem}.md",
            f"tests/providers/senders/test_{path.stem}.py",
        ):
            if not (root / needed).exists():
                yield f"{needed} is missing"
        if f"| `{path.stem}` |" not in linked or f"]({path.stem}.md)" not in linked:
            yield f"docs/senders/README.md has no row for {path.stem}"


def unexplained(model: type[BaseModel], page: str) -> set[str]:
    """Return the keys that no table on the page has a row for."""
    return set(pages.options(model)) - pages.first_column(page)


def check_example(kind: str, page: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Raise ``AssertionError`` or ``ConfigError`` unless the page has an example that works."""
    examples = [block for block in pages.yaml_blocks(page) if kind in used(block, folder, patch)]
    assert examples, f"no ```yaml block has a sender of type {kind}"


def used(block: str, folder: Path, patch: pytest.MonkeyPatch) -> set[str]:
    """Return the types of the senders that a block configures."""
    planned = pages.read(block, folder, patch).providers
    found = [sender for one in planned for sender in getattr(one.config, "senders", ())]
    return {sender.type for sender in found}


def test_every_sender_has_page_test_and_row() -> None:
    assert list(incomplete(pages.ROOT)) == []


@pytest.mark.parametrize("kind", pages.senders())
def test_page_names_every_option(kind: str) -> None:
    page = (PAGES / f"{kind}.md").read_text()
    assert unexplained(pages.senders()[kind], page) == set()


@pytest.mark.parametrize("kind", pages.senders())
def test_example_on_page_loads(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_example(kind, (PAGES / f"{kind}.md").read_text(), tmp_path, monkeypatch)


# Each check finds a breach.

GOOD = {
    "providers/_senders/__init__.py": "",
    "providers/_senders/_shared.py": "",
    "providers/_senders/pigeon.py": "",
    "docs/senders/README.md": "| `pigeon` | one bird | [pigeon](pigeon.md) |",
    "docs/senders/pigeon.md": "",
    "tests/providers/senders/test_pigeon.py": "",
}


@pytest.mark.parametrize(
    ("changed", "problems"),
    [
        ({}, 0),
        ({"docs/senders/pigeon.md": None}, 1),
        ({"tests/providers/senders/test_pigeon.py": None}, 1),
        ({"docs/senders/README.md": None}, 1),
        ({"docs/senders/README.md": "[pigeon](pigeon.md)"}, 1),
        ({"docs/senders/README.md": "| `pigeon` | one bird | pigeon.md |"}, 1),
        ({"providers/_senders/raven.py": ""}, 3),
        ({"providers/_senders/raven/__init__.py": ""}, 3),
        ({"providers/_senders/_raven.py": ""}, 0),
    ],
)
def test_incomplete_sender_is_found(
    tmp_path: Path, changed: dict[str, str | None], problems: int
) -> None:
    for name, text in {**GOOD, **changed}.items():
        if text is not None:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
    assert len(list(incomplete(tmp_path))) == problems


class Ring(config.Model):
    number: str


class Pigeon(config.Model):
    type: Literal["pigeon"]
    origin: str = Field(alias="from")
    ring: Ring | None = None


@pytest.mark.parametrize(
    ("page", "missing"),
    [
        ("| `type`, `from` | |\n| `ring.number` | |", set()),
        ("| `type` | not `from` |\n| `ring.number` | |", {"from"}),
        ("| `type` | |\n| `origin` | |\n| `ring` | |", {"from", "ring.number"}),
        ("Set `type`, `from` and `ring.number`.", {"type", "from", "ring.number"}),
    ],
)
def test_option_without_a_row_is_found(page: str, missing: set[str]) -> None:
    assert unexplained(Pigeon, page) == missing


CONSOLE = "senders: [{type: console}]\n"
HTTP = "senders: [{type: http, url: 'https://sms.example.com', bearer: {env: TOKEN}}]\n"


@pytest.mark.parametrize("block", [CONSOLE, f"min_digits: 8\n{CONSOLE}"])
def test_page_with_a_working_example_passes(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = f"```yaml\n{HTTP}```\n\n```yaml\n{block}```\n"
    check_example("console", page, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "page",
    [
        "",
        f"```yaml\n{HTTP}```\n",
        f"```\n{CONSOLE}```\n",
        "```yaml\nsenders: [{type: console, nmae: x}]\n```\n",
        "```yaml\nsenders: [{type: pigeon}]\n```\n",
        f"```yaml\nno_key_of_a_provider: 1\n{CONSOLE}```\n",
    ],
    ids=["no block", "another sender", "not as YAML", "misspelt key", "no such type", "other key"],
)
def test_page_without_a_working_example_is_found(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises((config.ConfigError, AssertionError, ValueError)):
        check_example("console", page, tmp_path, monkeypatch)
