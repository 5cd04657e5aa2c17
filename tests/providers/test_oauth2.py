"""What of a sign-in with an identity provider needs no identity provider."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import Any, cast

import pytest

import providers
from providers import BrowserSignIn, Fields, _icons
from providers.oauth2 import OAuth2, icons
from tests.providers.oauth2.arriving import provider
from tests.providers.oauth2.reaching import settings
from tests.servers.gateway import ROOT

CODE: Fields = {"code": "c", "code_verifier": "v", "redirect_uri": "r"}


def new(**keys: Any) -> OAuth2:
    return provider(settings(**keys))


def test_it_is_the_type_of_its_name() -> None:
    assert providers.load("oauth2") is OAuth2
    assert issubclass(OAuth2, BrowserSignIn)
    assert OAuth2.asks == ()
    assert OAuth2.address == "{provider}:{subject}"
    assert not OAuth2.sends_code


# Who the request says it is


def test_proof_has_a_name_and_not_the_person() -> None:
    """Or whoever makes up tokens of somebody could lock them out."""
    oauth2 = new()
    names = {oauth2.identify({"id_token": token}) for token in ("a", "b", "c.d.e", "\ud800")}
    names |= {oauth2.identify({**CODE, "code": code}) for code in ("a", "b", "\ud800")}
    assert len(names) == 7
    for name in names:
        assert name is not None
        assert name.isascii()
        assert len(name) <= 64


def test_proof_has_one_name() -> None:
    oauth2 = new()
    assert oauth2.identify({"id_token": "a.b.c"}) == oauth2.identify(
        {"id_token": "a.b.c", "nonce": "n", "phone": "1", "username": "ann"}
    )
    assert oauth2.identify(CODE) == oauth2.identify({**CODE, "code_verifier": "another"})


def test_name_does_not_give_the_proof_away() -> None:
    secret = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"
    assert secret[:8] not in str(new().identify({"id_token": secret}))
    assert new().identify({**CODE, "code": secret}) != new().identify({"id_token": secret})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"username": "ann", "password": "x"},
        {"phone": "18005551234"},
        {"access_token": "x", "nonce": "n"},
        *({key: value for key, value in CODE.items() if key != absent} for absent in CODE),
        {"return_url": "x", "code_challenge": "y"},
    ],
)
def test_without_a_proof_it_is_for_a_browser_or_for_others(fields: dict[str, str]) -> None:
    assert new().identify(cast(Fields, fields)) is None


# In a browser


@pytest.mark.parametrize(
    ("keys", "posts"),
    [
        ({}, False),
        ({"response_mode": "form_post"}, True),
        ({"preset": "apple", "issuer": None}, True),
        ({"preset": "apple", "issuer": None, "scopes": ["openid"]}, False),
        ({"preset": "google", "issuer": None}, False),
    ],
)
def test_form_is_announced(keys: dict[str, Any], posts: bool) -> None:
    assert new(**keys).posts_back is posts


# What operators are told


@pytest.mark.parametrize(
    ("keys", "starts"),
    [
        ({}, []),
        ({"allow_private_network": True}, ["allow_private_network:"]),
        (
            {"allow_private_network": True, "issuer": "http://idp.internal"},
            ["allow_private_network:", "plain http:"],
        ),
        (
            {"allow_private_network": True, "jwks_uri": "http://idp.internal/jwks"},
            ["allow_private_network:", "plain http:"],
        ),
        ({"authorization_params": {"prompt": "none"}}, ["prompt: none"]),
        ({"authorization_params": {"prompt": "login"}}, []),
    ],
)
def test_weak_settings_are_warnings_at_every_start(keys: dict[str, Any], starts: list[str]) -> None:
    found = new(**keys).warnings()
    assert [told.startswith(start) for told, start in zip(found, starts, strict=True)] == [
        True for _ in starts
    ]


async def test_nobody_can_be_explained_without_a_proof() -> None:
    assert await new().explain("ann@example.com") is None


# Marks


KEYS: dict[str | None, dict[str, Any]] = {
    "microsoft": {"issuer": None, "tenants": ["b3a1e6a0-0d4c-4a52-9b6c-6d1f3f1c5a10"]},
    "github": {"issuer": None, "scopes": ["read:user"]},
    "google": {"issuer": None},
    "apple": {"issuer": None},
}


@pytest.mark.parametrize("preset", icons.BY_PRESET)
def test_every_preset_has_a_mark_of_its_own(preset: str | None) -> None:
    icon = new(preset=preset, **KEYS.get(preset, {})).icon
    others = [mark for name, mark in icons.BY_PRESET.items() if name != preset]
    assert icon not in others
    assert (icon == _icons.BROWSER) == (preset is None)


@pytest.mark.parametrize("icon", icons.BY_PRESET.values())
def test_mark_is_a_drawing_and_nothing_else(icon: str) -> None:
    root = ET.fromstring(icon)
    assert root.get("viewBox") == "0 0 24 24"
    assert root.get("stroke") == "currentColor"
    assert {child.tag.rpartition("}")[2] for child in root.iter()} == {"svg", "path"}
    assert all(child.attrib.keys() == {"d"} for child in root)


# Libraries


@pytest.mark.parametrize("library", ["authlib", "joserfc"])
def test_provider_without_its_libraries_is_told(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == library else find(name)
    )
    with pytest.raises(providers.ProviderTypeError, match=f"not installed: {library}"):
        providers.load("oauth2")
    assert providers.load_class("oauth2").purpose


def test_libraries_are_imported_by_those_who_have_an_identity_provider_only() -> None:
    script = (
        "import sys, providers\n"
        "providers.load('oauth2').Config.model_json_schema()\n"
        "loaded = {'authlib', 'joserfc', 'cryptography', 'aiohttp.web'} & {*sys.modules}\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=30)
