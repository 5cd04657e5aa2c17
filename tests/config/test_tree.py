from __future__ import annotations

import pytest

from config.tree import Scalar, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, None) for text in ("", "~", "null", "Null", "NULL")),
        *((text, True) for text in ("true", "True", "TRUE")),
        *((text, False) for text in ("false", "False", "FALSE")),
        ("0", 0),
        ("-0", 0),
        ("8080", 8080),
        ("+5", 5),
        ("-17", -17),
        ("9" * 19, int("9" * 19)),
        ("0.5", 0.5),
        (".5", 0.5),
        ("-1.5e3", -1500.0),
        ("1e5", 100_000.0),
        ("1.e2", 100.0),
        ("2.", 2.0),
    ],
)
def test_unquoted_scalar_has_a_type(text: str, value: Scalar) -> None:
    resolved = resolve(text)
    assert resolved == value
    assert type(resolved) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("yes", "no", "on", "off", "y", "n", "tRUE", "nULL", "none"),
        *("0123", "-007", "0x1F", "0o17", "0b1", "1_000", "12:30:00", "1:20", "00.5"),
        *(".inf", "-.inf", ".nan", ".", "-", "+", "e5", "1e", "1.2.3", "2026-01-31"),
        *("9" * 20, "9" * 5000, "١٢", "1\n", " 1"),
    ],
)
def test_other_unquoted_scalars_are_text(text: str) -> None:
    assert resolve(text) == text
