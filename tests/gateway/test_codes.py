"""Codes: how they are drawn, kept and compared (P1, P2, P6, P14, A13, A23)."""

from __future__ import annotations

from collections import Counter

import pytest

from gateway.challenges import plain_digits
from gateway.digests import SIZE, Digests

DIGESTS = Digests(b"s" * 32)
KEY = DIGESTS.name("challenge", "app", "phone", "18005551234")


def test_p1_codes_are_uniform_and_keep_leading_zeros() -> None:
    draws = 20_000
    codes = [DIGESTS.code(KEY, i.to_bytes(8, "big"), 6) for i in range(draws)]
    assert {len(code) for code in codes} == {6}
    assert all(code.isascii() and code.isdigit() for code in codes)
    for position in range(6):
        counts = Counter(code[position] for code in codes)
        # Chi-squared with 9 degrees of freedom exceeds 39.3 once in 100,000 uniform samples; the
        # seeds are fixed, so this either always passes or never.
        expected = draws / 10
        assert sum((counts[d] - expected) ** 2 / expected for d in "0123456789") < 39.3
    assert len(set(codes)) > 0.98 * draws * (1 - draws / 2_000_000)


@pytest.mark.parametrize("length", range(6, 11))
def test_codes_have_the_configured_length(length: int) -> None:
    assert {len(DIGESTS.code(KEY, bytes([i]) * 8, length)) for i in range(100)} == {length}


def test_p2_what_is_stored_is_keyed_and_bound() -> None:
    other = DIGESTS.name("challenge", "app", "phone", "18005551235")
    proof = DIGESTS.proof(KEY, "123456")
    assert len(proof) == SIZE
    assert b"123456" not in proof
    assert proof != DIGESTS.proof(other, "123456")  # P6: another number
    assert proof != DIGESTS.proof(KEY, "123457")
    assert proof != Digests(b"t" * 32).proof(KEY, "123456")
    assert DIGESTS.code(KEY, b"seed", 6) != DIGESTS.code(other, b"seed", 6)


def test_names_of_different_things_differ() -> None:
    names = [
        DIGESTS.name("challenge", "app", "phone", "1"),
        DIGESTS.name("challenge", "ap", "pphone", "1"),
        DIGESTS.name("challenge", "app", "phone", "1", ""),
        DIGESTS.name("failures", "app", "phone", "1"),
    ]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "typed",
    [
        "123456",
        " 123456 ",
        "123 456",
        "123-456",
        "123\u2013456",
        "\u0661\u0662\u0663\u0664\u0665\u0666",  # Arabic-Indic
        "\u0967\u0968\u0969\u096a\u096b\u096c",  # Devanagari
        "\uff11\uff12\uff13\uff14\uff15\uff16",  # full width
        "\u200e123456\u200f",  # marks that travel with copied text
    ],
)
def test_p14_a_code_is_read_in_any_spelling(typed: str) -> None:
    assert plain_digits(typed) == "123456"


@pytest.mark.parametrize(
    "typed",
    ["12345", "1234567", "%", "*", "123456%", "12345\u00b2", "1" * 9_000, " " * 60 + "123456"],
)
def test_a23_nothing_else_is_read_as_the_code(typed: str) -> None:
    assert plain_digits(typed) != "123456"


def test_names_are_those_of_earlier_versions() -> None:
    """Codes that are pending during an update are found after it."""
    key = Digests(b"k" * 32).name("challenge", "app", "phone", "18005551234")
    assert key.hex() == "f8116e98c517308b5541ea9db8a6e501"
