"""The audit line (C13, C14, C15, A55)."""

from __future__ import annotations

import pytest

from gateway.audit import MAX_TEXT, mask, printable


@pytest.mark.parametrize(
    ("identity", "masked"),
    [
        ("18005551234", "18*******34"),
        ("491511234567", "49********67"),
        ("4711", "****"),
        ("1234567890123456", "123***********56"),
        ("ann@example.com", "a**@example.com"),
        ("ann", "***"),
        ("badge-0042", "ba******42"),
        ("", ""),
    ],
)
def test_identities_are_recognised_by_their_owner_only(identity: str, masked: str) -> None:
    assert mask(identity) == masked


@pytest.mark.parametrize(
    "text", ['x\n{"event":"login"}', "\x1b[31mred", "a\u2028b", "\u202eevil", "a\x00b"]
)
def test_a55_what_clients_send_stays_one_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert "\N{REPLACEMENT CHARACTER}" in shown


def test_c14_what_clients_send_is_cut() -> None:
    assert len(printable("x" * 10_000)) == MAX_TEXT
    assert len(mask("y" * 10_000)) == MAX_TEXT
