"""YAML text to a tree of nodes.

The tree is built from parser events, without recursion: PyYAML's C composer kills the process on
deep nesting, and neither composer refuses duplicate keys or counts aliases.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NoReturn

import yaml

from config.problems import ConfigError, Path, Problem
from config.tree import Node, resolve

MAX_DEPTH = 32  # collections within collections
MAX_VALUES = 50_000  # with aliases expanded
MAX_ALIASES = 64

_C_LOADER: type[yaml.CSafeLoader] | None = getattr(yaml, "CSafeLoader", None)
_LOADER = _C_LOADER or yaml.SafeLoader


def build(text: str, file: str) -> Node:
    """Return the root of the one document in ``text``. Raises ``ConfigError``."""
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.YAMLError as error:
        # Not chained: the parser's own text quotes the file.
        raise ConfigError([*builder.problems, _syntax_problem(error, text, file)]) from None
    if builder.problems:
        raise ConfigError(builder.problems)
    if builder.root is None or builder.root.value is None:
        raise ConfigError([Problem(file, 1, 1, (), "the file is empty")])
    return builder.root


def _syntax_problem(error: yaml.YAMLError, text: str, file: str) -> Problem:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    line, column = (mark.line, mark.column) if mark else (0, 0)
    message = "not valid YAML"
    lines = text.splitlines()
    if line < len(lines) and lines[line][column : column + 1] == "\t":
        message += ": a tab cannot indent or separate here, use spaces"
    elif _LOADER is _C_LOADER and isinstance(error, yaml.MarkedYAMLError):
        message += f": {error.problem}"  # the pure Python parser's words may quote the file
    return Problem(file, line + 1, column + 1, (), message)


_SKIPPED = object()  # a key that was refused: its value is read and dropped


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been seen."""

    node: Node
    anchor: str | None
    key: str | object | None = None  # in a mapping: what the next value belongs to

    @property
    def wants_key(self) -> bool:
        return isinstance(self.node.value, dict) and self.key is None

    @property
    def part(self) -> str | int | None:
        """Where in this collection the next value stands."""
        if isinstance(self.node.value, list):
            return len(self.node.value)
        return self.key if isinstance(self.key, str) else None


class _Builder:
    """Takes parser events one by one."""

    def __init__(self, file: str) -> None:
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._file = file
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._values = 0
        self._aliases = 0

    def take(self, event: yaml.Event) -> None:
        """Take the next event. Raises ``ConfigError`` where reading on makes no sense."""
        match event:
            case yaml.ScalarEvent():
                self._take_scalar(event)
            case yaml.AliasEvent():
                self._take_alias(event)
            case yaml.CollectionStartEvent():
                self._take_start(event)
            case yaml.CollectionEndEvent():
                closed = self._open.pop()
                self._put(closed.node, closed.anchor)
            case yaml.DocumentStartEvent() if self.root is not None:
                self._stop(event, "only one YAML document is allowed in the file")

    def _take_scalar(self, event: yaml.ScalarEvent) -> None:
        self._refuse_tag(event)
        self._count(event, 1)
        unquoted = event.implicit[0]
        if unquoted and event.value == "<<" and self._open and self._open[-1].wants_key:
            self._refuse(_place(event), "merge keys (<<) are not supported: write the keys out")
            self._open[-1].key = _SKIPPED
            return
        value = resolve(event.value) if unquoted else event.value
        self._put(Node(*_place(event), value), event.anchor)

    def _take_alias(self, event: yaml.AliasEvent) -> None:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._stop(event, f"more than {MAX_ALIASES} aliases")
        target = self._anchors.get(event.anchor or "")
        if target is None:
            self._stop(event, "an alias needs its anchor complete before it")
        self._check_depth(event, target.height)
        self._count(event, target.size)
        line, column = _place(event)
        self._put(replace(target, line=line, column=column), None)

    def _take_start(self, event: yaml.CollectionStartEvent) -> None:
        self._refuse_tag(event)
        self._count(event, 1)
        self._check_depth(event, 1)
        empty: dict[str, Node] | list[Node]
        empty = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append(_Open(Node(*_place(event), empty, height=1), event.anchor))

    def _put(self, node: Node, anchor: str | None) -> None:
        """Hand a complete node to the collection that it stands in."""
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if parent.wants_key:
            parent.key = self._check_key(parent.node, node)
            return
        parent.node.adopt(parent.key if isinstance(parent.key, str) else None, node)
        parent.key = None

    def _check_key(self, mapping: Node, key: Node) -> str | object:
        place = (key.line, key.column)
        if not isinstance(key.value, str):
            self._refuse(place, "a key must be text: put it in quotes")
            return _SKIPPED
        if key.value in mapping.keys:
            line, _ = mapping.keys[key.value]
            self._refuse(place, f"duplicate key, first given in line {line}", key.value)
            return _SKIPPED
        mapping.keys[key.value] = place
        return key.value

    def _check_depth(self, event: yaml.Event, more: int) -> None:
        if len(self._open) + more > MAX_DEPTH:
            self._stop(event, f"nested more than {MAX_DEPTH} levels deep")

    def _count(self, event: yaml.Event, values: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            self._stop(event, f"more than {MAX_VALUES} values")

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            message = "tags are not supported: put text that starts with ! in quotes"
            self._refuse(_place(event), message)

    def _refuse(self, place: tuple[int, int], message: str, *key: str) -> None:
        parts = [opened.part for opened in self._open]
        path: Path = (*(part for part in parts if part is not None), *key)
        self.problems.append(Problem(self._file, *place, path, message))

    def _stop(self, event: yaml.Event, message: str) -> NoReturn:
        self._refuse(_place(event), message)
        raise ConfigError(self.problems)


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
