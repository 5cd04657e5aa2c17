from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.ldap import ber
from providers.ldap.ber import NotBer
from tests.servers.ldap_fake import tlv

BYTES = 1 << 20


@given(
    st.lists(st.tuples(st.integers(0, 0xFF).filter(lambda tag: tag & 0x1F != 0x1F), st.binary()))
)
def test_elements_are_read_as_they_were_written(pairs: list[tuple[int, bytes]]) -> None:
    data = b"".join(ber.element(tag, content) for tag, content in pairs)
    assert ber.elements(data) == pairs


@pytest.mark.parametrize("length", [0, 1, 127, 128, 255, 256, 65535, 65536, 1 << 20])
def test_lengths_of_all_sizes(length: int) -> None:
    content = b"x" * length
    for data in (ber.element(4, content), tlv(4, content)):
        assert ber.elements(data) == [(4, content)]
        assert ber.bounds(data) == (len(data) - length, len(data))


@given(st.integers(0, 2**31 - 1))
def test_numbers_are_read_as_they_were_written(value: int) -> None:
    (item,) = ber.elements(ber.integer(value))
    assert ber.number(item) == value
    _, content = item
    assert content == value.to_bytes(len(content), "big", signed=True)


def test_negative_numbers_are_read() -> None:
    assert ber.number((2, b"\xff")) == -1


@pytest.mark.parametrize(
    "data",
    [
        b"\x04",
        b"\x04\x02a",
        b"\x04\x81",
        b"\x04\x82\x01",
        b"\x04\x80ab\0\0",  # an indefinite length
        b"\x04\x85\0\0\0\0\1a",
        b"\x04\xff" + b"\0" * 127,
        b"\x04\x84\xff\xff\xff\xffa",
        b"\x1f\x81\x01\x00",  # a tag of several bytes
        b"\x04\x01a\x04",
    ],
)
def test_what_is_not_ber_is_refused(data: bytes) -> None:
    with pytest.raises(NotBer):
        ber.elements(data)


@pytest.mark.parametrize("content", [b"", b"\1\2\3\4\5", b"\1" * BYTES])
def test_a_number_of_no_bytes_or_too_many_is_refused(content: bytes) -> None:
    with pytest.raises(NotBer):
        ber.number((ber.INTEGER, content))


def test_an_element_of_another_kind_is_refused() -> None:
    with pytest.raises(NotBer):
        ber.members((ber.SET, b""), ber.SEQUENCE)
    with pytest.raises(NotBer):
        ber.number((ber.OCTETS, b"\1"))


@given(st.binary())
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    try:
        found = ber.elements(data)
    except NotBer:
        return
    assert sum(len(content) + 2 for _, content in found) <= len(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x30\0" * (BYTES // 2),
        b"".join(b"\x30\x84" + (BYTES - at).to_bytes(4, "big") for at in range(0, BYTES, 6)),
        b"\x30\x80" * (BYTES // 2),
    ],
    ids=["many", "nested", "endless"],
)
def test_work_is_linear_in_what_comes(data: bytes) -> None:
    started = time.process_time()
    try:
        for _, content in ber.elements(data):
            ber.elements(content)
    except NotBer:
        pass
    assert time.process_time() - started < 2
