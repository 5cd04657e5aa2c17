"""What nodes say of who serves what."""

from __future__ import annotations

import pytest
from redis.crc import key_slot
from redis.exceptions import AskError, MovedError

from gateway.stores._redis_url import Address
from gateway.stores._slots import NOBODY, owners, redirected, slot_of, tags

TELLER = Address("10.0.0.9", 7000)
ONE, TWO = Address("10.0.0.1", 7001), Address("node2.example", 7002)


def entry(first: int, last: int, host: bytes | None, port: int) -> list[object]:
    """A range as Redis 7 tells it, with a replica."""
    return [first, last, [host, port, b"id", []], [b"10.0.0.8", 7008, b"id", []]]


def test_ranges_are_spread_over_their_slots() -> None:
    found = owners(
        [entry(0, 99, b"10.0.0.1", 7001), entry(101, 16383, b"node2.example", 7002)], TELLER
    )
    assert len(found) == 16384
    assert found[0] == found[99] == ONE
    assert found[100] is None
    assert found[101] == found[16383] == TWO
    assert NOBODY == [None] * 16384


@pytest.mark.parametrize("host", [None, b"", b"?"])
def test_a_node_that_does_not_know_its_name_has_that_by_which_it_was_asked(
    host: bytes | None,
) -> None:
    assert owners([entry(5, 5, host, 7001)], TELLER)[5] == Address(TELLER.host, 7001)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 10.0.0.1:7001", ONE),
        ("5 node2.example:7002", TWO),
        ("5 ::1:7001", Address("::1", 7001)),
        ("5 :7001", Address(TELLER.host, 7001)),
        ("5 ?:7001", Address(TELLER.host, 7001)),
    ],
)
def test_redirections_lead_to_a_node(text: str, expected: Address) -> None:
    assert redirected(MovedError(text), TELLER) == redirected(AskError(text), TELLER) == expected


def test_each_node_has_a_tag_of_its_own() -> None:
    found = owners([entry(0, 16300, b"10.0.0.1", 7001), entry(16301, 16310, b"b", 1)], TELLER)
    by_node = tags(found)
    assert by_node.keys() == {ONE, Address("b", 1)}
    assert all(found[key_slot(tag)] == node for node, tag in by_node.items())


def test_the_first_key_names_the_slot() -> None:
    slot = key_slot(b"k")
    assert slot_of((b"GET", b"gw:{k}")) == slot
    assert slot_of((b"DEL", b"gw:{k}", b"gw:{k}:l")) == slot
    assert slot_of((b"EVALSHA", b"0" * 40, 1, b"gw:{k}:l", 5)) == slot
    assert slot_of((b"EVAL", b"return 0", 2, b"gw:{k}", b"gw:{k}:l")) == slot
