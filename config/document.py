"""A configuration file: its values, and where each of them stands."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import ValidationError

from config.builder import build
from config.messages import Finding, findings
from config.model import Model, Reading
from config.problems import ConfigError, Path, Problem
from config.tree import Node

MAX_FILE = 1 << 20  # bytes

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

M = TypeVar("M", bound=Model)


class Document:
    """A YAML document. ``data`` is its root in plain dicts, lists and scalars."""

    def __init__(
        self, root: Node, file: str, text: str, secrets: Mapping[str, str] | None = None
    ) -> None:
        self.file = file
        self.text = text
        self.data: Any = root.plain()
        self._root = root
        self._reading = Reading(FilePath(file).parent, secrets=dict(secrets or {}))

    @property
    def warnings(self) -> list[str]:
        """What ``parse`` found to work, though the operator should know of it."""
        return self._reading.warnings

    @property
    def files(self) -> frozenset[FilePath]:
        """The file itself and those that were named in what has been parsed so far."""
        return frozenset({FilePath(self.file), *self._reading.files})

    @property
    def secrets(self) -> dict[str, str]:
        """By path: what the secret files held that were named in what has been parsed so far."""
        return self._reading.secrets

    def position(self, path: Path) -> tuple[int, int]:
        """Return line and column, from 1, of a value; of what should hold it when it is absent."""
        node = self._nearest(path)
        return node.line, node.column

    def problem(self, path: Path, message: str) -> Problem:
        """Return a problem with the value at ``path``."""
        return Problem(self.file, *self.position(path), path, message)

    def parse(self, model: type[M], at: Path = (), context: dict[str, Any] | None = None) -> M:
        """Validate what is at ``at`` (an empty mapping, if nothing is) and return the model.

        Validators find ``context`` in their ``ValidationInfo``. Raises ``ConfigError`` with all
        problems.
        """
        data = self._value(at)
        try:
            return model.model_validate(data, context=self._reading.context(context))
        except ValidationError as error:
            found = findings(error.errors(include_url=False), data, self._reading.models)
            problems = [self._positioned(at, finding) for finding in found]
        # Raised out here: a chained ValidationError would hold the values.
        raise ConfigError(problems)

    def _positioned(self, at: Path, finding: Finding) -> Problem:
        path = (*at, *finding.path)
        line, column = self.position(path)
        if finding.at_key:
            line, column = self._nearest(path[:-1]).keys.get(str(path[-1]), (line, column))
        return Problem(self.file, line, column, path, finding.message)

    def _nearest(self, path: Path) -> Node:
        node = self._root
        for part in path:
            child = node.child(part)
            if child is None:
                break
            node = child
        return node

    def _value(self, path: Path) -> object:
        value = self.data
        for part in path:
            if isinstance(value, dict):
                value = value.get(part, {})
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return {}
        return value


def read(path: str | os.PathLike[str]) -> Document:
    """Read a file. Raises ``ConfigError``."""
    file = os.fspath(path)
    try:
        with FilePath(file).open("rb") as stream:
            content = stream.read(MAX_FILE + 1)
    except OSError as error:
        raise ConfigError([_whole(file, f"cannot read the file: {error.strerror}")]) from None
    if len(content) > MAX_FILE:
        raise ConfigError([_whole(file, f"the file is larger than {MAX_FILE >> 20} MiB")])
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        raise ConfigError([_after(before, file, "the file is not UTF-8 text here")]) from None
    return parse_text(text, file)


def parse_text(text: str, file: str, secrets: Mapping[str, str] | None = None) -> Document:
    """Read YAML that is at hand; ``file`` is its name in problems. Raises ``ConfigError``.

    The files of ``secrets``, by path, are not read: this is what they held.
    """
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        before = text[: unprintable.start()]
        message = f"the character U+{ord(unprintable[0]):04X} is not allowed"
        raise ConfigError([_after(before, file, message)])
    return Document(build(text, file), file, text, secrets)


def _whole(file: str, message: str) -> Problem:
    return Problem(file, 1, 1, (), message)


def _after(before: str, file: str, message: str) -> Problem:
    """Return a problem with the character that comes after ``before``."""
    line = before.rpartition("\n")[2]
    return Problem(file, before.count("\n") + 1, len(line) + 1, (), message)
