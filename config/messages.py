"""Pydantic's errors in plain words for administrators, at their place in the file.

No message holds a value, and none is pydantic's own.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic_core import ErrorDetails

from config.model import Model
from config.problems import Path
from config.quantities import parse_duration, parse_size, spell_duration, spell_size
from config.spelling import INVALID

_MAPPING = "must be a mapping of keys to values"
_TEXTS: Mapping[str, str] = {
    "bool_type": "must be true or false",
    "dict_type": _MAPPING,
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_type": "must be a whole number",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "missing": "required key is missing",
    "model_attributes_type": _MAPPING,
    "model_type": _MAPPING,
    "none_required": "must be null",
    "string_pattern_mismatch": "must match the pattern {pattern}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "string_type": "must be text",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "required key is missing",
}
_BOUNDS = frozenset(("gt", "ge", "lt", "le"))
_LEAST_TELLING = 4  # characters: shorter values occur in messages by chance


class Finding(NamedTuple):
    """An error at its path in the document."""

    path: Path
    message: str
    at_key: bool = False  # the key itself is what is wrong, not its value
    one_of_several: bool = False  # the value may have other forms, which did not fit either


def findings(
    errors: Iterable[ErrorDetails], data: object, models: Mapping[int, type[Model]]
) -> list[Finding]:
    """Translate errors of ``data``; ``models`` tells which model read which mapping, by id()."""
    found = [_finding(error, data, models) for error in errors]
    return _join_forms(found)


def _finding(error: ErrorDetails, data: object, models: Mapping[int, type[Model]]) -> Finding:
    kind, loc = error["type"], error["loc"]
    place = _walk(loc, data)
    if kind == "missing":
        return Finding((*place.path, loc[-1]), _TEXTS[kind])
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        discriminator = error["ctx"]["discriminator"].strip("'")
        return Finding((*place.path, discriminator), _describe(error))
    if kind == "extra_forbidden":
        model = models.get(id(place.parent))
        return Finding(place.path, _unknown_key(str(loc[-1]), model), at_key=True)
    at_key = loc[-1:] == ("[key]",)
    return Finding(place.path, _describe(error), at_key, place.beside and not at_key)


_ABSENT = object()


class _Place(NamedTuple):
    path: Path
    parent: object  # the collection that holds the value
    beside: bool  # the last step named a form that the value might have had, and led nowhere


def _walk(loc: Path, data: object) -> _Place:
    """Follow pydantic's ``loc`` through the data, leaving out the union members that it names."""
    path: list[str | int] = []
    value, parent, beside = data, None, False
    for index, part in enumerate(loc):
        last = index == len(loc) - 1
        is_tag = isinstance(value, dict) and value.get("type") == part and not last
        child = _ABSENT if is_tag else _child(value, part)
        beside = child is _ABSENT
        if not beside:
            path.append(part)
            parent, value = value, child
    return _Place(tuple(path), parent, beside)


def _child(value: object, part: str | int) -> object:
    if isinstance(value, dict):
        return value.get(part, _ABSENT)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return _ABSENT


def _join_forms(found: list[Finding]) -> list[Finding]:
    """Make one finding of a value that fits none of the forms it may have.

    Where a form fits as far as something deeper down, only that is told.
    """
    above = {finding.path[:depth] for finding in found for depth in range(len(finding.path))}
    joined: list[Finding] = []
    forms: dict[Path, list[str]] = {}
    for finding in found:
        if not finding.one_of_several:
            joined.append(finding)
        elif finding.path not in above:
            forms.setdefault(finding.path, []).append(finding.message)
    joined += [Finding(path, ", or ".join(messages)) for path, messages in forms.items()]
    return joined


def _unknown_key(key: str, model: type[Model] | None) -> str:
    fields = model.model_fields if model else {}
    known = [field.alias or name for name, field in fields.items()]
    close = difflib.get_close_matches(key, known, n=1)
    return f'unknown key; did you mean "{close[0]}"?' if close else "unknown key"


def _describe(error: ErrorDetails) -> str:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == INVALID:
        return error["msg"]
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "must be text: put it in quotes"
    if context.get("min_length") == 1:
        return "must not be empty"
    if kind in _TEXTS:
        return _TEXTS[kind].format_map(_in_units(context, value))
    # What a ValueError or AssertionError in a validator says, in one line.
    message = " ".join(str(context.get("error", "")).split())
    return message if message and not _shows(message, value) else "is not valid"


def _in_units(context: Mapping[str, Any], value: object) -> dict[str, Any]:
    """Give bounds in the units that the value is written in."""
    spelled = dict(context)
    for bound in _BOUNDS & context.keys():
        for parse, spell in ((parse_duration, spell_duration), (parse_size, spell_size)):
            with contextlib.suppress(ValueError):
                parse(value)
                spelled[bound] = spell(context[bound])
    return spelled


def _shows(message: str, value: object) -> bool:
    """Whether a message that is not ours may give away (a part of) the value."""
    if isinstance(value, dict):
        return any(_shows(message, part) for part in value.values())
    if isinstance(value, list):
        return any(_shows(message, part) for part in value)
    text = str(value)
    return len(text) >= _LEAST_TELLING and text in message
