from __future__ import annotations

import contextlib
import datetime
import ssl
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from providers.ldap.certificates import described
from tests.servers.ldap_fake import tlv

VERSION, SERIAL, ALGORITHM, ISSUER = tlv(0xA0), tlv(0x02), tlv(0x30), tlv(0x30)


def der(pem: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.decode())


def name(*values: bytes) -> bytes:
    pairs = (tlv(0x31, tlv(0x30, tlv(0x06, b"\x55\x04\x03"), tlv(0x0C, text))) for text in values)
    return tlv(0x30, *pairs)


def certificate(subject: bytes, end: bytes, *first: bytes) -> bytes:
    validity = tlv(0x30, tlv(0x17, b"250101000000Z"), end)
    return tlv(0x30, tlv(0x30, *first, SERIAL, ALGORITHM, ISSUER, validity, subject, tlv(0x30)))


def test_a_real_certificate_is_described() -> None:
    end = datetime.datetime(2031, 2, 3, tzinfo=datetime.UTC)
    leaf = trustme.CA().issue_cert("dc1.example", common_name="dc1.example", not_after=end)
    text = described(der(leaf.cert_chain_pems[0].bytes()))
    assert text.startswith("of ")
    assert "dc1.example" in text
    assert text.endswith(", valid until 2031-02-03")


def test_the_systems_authorities_are_described(tmp_path: Path) -> None:
    context = ssl.create_default_context()
    for whole in context.get_ca_certs(binary_form=True):
        assert "valid until 20" in described(whole)


@pytest.mark.parametrize(
    ("end", "day"),
    [
        (tlv(0x17, b"251122000000Z"), "2025-11-22"),
        (tlv(0x17, b"491231235959Z"), "2049-12-31"),
        (tlv(0x17, b"500101000000Z"), "1950-01-01"),
        (tlv(0x18, b"20500101000000Z"), "2050-01-01"),
    ],
)
def test_the_last_day_is_told(end: bytes, day: str) -> None:
    assert described(certificate(name(b"dc1"), end, VERSION)) == f"of dc1, valid until {day}"
    assert described(certificate(name(b"dc1"), end)) == f"of dc1, valid until {day}"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (name(), "nobody"),
        (name(b"Example", b"dc1"), "Example, dc1"),
        (name("Müller".encode()), "Müller"),
        (name(b"a\nb\x1b[2J\xff"), "a?b?[2J\ufffd"),
        (name(b"x" * 500), "x" * 100),
    ],
)
def test_the_subject_is_told_in_one_short_line(subject: bytes, text: str) -> None:
    whole = certificate(subject, tlv(0x17, b"251122000000Z"))
    assert described(whole) == f"of {text}, valid until 2025-11-22"


@given(st.binary())
def test_whatever_comes_is_described_or_refused(data: bytes) -> None:
    for whole in (data, tlv(0x30, data), tlv(0x30, tlv(0x30, data))):
        with contextlib.suppress(ValueError):
            described(whole)


def test_a_date_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no date"):
        described(certificate(name(b"dc1"), tlv(0x17, b"soon\x1b[2J")))
