"""The style sheet and the script of all pages: kept by browsers until they change."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = Path(__file__).parent / "assets"
TYPES: Final = {"signin.css": "text/css", "signin.js": "text/javascript"}


class Asset(NamedTuple):
    """A file as it is served."""

    content: bytes
    content_type: str
    version: str  # of its content, for its URL

    @classmethod
    def read(cls, name: str) -> Asset:
        """Read one of ``TYPES``."""
        content = (FOLDER / name).read_bytes()
        return cls(content, TYPES[name], hashlib.sha256(content).hexdigest()[:16])


@functools.cache
def asset(name: str) -> Asset:
    """Return one of ``TYPES``; the files are read once."""
    return Asset.read(name)


def path(name: str) -> str:
    """Where the current version is."""
    return f"/signin/{name}?v={asset(name).version}"
