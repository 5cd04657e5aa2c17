"""Where a browser may take a sign-in back to (O10, RFC 8252, RFC 9700)."""

from __future__ import annotations

import pytest

from gateway.return_urls import MAX_LENGTH, admits, with_query

APP_URL = "com.example.app:/signed-in"
WEB_URL = "https://chat.example.com/signed-in?from=gateway"
LOOPBACK = "http://127.0.0.1/signed-in"
LOOPBACK_6 = "http://[::1]/signed-in"
PINNED = "http://127.0.0.1:4711/pinned"
LOCALHOST = "http://localhost:8000/signed-in"
LISTED = frozenset((APP_URL, WEB_URL, LOOPBACK, LOOPBACK_6, PINNED, LOCALHOST))


@pytest.mark.parametrize("url", sorted(LISTED))
def test_o10_what_is_listed_is_admitted(url: str) -> None:
    assert admits(LISTED, url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/signed-in",
        "http://127.0.0.1:49152/signed-in",
        "http://127.0.0.1:65535/signed-in",
        "http://[::1]:49152/signed-in",
        "http://127.0.0.1:49152/pinned",
        "http://127.0.0.1/pinned",
    ],
)
def test_o10_the_port_of_a_loopback_address_is_free(url: str) -> None:
    assert admits(LISTED, url)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("", id="empty"),
        pytest.param("*", id="star"),
        pytest.param("com.example.app:/", id="app-shorter"),
        pytest.param(APP_URL + "/", id="app-trailing-slash"),
        pytest.param(APP_URL + "?", id="app-question-mark"),
        pytest.param(APP_URL + "#", id="app-fragment"),
        pytest.param("COM.example.app:/signed-in", id="app-case-of-scheme"),
        pytest.param("com.example.app:/Signed-in", id="app-case-of-path"),
        pytest.param("com.example.app://signed-in", id="app-two-slashes"),
        pytest.param("com.example.app.evil:/signed-in", id="app-longer-scheme"),
        pytest.param("com_example_app:/signed-in", id="app-dot-is-no-pattern"),
        pytest.param(" " + APP_URL, id="app-space-before"),
        pytest.param(APP_URL + " ", id="app-space-after"),
        pytest.param(APP_URL + "\n", id="app-line-break"),
        pytest.param("https://chat.example.com/signed-in", id="web-without-query"),
        pytest.param(WEB_URL + "&x=1", id="web-longer-query"),
        pytest.param("https://chat.example.com:443/signed-in?from=gateway", id="web-port"),
        pytest.param("https://CHAT.example.com/signed-in?from=gateway", id="web-case-of-host"),
        pytest.param("http://chat.example.com/signed-in?from=gateway", id="web-plain"),
        pytest.param("https://chat.example.com./signed-in?from=gateway", id="web-dot"),
        pytest.param(
            "https://chat.example.com@evil.test/signed-in?from=gateway", id="web-userinfo"
        ),
        pytest.param("https://evil@chat.example.com/signed-in?from=gateway", id="web-user"),
        pytest.param("https://chat.example.com\\@evil.test/signed-in?from=gateway", id="web-back"),
        pytest.param("https://chat.example.com/x/../signed-in?from=gateway", id="web-dots"),
        pytest.param("https://chat.example.com/signed%2din?from=gateway", id="web-escaped"),
        pytest.param("//chat.example.com/signed-in?from=gateway", id="web-no-scheme"),
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("data:text/html,x", id="data"),
    ],
)
def test_o10_anything_else_is_not(url: str) -> None:
    assert not admits(LISTED, url)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://127.0.0.1:49152/signed-in/", id="trailing-slash"),
        pytest.param("http://127.0.0.1:49152/signed-in?x=1", id="query"),
        pytest.param("http://127.0.0.1:49152/signed-in#x", id="fragment"),
        pytest.param("http://127.0.0.1:49152/Signed-in", id="case-of-path"),
        pytest.param("http://127.0.0.1:49152/", id="other-path"),
        pytest.param("http://127.0.0.1:49152", id="no-path"),
        pytest.param("HTTP://127.0.0.1:49152/signed-in", id="case-of-scheme"),
        pytest.param("https://127.0.0.1:49152/signed-in", id="https"),
        pytest.param("http://127.0.0.1:0/signed-in", id="port-0"),
        pytest.param("http://127.0.0.1:65536/signed-in", id="port-65536"),
        pytest.param("http://127.0.0.1:99999/signed-in", id="port-99999"),
        pytest.param("http://127.0.0.1:080/signed-in", id="port-080"),
        pytest.param("http://127.0.0.1:-1/signed-in", id="port-negative"),
        pytest.param("http://127.0.0.1:1x/signed-in", id="port-letters"),
        pytest.param("http://127.0.0.1:\u0661\u0662/signed-in", id="port-arabic"),
        pytest.param("http://127.0.0.1:/signed-in", id="port-empty"),
        pytest.param("http://127.0.0.1:80:90/signed-in", id="two-ports"),
        pytest.param("http://127.0.0.1:80@evil.test/signed-in", id="userinfo"),
        pytest.param("http://127.0.0.1@evil.test/signed-in", id="userinfo-without-port"),
        pytest.param("http://127.0.0.1:80\\@evil.test/signed-in", id="backslash"),
        pytest.param("http://evil@127.0.0.1:80/signed-in", id="user"),
        pytest.param("http://127.0.0.1.evil.test:80/signed-in", id="longer-host"),
        pytest.param("http://127.0.0.1:80.evil.test/signed-in", id="host-behind-port"),
        pytest.param("http://127.0.0.2:80/signed-in", id="other-loopback"),
        pytest.param("http://127.1:80/signed-in", id="short-address"),
        pytest.param("http://2130706433:80/signed-in", id="address-as-number"),
        pytest.param("http://127a0b0c1:80/signed-in", id="dot-is-no-pattern"),
        pytest.param("http://[0:0:0:0:0:0:0:1]:80/signed-in", id="long-ipv6"),
        pytest.param("http://[::1%25lo]:80/signed-in", id="ipv6-zone"),
        pytest.param("http://[::ffff:127.0.0.1]:80/signed-in", id="mapped-ipv4"),
        pytest.param("http://::1:80/signed-in", id="ipv6-without-brackets"),
        pytest.param("http://[::1]:80/pinned", id="listed-for-ipv4-only"),
        pytest.param("http://localhost:49152/signed-in", id="localhost-other-port"),
        pytest.param("http://localhost/signed-in", id="localhost-without-port"),
        pytest.param("http://127.0.0.1:80/signed-in\n", id="line-break"),
        pytest.param("http://127.0.0.1:80/signed-in\r\nX: y", id="header"),
        pytest.param("http://127.0.0.1:80/signed-in\x00", id="nul"),
        pytest.param("http://127.0.0.1:80/signed-in\x7f", id="delete"),
        pytest.param("http://127.0.0.1:80/signed-in ", id="space"),
        pytest.param("http://127.0.0.1:80/signed-\u0131n", id="letter-like"),
    ],
)
def test_o10_of_a_loopback_address_only_the_port_is_free(url: str) -> None:
    assert not admits(LISTED, url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:80@evil.test/",
        "http://127.0.0.1@evil.test",
        "http://127.0.0.1.evil.test",
        "http://127.0.0.1:8000evil.test",
        "http://127.0.0.1:80?x=1",
        "http://127.0.0.1#x",
        "http://127.0.0.1\n",
    ],
)
def test_o10_a_loopback_address_without_a_path_is_exact_as_well(url: str) -> None:
    assert admits({"http://127.0.0.1"}, "http://127.0.0.1:49152")
    assert not admits({"http://127.0.0.1"}, url)


def test_o10_no_list_admits_nothing() -> None:
    assert not admits(frozenset(), APP_URL)
    assert not admits(frozenset(), LOOPBACK)


def test_a_url_that_is_too_long_is_not_admitted_even_if_listed() -> None:
    longest, too_long = ("http://127.0.0.1/".ljust(size, "x") for size in (512, 513))
    listed = frozenset((longest, too_long))
    assert len(longest) == MAX_LENGTH
    assert admits(listed, longest)
    assert not admits(listed, too_long)
    assert not admits(listed, longest.replace("127.0.0.1", "127.0.0.1:1"))


@pytest.mark.parametrize(
    ("url", "with_parameters"),
    [
        (APP_URL, f"{APP_URL}?challenge=a&code=b%26c%3D%23%2F%20d"),
        (WEB_URL, f"{WEB_URL}&challenge=a&code=b%26c%3D%23%2F%20d"),
        ("http://127.0.0.1:80", "http://127.0.0.1:80?challenge=a&code=b%26c%3D%23%2F%20d"),
    ],
)
def test_parameters_are_added_and_escaped(url: str, with_parameters: str) -> None:
    assert with_query(url, challenge="a", code="b&c=#/ d") == with_parameters
