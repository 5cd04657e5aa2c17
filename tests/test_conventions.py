"""What holds for every file of the project."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

MAX_LINES = 400
VAGUE = {"common", "core", "helper", "helpers", "manager", "misc", "util", "utils"}
CODE = {".py", ".lua", ".sh"}
# Somebody's own machine. In two halves, or this file would hold it.
LOCAL_PATH = re.compile("(?<![\\w.-])/" + "(root|Users|home/[a-z]+)/")
GENERATED = {"build", "dist", "node_modules", "__pycache__"}
HIDDEN = {".ci", ".dockerignore", ".gitignore", ".github"}

Check = Callable[[Path], Iterator[str]]


def project_files(root: Path) -> Iterator[Path]:
    """Yield the project's own files, relative to ``root``."""
    for path in sorted(root.iterdir()):
        if path.name in GENERATED or (path.name.startswith(".") and path.name not in HIDDEN):
            continue
        if (path / "pyvenv.cfg").exists():
            continue
        if path.is_dir():
            yield from (path.relative_to(root) / file for file in project_files(path))
        else:
            yield Path(path.name)


def long_files(root: Path) -> Iterator[str]:
    for file in project_files(root):
        if file.suffix in CODE:
            lines = (root / file).read_text().count("\n")
            if lines > MAX_LINES:
                yield f"{file} has {lines} lines"


def vague_names(root: Path) -> Iterator[str]:
    for file in project_files(root):
        if file.suffix in CODE and VAGUE & {*file.parts, file.stem}:
            yield f"{file}: say what is in it"


def packages_in_tests(root: Path) -> Iterator[str]:
    for file in project_files(root):
        if file.parts[0] == "tests" and file.name == "__init__.py":
            yield f"{file}: test modules are no package"


def local_paths(root: Path) -> Iterator[str]:
    for file in project_files(root):
        for line in (root / file).read_text(errors="replace").splitlines():
            if LOCAL_PATH.search(line):
                yield f"{file}: {line.strip()}"


def provider_types_in_gateway(root: Path) -> Iterator[str]:
    """Yield where the gateway knows one of its providers by name."""
    types = [path.stem for path in (root / "providers").iterdir() if path.stem[0] != "_"]
    word = re.compile(rf"\b({'|'.join(types)})\b")
    for file in sorted((root / "gateway").rglob("*.py")):
        for found in word.finditer(file.read_text()):
            yield f"{file.relative_to(root)}: {found[1]}"


def providers_without_page_or_test(root: Path) -> Iterator[str]:
    for path in sorted((root / "providers").iterdir()):
        if path.stem[0] == "_":
            continue
        tests = f"test_{path.stem}.py" if path.suffix else f"{path.stem}/test_*.py"
        for needed in (f"docs/providers/{path.stem}.md", f"tests/providers/{tests}"):
            if not any(root.glob(needed)):
                yield f"{needed} is missing"


CHECKS = (
    long_files,
    vague_names,
    packages_in_tests,
    local_paths,
    provider_types_in_gateway,
    providers_without_page_or_test,
)


@pytest.mark.parametrize("check", CHECKS)
def test_convention_is_kept(check: Check) -> None:
    assert list(check(ROOT)) == []


@pytest.mark.parametrize(
    ("check", "file", "text"),
    [
        (long_files, "gateway/wire.py", "x = 1\n" * (MAX_LINES + 1)),
        (long_files, "gateway/stores/lua/take.lua", "x = 1\n" * (MAX_LINES + 1)),
        (vague_names, "gateway/utils.py", ""),
        (vague_names, "tests/servers/common.py", ""),
        (vague_names, "gateway/core/wire.py", ""),
        (packages_in_tests, "tests/gateway/__init__.py", ""),
        (local_paths, "docs/start.md", "cd /" + "root/main"),
        (local_paths, "tools/run.sh", "PATH=/" + "root/bin:$PATH"),
        (local_paths, ".ci/run", "ls '/" + "home/me/x'"),
        (local_paths, "gateway.yaml", "file: /" + "Users/me/key.pem"),
        (provider_types_in_gateway, "gateway/login.py", "if entry.type == 'badge_pin': pass"),
        (provider_types_in_gateway, "gateway/cli/login.py", "# badge_pin needs a reader"),
        (providers_without_page_or_test, "providers/voice.py", ""),
        (providers_without_page_or_test, "providers/voice/__init__.py", ""),
        (providers_without_page_or_test, "docs/providers/face_id.md", None),
        (providers_without_page_or_test, "tests/providers/face_id/test_lens.py", None),
        (providers_without_page_or_test, "tests/providers/test_badge_pin.py", None),
    ],
)
def test_breach_is_found(tmp_path: Path, check: Check, file: str, text: str | None) -> None:
    write_good_tree(tmp_path)
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    if text is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(text)
    assert list(check(tmp_path)) != []


@pytest.mark.parametrize("check", CHECKS)
def test_good_tree_passes(tmp_path: Path, check: Check) -> None:
    write_good_tree(tmp_path)
    assert list(check(tmp_path)) == []


def write_good_tree(root: Path) -> None:
    files = {
        "gateway/__init__.py": "x = 1\n" * MAX_LINES,
        "gateway/login.py": "badge_pins = 'badge'",
        "providers/__init__.py": "",
        "providers/_shared.py": "",
        "providers/badge_pin.py": "",
        "providers/face_id/__init__.py": "",
        "docs/providers/badge_pin.md": "https://example.com/root/ and ./root/ and /home/",
        "docs/providers/face_id.md": "",
        "tests/providers/test_badge_pin.py": "",
        "tests/providers/face_id/conftest.py": "",
        "tests/providers/face_id/test_lens.py": "",
        "requirements/all.txt": "\n" * (MAX_LINES + 1),
        ".venv/bin/activate": "VIRTUAL_ENV=/" + "root/main",
        "env/pyvenv.cfg": "home = /" + "root/bin",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
