"""Where several processes keep the metrics that they have in common.

The library looks at the environment when it is imported, and this module does not import it.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


@contextlib.contextmanager
def shared() -> Iterator[None]:
    """Have a folder meanwhile; in memory, where there is such a place: it is written to for each
    login, and containers have no other that can be written to.
    """
    in_memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="gateway-metrics-", dir=in_memory) as folder:
        os.environ[VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[VARIABLE]


def is_shared() -> bool:
    """Whether this process is one of several."""
    return VARIABLE in os.environ
