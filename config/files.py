"""Paths of files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

from config.model import Reading
from config.spelling import invalid


def locate(value: object, info: ValidationInfo) -> Path:
    """Return the path that ``value`` names, from the folder of the configuration file.

    Raises ``ValueError``.
    """
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value or not value.isprintable():
        raise invalid("must be the path of a file")
    reading = Reading.of(info)
    path = reading.directory / value
    reading.files.add(path)
    return path


FilePath = Annotated[
    Path, BeforeValidator(locate), WithJsonSchema({"type": "string", "minLength": 1})
]
"""A path; a relative one counts from the folder of the configuration file."""
