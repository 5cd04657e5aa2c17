"""Who may import whom: gateway -> providers -> config, and never back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def imported_names(file: Path, root: Path) -> set[str]:
    """Return what a module imports, at any depth; ``from a import b`` gives ``a.b``."""
    package = file.relative_to(root).parts[:-1]
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join((*start, *filter(None, [node.module])))
            names.update(f"{source}.{alias.name}" for alias in node.names)
    return names


def provider_modules(root: Path) -> set[str]:
    """Return the names of all modules and folders in providers/."""
    return {
        path.stem
        for path in (root / "providers").iterdir()
        if path.is_dir() or path.suffix == ".py"
    } - {"__init__", "__pycache__"}


def forbidden_to(module: tuple[str, ...], modules: set[str]) -> set[str]:
    """Return what the module at this path may not import, nor anything in it."""
    match module:
        case ("config", *_):
            return {"gateway", "providers", "aiohttp"}
        case ("providers", name, *_):
            others = {f"providers.{m}" for m in modules if m not in (name, "") and m[0] != "_"}
            return {"gateway", "aiohttp.web", *others}
        case ("gateway", "login"):
            return {"aiohttp.web", *(f"providers.{m}" for m in modules)}
        case _:
            return {f"providers.{m}" for m in modules}


def violations(root: Path) -> Iterator[str]:
    """Yield each import that points the wrong way."""
    modules = provider_modules(root)
    for package in ("config", "providers", "gateway"):
        for file in sorted((root / package).rglob("*.py")):
            module = file.relative_to(root).with_suffix("").parts
            forbidden = forbidden_to(module, modules)
            for name in sorted(imported_names(file, root)):
                # aiohttp.web is made of aiohttp.web_request and the like.
                if any(name == f or name.startswith((f"{f}.", f"{f}_")) for f in forbidden):
                    yield f"{'/'.join(module)} imports {name}"


def test_imports_go_one_way() -> None:
    assert list(violations(ROOT)) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("config/model.py", "import gateway"),
        ("config/model.py", "from providers import Provider"),
        ("config/model.py", "import aiohttp"),
        ("config/deep/model.py", "def f():\n    from gateway.wire import parse"),
        ("providers/pin.py", "import gateway.wire"),
        ("providers/pin.py", "from aiohttp import web"),
        ("providers/pin.py", "import aiohttp.web as w"),
        ("providers/pin.py", "from aiohttp.web_exceptions import HTTPFound"),
        ("providers/pin.py", "from providers.badge import Badge"),
        ("providers/pin.py", "from providers import badge"),
        ("providers/pin.py", "from . import badge"),
        ("providers/pin.py", "from .badge import Badge"),
        ("providers/_shared.py", "from providers import badge"),
        ("providers/_senders/sms.py", "from ..badge import Badge"),
        ("gateway/login.py", "from aiohttp import web"),
        ("gateway/login.py", "import providers.badge"),
        ("gateway/app.py", "from providers.badge import Badge"),
        ("gateway/cli/login.py", "from providers import badge"),
        ("gateway/app.py", "from providers._shared import Shared"),
        ("gateway/app.py", "if TYPE_CHECKING:\n    from providers import _shared"),
    ],
)
def test_import_the_wrong_way_is_found(tmp_path: Path, file: str, line: str) -> None:
    write_tree(tmp_path, file, line)
    assert len(list(violations(tmp_path))) == 1


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("config/model.py", "from config.secret import Secret"),
        ("providers/pin.py", "import aiohttp\nfrom config import Model"),
        ("providers/pin.py", "from providers import Provider\nfrom providers._shared import X"),
        ("providers/pin/dial.py", "from providers.pin.pad import Pad\nfrom . import pad"),
        ("gateway/app.py", "from aiohttp import web\nfrom providers import load"),
        ("gateway/app.py", "import providers\nfrom gateway.login import Engine"),
        ("gateway/login.py", "import aiohttp\nfrom config import Settings"),
    ],
)
def test_import_the_right_way_is_accepted(tmp_path: Path, file: str, line: str) -> None:
    write_tree(tmp_path, file, line)
    assert list(violations(tmp_path)) == []


def write_tree(root: Path, file: str, text: str) -> None:
    for name in ("providers/badge.py", "providers/_shared.py", "providers/pin.py", file):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    (root / file).write_text(text)
