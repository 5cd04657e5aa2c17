"""Texts with placeholders: each value is escaped for the place where it stands."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

import orjson

from providers._senders import Message

Values = Mapping[str, str]
Escape = Callable[[str], str]

_PLACEHOLDER: Final = re.compile(r"\{(to|text|code|from|subject|html)\}")
# A parser of XML would change white space (XML 1.0, sections 2.11 and 3.3.3).
_XML_SPACE: Final = {ord(space): f"&#{ord(space)};" for space in "\t\n\r"}


def values_of(message: Message) -> Values:
    """Return what the placeholders stand for; a text message has no ``{from}``."""
    values = {"to": message.to, "text": message.text, "code": message.code}
    if message.mail is not None:
        sender, subject, page = message.mail
        values |= {"from": sender, "subject": subject, "html": page or ""}
    return values


def fill(template: str, values: Values, escape: Escape = str) -> str:
    """Fill a text; no value is looked into again."""
    parts = [*_parts(template)]
    for place in range(1, len(parts), 2):
        name = parts[place]
        parts[place] = escape(values[name]) if name in values else f"{{{name}}}"
    return "".join(parts)


@lru_cache
def _parts(template: str) -> Sequence[str]:
    """Text and the names of placeholders in turn; only the configuration has templates."""
    return _PLACEHOLDER.split(template)


def fill_document(template: Any, values: Values) -> Any:
    """Fill every text of a JSON document; the encoder escapes them."""
    if isinstance(template, str):
        return fill(template, values)
    if isinstance(template, dict):
        return {key: fill_document(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [fill_document(value, values) for value in template]
    return template


def percent_encoded(text: str) -> str:
    """Escape for any part of a URL, and for form encoding."""
    return quote(text, safe="")


def escape_for(content_type: str) -> Escape:
    """Return how values are written into a body of that type; plain text takes them as they are."""
    content_type = content_type.lower()
    if "json" in content_type:
        return _json_string
    if "xml" in content_type:
        return _xml_text
    if "form-urlencoded" in content_type:
        return percent_encoded
    return str


def _json_string(text: str) -> str:
    return orjson.dumps(text).decode()[1:-1]


def _xml_text(text: str) -> str:
    return html.escape(text).translate(_XML_SPACE)
