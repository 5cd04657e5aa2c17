"""``python -m gateway serve`` with constants changed: a JSON object of dotted names and values.

A test need not wait as long as an attacker is let to. A name is that of a module's constant, or of
a function's keyword argument whose default is meant.
"""

from __future__ import annotations

import json
import pydoc
import sys
from types import FunctionType

from gateway.cli import main


def tune(constants: dict[str, float]) -> None:
    for place, value in constants.items():
        path, _, name = place.rpartition(".")
        owner = pydoc.locate(path)
        if isinstance(owner, FunctionType):
            defaults = owner.__kwdefaults__ or {}
            assert name in defaults, place
            defaults[name] = value
        else:
            assert isinstance(getattr(owner, name), int | float), place
            setattr(owner, name, value)


if __name__ == "__main__":
    tune(json.loads(sys.argv[1]))
    sys.exit(main(["serve", *sys.argv[2:]]))
