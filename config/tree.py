"""YAML values that know their place in the file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Scalar = str | int | float | bool | None

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,18})")
_FLOAT = re.compile(
    r"[-+]?(0|[1-9][0-9]*)?\.[0-9]+([eE][-+]?[0-9]+)?"
    r"|[-+]?(0|[1-9][0-9]*)(\.|\.?[eE][-+]?[0-9]+)"
)


def resolve(text: str) -> Scalar:
    """Return what an unquoted scalar means: YAML 1.2 core schema (section 10.3.2), decimal only.

    So ``no``, ``on``, ``0123``, ``0x1F`` and ``12:30:00`` stay text.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


@dataclass(slots=True)
class Node:
    """A value at its place. ``line`` and ``column`` count from 1."""

    line: int
    column: int
    value: Scalar | list[Node] | dict[str, Node] = field(repr=False)
    keys: dict[str, tuple[int, int]] = field(default_factory=dict, repr=False)  # a mapping's own
    size: int = 1  # values, this one included
    height: int = 0  # collections on the longest way down, this one included

    def plain(self) -> object:
        """Return dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def child(self, part: str | int) -> Node | None:
        """Return what is under a key or an index, if there is anything."""
        if isinstance(self.value, dict) and isinstance(part, str):
            return self.value.get(part)
        if isinstance(self.value, list) and isinstance(part, int) and part < len(self.value):
            return self.value[part]
        return None

    def adopt(self, key: str | None, child: Node) -> None:
        """Add to a mapping under ``key`` (only the count, if it is None), or to a list."""
        if isinstance(self.value, dict) and key is not None:
            self.value[key] = child
        elif isinstance(self.value, list):
            self.value.append(child)
        self.size += child.size
        self.height = max(self.height, child.height + 1)
