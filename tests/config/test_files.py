from __future__ import annotations

from pathlib import Path

import pytest

from config import FilePath, Model, parse_text
from tests.config.reading import refused


class Files(Model):
    file: FilePath


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/etc/gw/tls.crt", "/etc/gw/tls.crt"),
        ("tls.crt", "/etc/gateway/tls.crt"),
        ("../tls.crt", "/etc/gateway/../tls.crt"),
    ],
)
def test_path_counts_from_the_folder_of_the_file(text: str, path: str) -> None:
    document = parse_text(f"file: {text}", "/etc/gateway/g.yaml")
    assert document.parse(Files).file == Path(path)


def test_path_may_come_from_python() -> None:
    assert Files(file=Path("x")).file == Path("x")
    assert Files.model_validate({"file": "x"}).file == Path("x")


@pytest.mark.parametrize("text", ["5", "''", "null", "[a]", '"a\\0"', '"a\\nb"'])
def test_path_refuses(text: str) -> None:
    assert refused(Files, f"file: {text}") == ["1:7: file: must be the path of a file"]
