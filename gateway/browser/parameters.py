"""Parameters of a query or form: each once, bounded."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from gateway.browser.problems import Problem

FORM: Final = "application/x-www-form-urlencoded"
MAX_KEYS: Final = 64
MAX_VALUE: Final = 8192  # characters


def of_query(request: web.BaseRequest) -> dict[str, str]:
    """Read the query string. Raises ``Problem``."""
    return _once(request.query.items())


def of_form(body: bytes) -> dict[str, str]:
    """Read a form in UTF-8. Raises ``Problem``."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True)
    except UnicodeDecodeError:
        raise Problem("malformed", detail="the form cannot be read") from None
    return _once(pairs)


def _once(pairs: Collection[tuple[str, str]]) -> dict[str, str]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise Problem("malformed", detail="a parameter is given twice")
    if len(pairs) > MAX_KEYS or any(len(value) > MAX_VALUE for value in values.values()):
        raise Problem("malformed", detail="too many parameters, or too long ones")
    return values
