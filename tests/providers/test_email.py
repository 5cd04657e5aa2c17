"""Addresses: what is one, and that all spellings of a mailbox are one."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from providers._email import (
    MAX_ADDRESS,
    DomainPattern,
    Domains,
    NotAnAddress,
    canonical,
    without_alias,
)
from providers._senders._mail import is_address

L63, L64 = "d" * 63, "l" * 64
LONGEST = f"{L64}@{L63}.{L63}.{'d' * 57}.com"  # 254 characters


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        pytest.param("ann@example.com", "ann@example.com", id="plain"),
        pytest.param("Ann.Example@Example.COM", "ann.example@example.com", id="upper case"),
        pytest.param("\t ann@example.com \r\n", "ann@example.com", id="white space around"),
        pytest.param("ann+news@example.com", "ann+news@example.com", id="alias"),
        pytest.param("a@b.co", "a@b.co", id="short"),
        pytest.param("#$&'*+-=^_`{}~@x.example", "#$&'*+-=^_`{}~@x.example", id="atext"),
        pytest.param("1@2.3.example", "1@2.3.example", id="digits"),
        pytest.param("ann@a--b.example", "ann@a--b.example", id="two hyphens"),
        pytest.param("ann@r3---s.example", "ann@r3---s.example", id="hyphens third and fourth"),
        pytest.param("ann@mail.example.co.uk", "ann@mail.example.co.uk", id="many labels"),
        pytest.param("ann@bücher.example", "ann@xn--bcher-kva.example", id="umlaut"),
        pytest.param("ann@BÜCHER.example", "ann@xn--bcher-kva.example", id="upper case umlaut"),
        pytest.param("ann@bu\u0308cher.example", "ann@xn--bcher-kva.example", id="decomposed"),
        pytest.param("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example", id="A-label"),
        pytest.param("ann@faß.example", "ann@xn--fa-hia.example", id="not transitional"),
        pytest.param("ann@例え.テスト", "ann@xn--r8jz45g.xn--zckzah", id="top label"),
        pytest.param("ann@例え\u3002テスト", "ann@xn--r8jz45g.xn--zckzah", id="ideographic dot"),
        pytest.param("ann@\uff45\uff58ample.com", "ann@example.com", id="full width domain"),
        pytest.param("ann@exam\u200bple.com", "ann@example.com", id="zero width space"),
        pytest.param("ann@e\u212aample.com", "ann@ekample.com", id="Kelvin sign"),
        pytest.param(LONGEST, LONGEST, id="longest"),
    ],
)
def test_address(typed: str, address: str) -> None:
    assert canonical(typed) == address


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("", id="empty"),
        pytest.param("ann", id="no at"),
        pytest.param("@example.com", id="no local part"),
        pytest.param("ann@", id="no domain"),
        pytest.param("ann@localhost", id="one label"),
        pytest.param("ann@example.", id="one label and a dot"),
        pytest.param("ann@example.com.", id="dot at the end"),
        pytest.param("ann@.example.com", id="dot at the start"),
        pytest.param("ann@exa..mple.com", id="two dots"),
        pytest.param(".ann@example.com", id="local dot first"),
        pytest.param("ann.@example.com", id="local dot last"),
        pytest.param("a..nn@example.com", id="local two dots"),
        pytest.param("ann@-example.com", id="hyphen first"),
        pytest.param("ann@example-.com", id="hyphen last"),
        pytest.param("ann@exa_mple.com", id="underscore"),
        pytest.param("ann@127.0.0.1", id="IPv4"),
        pytest.param("ann@example.1", id="numeric top label"),
        pytest.param("ann@example.c", id="top label of one letter"),
        pytest.param("ann@192.168.10.10", id="IPv4 of two digits"),
        pytest.param("ann@[127.0.0.1]", id="IPv4 literal"),
        pytest.param("ann@[IPv6:::1]", id="IPv6 literal"),
        pytest.param("ann@example.com:25", id="port"),
        pytest.param("ann@example.com/x", id="path"),
        pytest.param("ann@xn--a.com", id="broken A-label"),
        pytest.param("ann@xn--.com", id="empty A-label"),
        pytest.param("ann@☃.com", id="symbol"),
        pytest.param("ann@\u0338a.com", id="combining mark first"),
        pytest.param("mailto:ann@example.com", id="URL"),
        pytest.param("Ann <ann@example.com>", id="name"),
        pytest.param("<ann@example.com>", id="brackets"),
        pytest.param("an n@example.com", id="space"),
        pytest.param("ann@exam ple.com", id="space in the domain"),
        # What a mail server may read as commands, recipients or comments.
        pytest.param("a\r\nnn@example.com", id="e2 CR LF"),
        pytest.param("ann@example.com\r\nBcc: b@example.com", id="e2 header"),
        pytest.param("ann@exam\nple.com", id="e2 LF"),
        pytest.param("a\x00nn@example.com", id="e2 NUL"),
        pytest.param("ann@example.com\x00", id="e2 NUL last"),
        pytest.param("ann@example.com,bob@example.com", id="e2 comma"),
        pytest.param("a,b@example.com", id="e2 comma in local part"),
        pytest.param("ann@example.com;bob@example.com", id="e2 semicolon"),
        pytest.param("ann@bob@example.com", id="e2 second at"),
        pytest.param('"ann"@example.com', id="e2 quoted"),
        pytest.param('"a@b"@example.com', id="e2 quoted at"),
        pytest.param("ann(comment)@example.com", id="e2 comment"),
        pytest.param("ann@(comment)example.com", id="e2 comment in the domain"),
        pytest.param("a\\nn@example.com", id="e2 backslash"),
        pytest.param("@relay.example:ann@example.com", id="e2 route"),
        pytest.param("ann%evil.example@example.com", id="e2 percent route"),
        pytest.param("evil.example!ann@example.com", id="e2 bang route"),
        pytest.param("=?utf-8?q?ann=40evil.example=3e?=@example.com", id="e2 encoded word"),
        pytest.param("|mail@example.com", id="e2 program"),
        pytest.param("/tmp/mail@example.com", id="e2 file"),
        pytest.param(f"l{L64}@example.com", id="e2 local part of 65"),
        pytest.param(LONGEST.replace(".com", "d.com"), id="e2 address of 255"),
        pytest.param(f"ann@d{L63}.com", id="e2 label of 64"),
        pytest.param("a" * 8000 + "@example.com", id="e2 far too long"),
        pytest.param("ann@" + "\u00fc" * 8000 + ".com", id="e2 far too long to encode"),
        pytest.param("ann@" + "\u00fc." * 100 + "example", id="e2 too long in A-labels"),
        pytest.param(
            f"{L64}@" + "\u00fc." * 30 + "example", id="e2 address of 312 characters in A-labels"
        ),
        pytest.param("ann@exam" + "\u200b" * 300 + "ple.com", id="e2 too long to be looked at"),
        pytest.param("a@b.c>\r\nRCPT TO:<x@y.z", id="a29 second recipient"),
        pytest.param("a@b.co>\nDATA\n.\n", id="a29 bare LF"),
        pytest.param("a@b.co> SIZE=1", id="a29 parameter"),
        pytest.param("ann@example\uff0ecom\u2028RCPT", id="a29 line separator"),
        pytest.param("\u0430@example.com", id="a31 Cyrillic local part"),
        pytest.param("\uff41nn@example.com", id="a31 full width local part"),
        pytest.param("\u212aarl@example.com", id="a31 Kelvin sign in the local part"),
        pytest.param("\u017fam@example.com", id="a31 long s in the local part"),
        pytest.param("ann\u200b@example.com", id="a31 zero width space in the local part"),
        pytest.param("ann\u202e@example.com", id="a31 right to left"),
        pytest.param("ann\uff20example.com", id="a31 full width at"),
        pytest.param("ann@b\uff20example.com", id="a31 full width second at"),
        pytest.param("ann@example\u3002", id="a31 ideographic dot last"),
    ],
)
def test_no_address(typed: str) -> None:
    with pytest.raises(NotAnAddress) as caught:
        canonical(typed)
    assert str(caught.value) == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann@example.com", "ann@ex\u0430mple.com"),  # Cyrillic
        ("ann@example.com", "ann@examp\u04cfe.com"),
        ("ann@example.com", "ann@exampl\u00e9.com"),
        ("ann@strasse.example", "ann@straße.example"),
        ("ann@example.com", "ann@example.com.evil.example"),
        ("ann@example.com", "a.nn@example.com"),
    ],
)
def test_a31_lookalikes_are_somebody_else(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


TEXTS = st.one_of(
    st.text(max_size=80),
    st.text(string.ascii_letters + '@.+-"<>(),;:[]\\ \r\n\t\0xn-ü\u0430\u3002\uff20', max_size=40),
    st.builds("{}@{}".format, st.text(max_size=20), st.text(max_size=40)),
    st.builds("{}@{}.example".format, st.just("ann"), st.text(min_size=1, max_size=20)),
    st.builds("ann@xn--{}.example".format, st.text(string.ascii_letters + "-09", max_size=12)),
    st.emails(),
)


@given(TEXTS)
@example("ann@xn--0.example")
@example("ann@\u1e9e.example")
@example("ann@a\u00ad.example")
@example("ann@℡.example")
def test_canonical_form_is_plain_and_its_own_or_the_text_is_refused(text: str) -> None:
    try:
        address = canonical(text)
    except NotAnAddress:
        return
    assert canonical(address) == address
    assert canonical(address.upper()) == address
    assert address.isascii()
    assert address == address.lower()
    assert len(address) <= MAX_ADDRESS
    assert not set(address) & set(' \t\r\n\0<>()[]\\,;:"')
    assert address.count("@") == 1
    assert canonical(without_alias(address)) == without_alias(address)
    assert is_address(address)  # for mail servers, too


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("ann@example.com", "ann@example.com"),
        ("ann+x@example.com", "ann@example.com"),
        ("ann+x+y@example.com", "ann@example.com"),
        ("ann+@example.com", "ann@example.com"),
        ("+x@example.com", "+x@example.com"),
        ("a.nn+x@example.com", "a.nn@example.com"),
        ("ann@ex.example.com", "ann@ex.example.com"),
    ],
)
def test_alias(address: str, counted: str) -> None:
    assert without_alias(address) == counted


PATTERN = TypeAdapter(DomainPattern)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("Example.COM", "example.com"),
        ("*.Example.com", "*.example.com"),
        ("*.edu", "*.edu"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
    ],
)
def test_domain_pattern(text: str, pattern: str) -> None:
    assert PATTERN.validate_python(text) == pattern


@pytest.mark.parametrize(
    "text",
    [
        *("", "*", "*.", "com", "example.com.", ".example.com", "*example.com", "*.*.example.com"),
        *("mail.*.com", "@example.com", "ann@example.com", "127.0.0.1", "exa mple.com", "**.com"),
    ],
)
def test_no_domain_pattern(text: str) -> None:
    with pytest.raises(ValidationError, match="must be a domain such as"):
        PATTERN.validate_python(text)


@pytest.mark.parametrize(
    ("patterns", "domain", "meant"),
    [
        (["example.com"], "example.com", True),
        (["example.com"], "mail.example.com", False),
        (["example.com"], "badexample.com", False),
        (["example.com"], "example.com.evil.example", False),
        (["*.example.com"], "example.com", False),
        (["*.example.com"], "mail.example.com", True),
        (["*.example.com"], "a.mail.example.com", True),
        (["*.example.com"], "badexample.com", False),
        (["*.edu"], "example.edu", True),
        (["a.example", "*.b.example"], "x.b.example", True),
        ([], "example.com", False),
    ],
)
def test_which_domains_a_list_means(patterns: list[str], domain: str, meant: bool) -> None:
    assert (domain in Domains(patterns)) is meant


def test_empty_list_is_known_as_such() -> None:
    assert not Domains([])
    assert Domains(["*.example.com"])
