"""``providers``: the provider types that can be used."""

from __future__ import annotations

import argparse

import providers


def run(_options: argparse.Namespace) -> int:
    """Print a line for each type: name, purpose, whether its libraries are installed."""
    names = providers.available()
    width = max(map(len, names))
    for name in names:
        kind = providers.load_class(name)
        absent = providers.missing_libraries(kind)
        state = f"not installed: {', '.join(absent)}" if absent else "installed"
        print(f"{name:<{width}}  {kind.purpose} ({state})")
    return 0
