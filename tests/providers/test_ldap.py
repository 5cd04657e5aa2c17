"""What of a sign-in with a directory needs no directory."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

import providers
from providers import Attempt, Context, Fields, Rejected, UnknownIdentity, _icons
from providers.ldap import MAX_PASSWORD, Ldap
from providers.ldap.settings import LdapConfig
from tests.config.reading import parse
from tests.providers.sending import Recorder
from tests.servers.gateway import ROOT

SECURE = "urls: ['ldaps://dc1.example.com']\n"
SEARCH = "user_search: {base_dn: 'dc=example,dc=com'}\n"


def provider(text: str = SECURE) -> Ldap:
    return Ldap("staff", parse(LdapConfig, text + SEARCH), Context(Recorder()))


def identify(name: str, text: str = "", field: str = "username") -> str | None:
    return provider(SECURE + text).identify(cast(Fields, {field: name, "password": "secret"}))


def test_form_asks_for_name_and_password() -> None:
    assert Ldap.asks == ("username", "password")
    assert provider().icon == _icons.BUILDING


# Who the request says it is


@pytest.mark.parametrize("field", ["username", "email", "phone"])
def test_login_name_is_in_whatever_field_the_app_has(field: str) -> None:
    assert identify("Ann@Example.com", field=field) == "ann@example.com"


def test_user_name_comes_before_address_and_number() -> None:
    fields: Fields = {"phone": "1", "email": "a@b.test", "username": "ann", "password": "x"}
    assert provider().identify(fields) == "ann"
    del fields["username"]
    assert provider().identify(fields) == "a@b.test"


@pytest.mark.parametrize("fields", [{}, {"username": "ann"}, {"password": "x"}, {"phone": "1"}])
def test_request_without_name_or_password_is_for_another_provider(fields: Fields) -> None:
    assert provider().identify(fields) is None


@pytest.mark.parametrize(
    "typed",
    [
        "Admin",
        "ADMIN",
        "\uff41\uff44\uff4d\uff49\uff4e",
        "\uff21\uff24\uff2d\uff29\uff2e",
        "admin ",
        " admin",
        "\u00a0admin\u3000",
        "\u24d0dmin",
    ],
)
def test_l14_a69_twins_are_one(typed: str) -> None:
    assert identify(typed) == "admin"


def test_l14_composed_and_decomposed_are_one() -> None:
    assert identify("mu\u0308ller") == identify("M\u00dcLLER") == "m\u00fcller"


@pytest.mark.parametrize(
    "typed",
    [
        *("admin\u200b", "ad\u200dmin", "\ufeffadmin", "admin\u00ad", "\u202eadmin", "ad\u2060min"),
        *("admin\0", "ad\tmin", "ad\nmin", "admin\x7f", "admin\ue000", "ad\u2028min"),
        *("a" * 257, "   ", "\u3000"),
    ],
)
def test_l14_a69_what_looks_like_another_name_is_none(typed: str) -> None:
    with pytest.raises(UnknownIdentity):
        identify(typed)


@pytest.mark.parametrize(
    "name", ["o'neil", "a(b)c", "a*b", "back\\slash", ', =+<>#;"', "#x", "{x}"]
)
def test_l2_special_characters_are_part_of_a_name(name: str) -> None:
    assert identify(name) == name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("CORP\\ann", "ann"),
        ("corp\\Ann", "ann"),
        ("\uff23ORP\\ann", "ann"),
        ("CORP\\ ann", "ann"),
        ("OTHER\\ann", "other\\ann"),
        ("CORP\\CORP\\ann", "corp\\ann"),
        ("ann", "ann"),
        ("corpann", "corpann"),
    ],
)
def test_domain_may_be_typed(typed: str, name: str) -> None:
    assert identify(typed, "domain: Corp\n") == name


def test_domain_alone_is_no_name() -> None:
    with pytest.raises(UnknownIdentity):
        identify("CORP\\", "domain: CORP\n")


# Passwords that are refused before anybody is asked


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("", id="empty"),
        pytest.param("\0", id="NUL"),
        pytest.param("secret\0", id="secret and NUL"),
        pytest.param("x" * (MAX_PASSWORD + 1), id="long"),
        pytest.param("\u00fc" * (MAX_PASSWORD // 2 + 1), id="long in bytes"),
    ],
)
async def test_l1_a63_password_that_no_directory_has(
    password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ldap = provider()
    monkeypatch.setattr(ldap, "_servers", None)  # whoever wants a server fails
    attempt = Attempt("app", "App", "staff", "ann", "192.0.2.1", "r")
    with pytest.raises(Rejected) as caught:
        await ldap.begin(attempt, {"username": "ann", "password": password})
    assert not isinstance(caught.value, UnknownIdentity)


# What operators are told


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        ("urls: ['ldaps://dc1']\n", []),
        ("urls: ['ldap://dc1']\ntls: {start_tls: true}\n", []),
        ("urls: ['ldaps://dc1']\ntls: {verify: false}\n", ["tls.verify is false"]),
        ("urls: ['ldap://dc1']\nallow_cleartext: true\n", ["allow_cleartext: passwords may"]),
    ],
)
def test_weak_protection_is_a_warning_at_every_start(text: str, warnings: list[str]) -> None:
    found = provider(text).warnings()
    assert [told.startswith(start) for told, start in zip(found, warnings, strict=True)] == [
        True for _ in warnings
    ]


# Libraries


def test_provider_without_its_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "ldap3" else find(name)
    )
    with pytest.raises(providers.ProviderTypeError, match="not installed: ldap3"):
        providers.load("ldap")
    assert providers.load_class("ldap").purpose


def test_libraries_are_imported_by_those_who_have_a_directory_only(tmp_path: Path) -> None:
    script = (
        "import sys, providers\n"
        "providers.load('ldap').Config.model_json_schema()\n"
        "assert not {'ldap3', '_ldap', 'pyasn1'} & {*sys.modules}, 'imported'\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=30)
