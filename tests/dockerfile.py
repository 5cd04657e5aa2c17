"""The Dockerfile as a list of instructions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Step(NamedTuple):
    """An instruction, such as ``USER`` and what follows it."""

    word: str
    rest: str


def _steps(text: str) -> list[Step]:
    plain = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", plain).splitlines()
    return [Step(*line.split(maxsplit=1)) for line in lines if line]


STEPS = _steps((ROOT / "Dockerfile").read_text())
"""The instructions in order, without comments, continued lines joined."""

FINAL = STEPS[max(i for i, step in enumerate(STEPS) if step.word == "FROM") :]
"""Those of the last stage, which makes the image."""


def only(word: str) -> str:
    """Return what follows an instruction that must be there once."""
    (rest,) = (step.rest for step in STEPS if step.word == word)
    return rest


def copied() -> list[tuple[str, str]]:
    """Return source and target of what is copied from the checkout."""
    pairs = [step.rest.split() for step in STEPS if step.word == "COPY"]
    return [(pair[0], pair[1]) for pair in pairs if not pair[0].startswith("--from=")]
