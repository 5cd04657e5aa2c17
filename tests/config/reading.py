"""What the tests of the configuration share: short ways to read and to be refused."""

from __future__ import annotations

from typing import TypeVar

import pytest

from config import ConfigError, Document, Model, parse_text

M = TypeVar("M", bound=Model)

FILE = "g.yaml"


def document(text: str) -> Document:
    return parse_text(text, FILE)


def parse(model: type[M], text: str) -> M:
    return document(text).parse(model)


def refused(model: type[Model], text: str) -> list[str]:
    """Return the problems of ``text``, without the file's name."""
    read = document(text)
    with pytest.raises(ConfigError) as caught:
        read.parse(model)
    return [str(problem).removeprefix(f"{FILE}:") for problem in caught.value.problems]


def refused_text(text: str) -> list[str]:
    """Return the problems that YAML has by itself, without the file's name."""
    with pytest.raises(ConfigError) as caught:
        document(text)
    return [str(problem).removeprefix(f"{FILE}:") for problem in caught.value.problems]


def the_problem(model: type[Model], text: str) -> str:
    """Return the only problem of ``text``, without its place."""
    (problem,) = refused(model, text)
    return problem.split(": ", 1)[1]
