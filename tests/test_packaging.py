"""The locks fit pyproject.toml, the distribution holds no code, make help lists every target."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT: dict[str, Any] = PYPROJECT["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
GROUPS: dict[str, list[str]] = PYPROJECT["dependency-groups"]

PIN = r"[a-z0-9-]+==[^ ;@/]+(?P<marker> ; [^;@/]+)?"
HASH = r"    --hash=sha256:[0-9a-f]{64}"
LOCK_LINE = re.compile(rf"{PIN} \\|{HASH}( \\)?")

# Built from source. The extra `all` leaves it out: whoever wants everything, the image among them,
# should not need a compiler.
NEEDS_COMPILER = {"python-ldap"}

RUN = PROJECT["dependencies"]
ALL = [*RUN, *(line for name in EXTRAS.keys() - {"all"} - NEEDS_COMPILER for line in EXTRAS[name])]
TEST = [
    *ALL,
    *(line for name in NEEDS_COMPILER for line in EXTRAS[name]),
    *(line for group in GROUPS.values() for line in group),
]


def lock(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text()


def pins(text: str) -> dict[str, str]:
    """Return name and version of each package in a lock file."""
    found = re.findall(r"^([a-z0-9-]+)==([^ ;]+)", text, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def unmet(wanted: Iterable[str], text: str) -> Iterator[str]:
    """Yield each requirement that the lock file does not fulfil."""
    versions = pins(text)
    for requirement in map(Requirement, wanted):
        version = versions.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            yield f"{requirement}, locked: {version}"


def strange_lines(text: str) -> list[str]:
    """Return lines that are neither a pinned version nor a hash: URLs, paths, options."""
    return [line for line in text.splitlines() if not LOCK_LINE.fullmatch(line)]


def sections(text: str) -> set[str]:
    """Return each package of a lock file with its hashes.

    Without the marker: on some platforms only the packages of a bigger lock need it.
    """
    return set(re.split(r"\n(?! )", re.sub(" ; .*", "", text.rstrip("\n"))))


@pytest.mark.parametrize(("name", "wanted"), [("run", RUN), ("all", ALL), ("test", TEST)])
def test_lock_fulfils_pyproject(name: str, wanted: list[str]) -> None:
    assert list(unmet(wanted, lock(name))) == []


def test_extra_all_is_every_extra_that_needs_no_compiler() -> None:
    (everything,) = map(Requirement, EXTRAS["all"])
    assert everything.name == PROJECT["name"]
    assert everything.extras == EXTRAS.keys() - {"all"} - NEEDS_COMPILER


def test_lock_of_all_holds_nothing_that_needs_a_compiler() -> None:
    built = {Requirement(line).name for name in NEEDS_COMPILER for line in EXTRAS[name]}
    assert built.isdisjoint(pins(lock("all")))


def test_documented_image_has_the_locked_python_ldap() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    assert f"python-ldap=={pins(lock('test'))['python-ldap']}\n" in page


def test_locks_agree() -> None:
    assert sections(lock("run")) < sections(lock("all")) < sections(lock("test"))


def test_default_lock_holds_no_extra() -> None:
    optional = {Requirement(line).name for extra in EXTRAS.values() for line in extra}
    assert optional.isdisjoint(pins(lock("run")))


@pytest.mark.parametrize("name", ["run", "all", "test"])
def test_lock_is_pinned_versions_and_hashes_only(name: str) -> None:
    assert strange_lines(lock(name)) == []
    assert all("--hash" in section for section in sections(lock(name)))


def test_lock_that_does_not_fit_is_found() -> None:
    text = "one==1.5 \\\ntwo-too==2.0\n"
    assert list(unmet(["one>=1,<2", "Two_Too"], text)) == []
    assert list(unmet(["one>=2"], text)) == ["one>=2, locked: 1.5"]
    assert list(unmet(["three"], text)) == ["three, locked: None"]


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://packages.example.com/simple",
        "--find-links wheels",
        "-e .",
        "one @ file:///src/one \\",
        "one @ https://example.com/one.whl \\",
        "one==1.0",
        "one>=1.0 \\",
        "    --hash=md5:0123 \\",
        "    # via two",
    ],
)
def test_lock_line_that_is_not_pinned_is_found(line: str) -> None:
    assert strange_lines(f"one==1.0 \\\n{line}\n") == [line]


def test_distribution_is_metadata_only(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    for package in ("gateway", "providers", "config", "tests", "bench"):
        (source / package).mkdir()
        (source / package / "__init__.py").touch()
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(tmp_path)]
    subprocess.run([*command, str(source)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}
    assert top == {f"messenger_auth_gateway-{PROJECT['version']}.dist-info"}


def test_make_help_lists_every_target() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    helped = subprocess.run(["make", "-s"], cwd=ROOT, check=True, capture_output=True, text=True)
    listed = re.findall(r"^make ([a-z]+) +\S", helped.stdout, re.MULTILINE)
    assert listed == targets
    assert {"help", "run", "test", "lint", "format", "bench", "lock", "clean"} <= set(targets)
