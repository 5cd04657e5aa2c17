from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.ldap import filters
from providers.ldap.ber import OCTETS, elements, members
from providers.ldap.client import BadFilter
from providers.ldap.filters import encoded
from providers.ldap.names import escape_filter, fill_filter
from providers.ldap.presets import PROFILES

ROOT = Path(__file__).parents[3]

# Not before: the import above keeps ldap3's warnings to itself.
search = importlib.import_module("ldap3.operation.search")
asn1 = importlib.import_module("ldap3.utils.asn1")


def as_ldap3(text: str) -> bytes:
    """Encode as ldap3 does, by pyasn1 and the schema of RFC 4511."""
    tree = search.parse_filter(text, None, False, False, None, False)
    data: bytes = asn1.encode(search.compile_filter(tree.elements[0]))
    return data


@pytest.mark.parametrize(
    "text",
    [
        "(uid=ann)",
        "(uid=)",
        "(mail=*)",
        "(uid=an*)",
        "(uid=*nn)",
        "(uid=*n*)",
        "(uid=a*n*n)",
        "(uid=a*b*c*d)",
        "(uid=\\2a\\28\\29\\5c\\00)",
        "(cn=m\\c3\\bcller)",
        "(cn=müller)",
        "(uid=\\2a*)",
        "(uidNumber>=1000)",
        "(uidNumber<=1000)",
        "(cn~=an)",
        "(memberOf:1.2.840.113556.1.4.1941:=cn=staff,dc=x)",
        "(cn:dn:2.4.6.8.10:=x)",
        "(cn:=x)",
        "(ou:dn:=x)",
        "(:2.4.6.8.10:=x)",
        "(!(uid=ann))",
        "(&(objectClass=person)(uid=ann))",
        "(|(uid=ann)(mail=ann)(cn=ann))",
        "(&(objectClass=user)(|(a=1)(!(b=2)))(c=*))",
        "(& (a=1) (b=2) )",
        "(&(a=1))",
        "(userCertificate;binary=x)",
        "(cn=" + "x" * 200 + ")",
    ],
)
def test_filters_are_what_ldap3_makes_of_them(text: str) -> None:
    assert encoded(text) == as_ldap3(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "uid=ann",
        "()",
        "(uid=ann",
        "(uid=ann))",
        "(uid)",
        "(&)",
        "((uid=ann))",
        "(uid=ann)(uid=bob)",
        "(!(a=1)(b=2))",
        "(uid=an(n)",
        "(uid=ann\\)",
        "(uid=\\2)",
        "(uid=\\zz)",
        "(uid=\\2a\\x)",
        "(:=x)",
        "(cn:a:b:c:=x)",
        "(==)))a*(a&((\\)",  # makes ldap3 stumble
    ],
)
def test_what_is_no_filter_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(BadFilter) as refusal:
        encoded(text)
    assert text == "" or text not in str(refusal.value)


COMPARISONS = st.builds(
    lambda name, value: f"({name}={escape_filter(value)})",
    st.sampled_from(["uid", "cn", "x-mail"]),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5),
)
FILTERS = st.recursive(
    COMPARISONS,
    lambda inner: st.builds(
        lambda kind, parts: f"({kind}{''.join(parts[:1] if kind == '!' else parts)})",
        st.sampled_from("&|!"),
        st.lists(inner, min_size=1, max_size=4),
    ),
    max_leaves=8,
)


@given(FILTERS)
def test_sets_of_comparisons_are_what_ldap3_makes_of_them(text: str) -> None:
    assert encoded(text) == as_ldap3(text)


@pytest.mark.parametrize("kind", PROFILES)
def test_filters_of_presets_need_no_ldap3(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = fill_filter(PROFILES[kind].user_filter, username="ann (lee)")
    expected = encoded(text)
    monkeypatch.setattr(filters, "_parse", None)
    assert encoded(text) == expected


@pytest.mark.parametrize("value", ["ann\\", "\\2", "\\zz", "\\2a\\x", "\\*"])
def test_a_backslash_begins_an_escape(value: str) -> None:
    with pytest.raises(BadFilter, match="a backslash without two hexadecimal digits"):
        encoded(f"(uid={value})")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_value_ends_no_filter_and_begins_none_l2(value: str) -> None:
    text = f"(&(objectClass=person)(uid={escape_filter(value)}))"
    (whole,) = elements(encoded(text))
    _, match = members(whole, 0xA0)
    assert members(match, 0xA3) == [(OCTETS, b"uid"), (OCTETS, value.encode())]


@pytest.mark.parametrize("start", range(0, 0x110000, 0x8000))
def test_every_character_arrives_as_it_is_l2(start: int) -> None:
    value = "".join(map(chr, range(start, start + 0x8000))).encode(errors="ignore").decode()
    match = decoded(encoded(f"(uid={escape_filter(value)})"))["equalityMatch"]
    assert bytes(match["assertionValue"]) == value.encode()


def decoded(data: bytes) -> Any:
    rfc4511 = importlib.import_module("ldap3.protocol.rfc4511")
    decoder = importlib.import_module("pyasn1.codec.ber.decoder")
    decoded, rest = decoder.decode(data, asn1Spec=rfc4511.Filter())
    assert rest == b""
    return decoded


@pytest.mark.parametrize("module", ["providers.ldap.filters", "providers.ldap.ldap3_driver"])
def test_warnings_of_the_library_go_nowhere(module: str) -> None:
    command = [sys.executable, "-W", "error", "-c", f"import {module}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
