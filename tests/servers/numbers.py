"""Phone numbers that nobody has used yet, so that tests can share one running gateway."""

from __future__ import annotations

import itertools

_LINES = itertools.count(1000)


def fresh_number() -> str:
    """Return E.164 digits without the plus: 11 of them, in the shape of ``18885551000``."""
    return f"1888555{next(_LINES)}"
