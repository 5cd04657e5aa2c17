from __future__ import annotations

import importlib
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from providers.ldap.names import (
    MAX_NAME,
    comparable_dn,
    escape_dn,
    escape_filter,
    fill_dn,
    fill_filter,
    is_plain,
    login_name,
    placeholders,
)
from tests.servers.slapd import SPECIAL_NAMES

# libldap's own reader of names.
libldap: Any = importlib.import_module("ldap.dn")

TRICKY = st.text(st.sampled_from(" #,+\"\\<>;=/'*(){}\0\x01\n\x7faB2üß李\U0001f600"), min_size=1)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("ann", "ann"),
        (" ann ", "ann"),
        ("Ann", "Ann"),
        ("\uff41\uff4e\uff4e", "ann"),
        ("müller", "müller"),
        ("mu\u0308ller", "müller"),
        ("a b", "a b"),
        ("a\u00a0b", "a b"),
        ("李小龍", "李小龍"),
        *((name, name) for name in SPECIAL_NAMES),
        ("x" * MAX_NAME, "x" * MAX_NAME),
    ],
)
def test_a_login_name_has_one_form_a69(typed: str, name: str) -> None:
    assert login_name(typed) == name


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "  ",
        "\u3000",
        "ann\0",
        "\0",
        "an\tn",
        "ann\u200b",
        "ann\u00ad",
        "\u202eann",
        "ann\ufeff",
        "an\u2028n",
        "ann\ue000",
        "ann\ud800",
        "ann\U000e0041",
        "ann\u0378",
        "x" * (MAX_NAME + 1),
        "ﷺ" * (MAX_NAME // 2),  # longer in the form that is compared
    ],
)
def test_what_is_no_login_name_is_refused_a69(typed: str) -> None:
    assert login_name(typed) is None


def test_filters_hold_plain_letters_and_escapes_alone_l2() -> None:
    assert escape_filter("ann2") == "ann2"
    assert escape_filter("*()\\\0 ü") == "\\2a\\28\\29\\5c\\00\\20\\c3\\bc"


@given(TRICKY)
def test_a_name_in_a_dn_is_that_name_l2(text: str) -> None:
    (((key, value, _),), *rest) = libldap.str2dn(f"uid={escape_dn(text)},ou=people,dc=x")
    assert (key, value) == ("uid", text)
    assert len(rest) == 2


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_name_of_any_characters_in_a_dn_is_that_name_l2(text: str) -> None:
    assert libldap.str2dn(f"uid={escape_dn(text)},dc=x")[0][0][1] == text


def test_templates_are_filled_once() -> None:
    assert placeholders("(|(uid={username})(mail={email}))") == {"username", "email"}
    assert fill_filter("(uid={username})", username="{username}*") == "(uid=\\7busername\\7d\\2a)"
    assert (
        fill_filter("(&(a={dn})(b={username}))", dn="{username}", username="x")
        == "(&(a=\\7busername\\7d)(b=x))"
    )
    assert fill_dn("uid={username},ou={username}", username="a,b") == "uid=a\\,b,ou=a\\,b"
    assert fill_dn("uid={username},dc=x", username="{username}") == "uid={username},dc=x"


@pytest.mark.parametrize("name", ["ann", "ann.smith", "müller", "o'neil", "a b", "#1", "{x}"])
def test_plain_names_are_plain(name: str) -> None:
    assert is_plain(name)


@pytest.mark.parametrize("name", ["", *(f"a{c}b" for c in '"/\\[]:;|=,+*?<>@')])
def test_other_names_are_not_plain(name: str) -> None:
    assert not is_plain(name)


@pytest.mark.parametrize(
    "dn",
    [
        "cn=Smith\\, John,ou=Staff,dc=example,dc=test",
        "CN=smith\\, john,OU=staff,DC=Example,DC=Test",
        "cn = Smith\\, John , ou = Staff , dc=example,  dc=test ",
        "cn=Smith\\2C John,ou=Staff,dc=example,dc=test",
        "cn=Smith\\2c\\20John,ou=\\53taff,dc=example,dc=test",
        "cn=\\Smith\\, John,ou=Staff,dc=example,dc=test",
    ],
)
def test_equal_names_compare_equal(dn: str) -> None:
    assert comparable_dn(dn) == comparable_dn("cn=Smith\\, John,ou=Staff,dc=example,dc=test")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cn=a,cn=b", "cn=a\\,cn=b"),
        ("cn=a+sn=b", "cn=a\\+sn=b"),
        ("cn=a\\20,dc=x", "cn=a,dc=x"),
        ("cn=a\\ ,dc=x", "cn=a,dc=x"),
        ("cn=\\ a,dc=x", "cn=a,dc=x"),
        ("cn=a\\\\ ,dc=x", "cn=a\\ ,dc=x"),
        ("cn=a,dc=x", "cn=a"),
        ("cn=a,dc=x", "ou=a,dc=x"),
        ("cn=\\ff,dc=x", "cn=\\fe,dc=x"),
        ("cn=u,dc=x", "cn=ü,dc=x"),
    ],
)
def test_different_names_compare_different(one: str, other: str) -> None:
    assert comparable_dn(one) != comparable_dn(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cn=a+sn=b,dc=x", "SN=b + CN=a,dc=x"),
        ("cn=a\\\\ ,dc=x", "cn=a\\\\,dc=x"),
        ("cn=M\\C3\\BCller,dc=x", "cn=müller,dc=x"),
        ("cn=\\#a,dc=x", "cn=\\23a,dc=x"),
    ],
)
def test_ways_of_writing_compare_equal(one: str, other: str) -> None:
    assert comparable_dn(one) == comparable_dn(other)


@given(TRICKY, TRICKY)
def test_names_compare_as_their_values_do(one: str, other: str) -> None:
    first, second = (f"cn={escape_dn(text)},dc=x" for text in (one, other))
    assert (comparable_dn(first) == comparable_dn(second)) == (one.casefold() == other.casefold())


@given(TRICKY)
@example("2 \n")
def test_how_a_server_writes_a_name_does_not_count(text: str) -> None:
    assume(len(text) < 100)
    ours = f"cn={escape_dn(text)},dc=x"
    theirs = libldap.dn2str(libldap.str2dn(ours))
    in_hex = "cn=" + "".join(f"\\{byte:02X}" for byte in text.encode()) + ",dc=x"
    assert comparable_dn(ours) == comparable_dn(theirs) == comparable_dn(in_hex)


@given(st.text())
def test_whatever_is_no_name_has_a_form_too(text: str) -> None:
    comparable_dn(text)
