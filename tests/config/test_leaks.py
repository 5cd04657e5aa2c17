"""A secret in the wrong place: wherever it stands, no error may show it."""

from __future__ import annotations

import copy
import json
import traceback
from typing import Annotated, Any, Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from config import ConfigError, Duration, Model, Secret, Settings, builder, parse_text
from tests.config.reading import refused

SOUND: dict[str, Any] = {
    "listen": "127.0.0.1:80",
    "admin": None,
    "public_url": "https://a.example.com",
    "workers": 1,
    "tls": {"certificate": "a", "private_key": "b"},
    "trusted_proxies": ["10.0.0.0/8"],
    "cors_origins": ["*"],
    "allow_get": False,
    "secret": "0123456789abcdef0123456789abcdef",
    "store": {"url": "redis://h:6379/0"},
    "issuer": {"type": "mesibo", "app_token": "x", "url": "https://a.b", "token_lifetime": "1d"},
    "apps": {
        "a": {
            "providers": ["p"],
            "result": "auto",
            "return_urls": ["a.b:/c"],
            "urls": {"upload": "https://a.b"},
            "share": {"text": "t"},
            "invite": "i",
        }
    },
    "providers": {
        "p": {
            "type": "ldap",
            "label": "l",
            "address": "{phone}",
            "shared_address": True,
            "config": {
                "senders": [{"type": "http", "token": "x", "wait": "5s"}],
                "texts": {"de": "x"},
            },
        }
    },
    "limits": {"per_ip": ["5/hour"], "connections": 5},
    "logging": {"level": "info"},
    "tracing": {"endpoint": "https://a.b", "sample": 0.5, "headers": {"a": "x"}, "service": "s"},
}


class HttpSender(Model):
    type: Literal["http"]
    token: Secret
    wait: Duration


class SmtpSender(Model):
    type: Literal["smtp"]


class ProviderConfig(Model):
    senders: list[Annotated[HttpSender | SmtpSender, Field(discriminator="type")]]
    texts: str | dict[str, str]


def read_all(text: str) -> None:
    """Read gateway settings and a provider's config, as a start does."""
    document = parse_text(text, "g.yaml")
    problems = []
    for model, at in ((Settings, ()), (ProviderConfig, ("providers", "p", "config"))):
        try:
            document.parse(model, at=at)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)


def shown(text: str) -> str:
    """Return all that an error of ``text`` can put in front of anybody."""
    try:
        read_all(text)
    except ConfigError as error:
        lines = [str(error), repr(error), *map(repr, error.problems)]
        return "\n".join([*lines, *traceback.format_exception(error)])
    return ""


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return every place in ``value``, its root apart."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, child in inside:
        found.append((*path, key))
        if isinstance(child, dict | list):
            found += paths(child, (*path, key))
    return found


def test_the_sound_configuration_is_sound() -> None:
    read_all(json.dumps(SOUND))


# Each has a mark inside, since a random text may be a word of ours.
ANY = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")))
SECRETS = st.builds(lambda before, after: f"{before}hunter2{after}", ANY, ANY)
FORMS = {
    "itself": lambda secret: secret,
    "in a list": lambda secret: [secret],
    "under an unknown key": lambda secret: {"tokne": secret},
    "with env and more": lambda secret: {"env": "GW_UNSET", "default": secret},
    "deeper": lambda secret: {"type": {"url": [secret]}},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
@given(secret=SECRETS, path=st.sampled_from(paths(SOUND)))
def test_secret_in_place_of_any_value_is_not_shown_c13(
    form: Any, secret: str, path: tuple[Any, ...]
) -> None:
    data = copy.deepcopy(SOUND)
    *above, last = path
    place = data
    for key in above:
        place = place[key]
    place[last] = form(secret)
    assert "hunter2" not in shown(json.dumps(data, ensure_ascii=False))


@given(secret=SECRETS, path=st.sampled_from([p for p in paths(SOUND) if isinstance(p[-1], str)]))
def test_secret_under_a_misspelt_key_is_not_shown_c13(secret: str, path: tuple[Any, ...]) -> None:
    data = copy.deepcopy(SOUND)
    *above, last = path
    place = data
    for key in above:
        place = place[key]
    place[f"{last}x"] = secret
    assert "hunter2" not in shown(json.dumps(data, ensure_ascii=False))


# Without the signs that would make a key of it: keys are shown.
RAW = st.text(st.sampled_from("abcXYZ019 !&*'\"%@`#|>-=~$/\\<.+"), min_size=6, max_size=24)


@pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader])
@given(raw=RAW)
def test_secret_that_breaks_the_syntax_is_not_shown_c13(loader: Any, raw: str) -> None:
    secret = f"hunter{raw}"
    for written in (secret, raw + secret, f"'{secret}", f'"{secret}', f"!{secret}", f"&{secret}"):
        text = f"issuer:\n  type: mesibo\n  app_token: {written}\napps: {{'*': {{}}}}\n"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(builder, "_LOADER", loader)
            assert "hunter" not in shown(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: &hunter2!x b",
        "a: *hunter2",
        "a: !hunter2!x b",
        "%TAG !h! hunter2\n---\na: !h!x b",
        "%hunter2 x\n---\na",
        'a: "\\hunter2"',
        "a: 'x' hunter2",
        "a: [hunter2",
        "a: |hunter2",
        "hunter2",
        "- hunter2",
        "a: b: hunter2",
        "a\n  hunter2: x\nb",
    ],
)
@pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader])
def test_broken_text_is_not_quoted(monkeypatch: pytest.MonkeyPatch, loader: Any, text: str) -> None:
    monkeypatch.setattr(builder, "_LOADER", loader)
    message = shown(text)
    assert message
    assert "unter2" not in message


def test_misspelt_secret_key_tells_the_key_and_not_the_value_c13() -> None:
    text = "senders: [{type: http, tokne: hunter2, wait: 5s}]\ntexts: x"
    found = refused(ProviderConfig, text)
    assert found == [
        "1:11: senders.0.token: required key is missing",
        '1:24: senders.0.tokne: unknown key; did you mean "token"?',
    ]
