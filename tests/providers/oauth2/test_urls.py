"""The URLs of a configuration: https, out in the Internet, and kept as they are written."""

from __future__ import annotations

import pytest

from providers.oauth2.settings import OAuth2Config
from tests.config.reading import parse, refused
from tests.providers.oauth2.written import CLIENT

GOOD = CLIENT + "issuer: https://login.example.com\n"
ENDPOINTS = (
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "emails_endpoint",
    "jwks_uri",
)


@pytest.mark.parametrize("key", ["issuer", *ENDPOINTS])
@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "must be a URL"),
        ("login.example.com", "must be a URL"),
        ("//login.example.com", "must be a URL"),
        ("ftp://login.example.com", "must be a URL"),
        ("file:///etc/passwd", "must be a URL"),
        ("https://", "must be a URL"),
        ("https:///path", "must be a URL"),
        ("https://:443", "must be a URL"),
        ("https://login.example.com:0", "must be a URL"),
        ("https://login.example.com:65536", "must be a URL"),
        ("https://login.example.com:x", "must be a URL"),
        ("https://[::1", "must be a URL"),
        ("https://[::x]/", "must be a URL"),
        ("https://login example.com", "must be a URL"),
        ("https://login.example.com/a b", "must be a URL"),
        ("https://login.example.com/ä", "must be a URL"),
        ("https://login.exa\\tmple.com", "must be a URL"),
        ("https://login_.example.com_/", "must be a URL"),
        ("https://-login.example.com/", "must be a URL"),
        ("https://ann:hidden@login.example.com", "must not hold a user name"),
        ("https://@login.example.com", "must not hold a user name"),
        ("https://login.example.com/#x", "must not have a fragment"),
        ("https://login.example.com/#", "must not have a fragment"),
        ("http://login.example.com", "must be https, or set allow_private_network: true"),
        ("HTTP://login.example.com", "must be https, or set allow_private_network: true"),
        ("https://127.0.0.1/", "is inside your own network: set allow_private_network"),
        ("https://10.1.2.3:8443/", "is inside your own network: set allow_private_network"),
        ("https://169.254.169.254/", "is inside your own network: set allow_private_network"),
        ("https://[::1]:8443/", "is inside your own network: set allow_private_network"),
        ("https://[fd00::1]/", "is inside your own network: set allow_private_network"),
        ("https://localhost/", "is inside your own network: set allow_private_network"),
        ("https://idp.localhost/", "is inside your own network: set allow_private_network"),
    ],
)
def test_refused_url(key: str, url: str, problem: str) -> None:
    base = CLIENT if key == "issuer" else GOOD
    (found,) = refused(OAuth2Config, f'{base}{key}: "{url}"\n')
    assert f": {key}: {problem}" in found
    assert "hidden" not in found


@pytest.mark.parametrize("key", ["issuer", *ENDPOINTS])
@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.com",
        "https://127.0.0.1:8443/realms/x",
        "http://[::1]:8080/",
        "https://sso.corp.internal/",
        "http://localhost",
    ],
)
def test_private_network_is_allowed_by_name_only(key: str, url: str) -> None:
    base = CLIENT if key == "issuer" else GOOD
    allowed = "allow_private_network: true\n"  # wherever in the file it stands
    assert getattr(parse(OAuth2Config, f"{base}{key}: '{url}'\n{allowed}"), key) == url


@pytest.mark.parametrize("key", ["issuer", *ENDPOINTS])
@pytest.mark.parametrize(
    "url",
    [
        "https://login.example.com",
        "https://login.example.com/",
        "https://login.example.com:8443/realms/a%20b",
        "https://sso/realms/x",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
    ],
)
def test_urls_are_kept_to_the_last_character(key: str, url: str) -> None:
    base = CLIENT if key == "issuer" else GOOD
    assert getattr(parse(OAuth2Config, f"{base}{key}: '{url}'\n"), key) == url


def test_endpoints_may_have_a_query_issuers_none() -> None:
    (found,) = refused(OAuth2Config, CLIENT + "issuer: https://login.example.com/?p=x\n")
    assert found == "2:9: issuer: must not have a query (?)"
    (found,) = refused(OAuth2Config, CLIENT + "issuer: https://login.example.com?\n")
    assert found == "2:9: issuer: must not have a query (?)"
    text = GOOD + "authorization_endpoint: https://login.example.com/authorize?p=x\n"
    parse(OAuth2Config, text)
